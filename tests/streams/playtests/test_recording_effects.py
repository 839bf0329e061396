from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from deploy.objects import FolderObjects
from schemas.log_positions import Position
from schemas.playtests import account_commands, names, slot_commands
from schemas.playtests.person_messages import ForgetPerson
from schemas.playtests.recordings import transcript_folder, upload_folder
from streams.playtests.recording_effects import RecordingEffects
from streams.playtests.transcriber import Transcriber, Transcript
from streams.playtests.transcription import ATTEMPTS
from tests.streams.deciders.playtests.given import DAY_MS, STUDIO, submit
from tests.streams.playtests.recording_world import FAILS, TEXT, WORKS, World, kinds_of, transcriber


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(FolderObjects(tmp_path, base_url="http://localhost:4000", secret=b"secret"))


async def test_an_accepted_public_recording_is_copied_and_then_published(world: World) -> None:
    slot_id = await world.submitted(public=True)
    world.given(slot_commands.AcceptSlot(slot_id=slot_id))
    assert world.slots[slot_id].status == "publishing"
    world.behind, world.away = 3, 2
    await world.read_all(world.effects())
    held = world.slots[slot_id]
    assert (held.status, held.public_key) == ("accepted", f"public/recordings/{slot_id}.mp4")
    assert await world.objects.read(held.public_key) == b"frames"


async def test_a_private_one_is_not(world: World) -> None:
    slot_id = await world.submitted()
    world.given(slot_commands.AcceptSlot(slot_id=slot_id))
    await world.read_all(world.effects())
    assert world.asked == []
    assert await world.objects.names("public/recordings") == []


async def test_a_lost_position_publishes_nothing_twice(world: World) -> None:
    slot_id = await world.submitted(public=True)
    world.given(slot_commands.AcceptSlot(slot_id=slot_id))
    await world.read_all(world.effects())
    before, count = world.slots[slot_id], len(world.records)
    world.positions.clear()
    await world.read_all(world.effects())
    assert world.slots[slot_id] == before
    assert [kind for record in world.records[count:] for kind in kinds_of(record)] == []


async def test_a_slot_whose_recording_is_gone_is_accepted_with_nothing_public(world: World) -> None:
    slot_id = await world.submitted(public=True)
    world.given(slot_commands.AcceptSlot(slot_id=slot_id))
    submission = world.slots[slot_id].submission
    assert submission is not None
    await world.objects.delete(submission.video_key)
    await world.read_all(world.effects())
    held = world.slots[slot_id]
    assert (held.status, held.public_key) == ("accepted", "")
    assert world.positions[0].offset == len(world.records)


async def test_what_was_not_submitted_is_removed(world: World) -> None:
    slot_id = await world.submitted()
    await world.read_all(world.effects())
    assert await world.objects.names(upload_folder(STUDIO, slot_id)) == ["one.mp4"]


async def test_an_uploaded_transcript_stays_with_its_recording(world: World) -> None:
    order_id = world.decider.active()
    slot_id = world.claimed(order_id)
    video = slot_commands.StoredObject(key=await world.put(slot_id, "one.mp4"), size_bytes=6)
    text = slot_commands.StoredObject(key=await world.put(slot_id, "words.txt"), size_bytes=6)
    await world.put(slot_id, "another.mp4")
    world.given(submit(slot_id, video=video, transcript=text, transcribe=True))
    await world.read_all(world.effects(FAILS))
    assert sorted(await world.objects.names(upload_folder(STUDIO, slot_id))) == ["one.mp4", "words.txt"]
    assert world.asked == []


@pytest.mark.parametrize("ending", ["abandoned", "expired"])
async def test_uploads_of_a_slot_that_ends_unsubmitted_are_removed(world: World, ending: str) -> None:
    slot_id = world.claimed(world.decider.active())
    await world.put(slot_id, "one.mp4")
    if ending == "abandoned":
        world.given(slot_commands.AbandonSlot(slot_id=slot_id, playtester_id="ann"))
    else:
        world.decider.at_ms += DAY_MS
        world.given(slot_commands.SlotDue(slot_id=slot_id))
    await world.read_all(world.effects())
    assert await world.objects.names(upload_folder(STUDIO, slot_id)) == []


async def test_a_transcript_is_made_stored_and_approved(world: World) -> None:
    slot_id = await world.submitted(transcribe=True)
    world.behind, world.away = 3, 1
    await world.read_all(world.effects(WORKS))
    made = world.slots[slot_id].transcription
    assert made is not None
    assert (made.status, made.version, made.key_takeaways) == ("approved", "test", ["Too dark"])
    assert await world.objects.read(made.key) == b"It is dark."
    assert [type(body) for body in world.asked][-2:] == [
        slot_commands.StartTranscript,
        slot_commands.ApproveTranscript,
    ]
    asked = len(world.asked)
    world.positions.clear()
    await world.read_all(world.effects(FAILS))
    assert len(world.asked) == asked
    assert world.slots[slot_id].transcription == made


@pytest.mark.parametrize("made_by", [FAILS, None])
async def test_a_transcriber_that_fails_or_is_missing_is_told(
    world: World, made_by: Transcriber | None, caplog: pytest.LogCaptureFixture
) -> None:
    slot_id = await world.submitted(transcribe=True)
    await world.read_all(world.effects(made_by))
    held = world.slots[slot_id].transcription
    assert held is not None
    assert held.status == "failed"
    assert caplog.text.count("no speech") == (ATTEMPTS if made_by is FAILS else 0)


async def test_a_transcript_that_is_given_meanwhile_stays(world: World, tmp_path: Path) -> None:
    slot_id = await world.submitted(transcribe=True)
    started = tmp_path / "started"
    code = (
        "import time, pathlib\n"
        f"pathlib.Path({str(started)!r}).touch()\n"
        f"while pathlib.Path({str(started)!r}).exists(): time.sleep(0.01)\n"
        f"print({json.dumps(TEXT)!r})"
    )
    effects = world.effects(transcriber(code))
    reading = asyncio.create_task(world.read_all(effects))
    async with asyncio.timeout(20):
        while not started.exists():  # noqa: ASYNC110 - another process's state has no event
            await asyncio.sleep(0.01)
    world.given(
        slot_commands.ApproveTranscript(slot_id=slot_id, version="human", key="transcripts/human.txt")
    )
    started.unlink()
    await reading
    held = world.slots[slot_id].transcription
    assert held is not None
    assert (held.status, held.version) == ("approved", "human")


async def test_the_position_waits_for_the_oldest_job(world: World, tmp_path: Path) -> None:
    """A process that ends meanwhile begins again with it."""
    slot_id = await world.submitted(transcribe=True)
    requested = len(world.records) - 1
    world.given(slot_commands.AcceptSlot(slot_id=slot_id))
    started = tmp_path / "started"
    hangs = f"import time, pathlib\npathlib.Path({str(started)!r}).touch()\ntime.sleep(600)"
    effects = world.effects(transcriber(hangs))
    await effects.assigned(0)
    for record in world.records:
        await effects.handle(record)
    async with asyncio.timeout(20):
        while not started.exists():  # noqa: ASYNC110 - another process's state has no event
            await asyncio.sleep(0.01)
    await effects.idle(10_000_000)
    assert world.positions[0].offset == requested
    await effects.close()
    await world.read_all(world.effects(WORKS))
    held = world.slots[slot_id].transcription
    assert held is not None
    assert held.status == "approved"
    assert world.positions[0].offset == len(world.records)


async def read_whole(world: World, effects: RecordingEffects) -> None:
    """All records, and what waits for room, until nothing is left to do."""
    offset, now_ms = await effects.assigned(0), 10_000_000
    while world.positions.get(0, Position()).offset < len(world.records):
        while offset < len(world.records):
            await effects.handle(world.records[offset])
            offset += 1
        await effects.settle(0)
        now_ms += 10_000
        await effects.idle(now_ms)


async def test_what_a_full_lane_can_not_take_waits_in_the_log_and_holds_the_position(world: World) -> None:
    slots = [await world.submitted(public=True, transcribe=True, by=f"p{number}") for number in range(8)]
    for slot_id in slots:
        world.given(slot_commands.AcceptSlot(slot_id=slot_id))
    held, begun = asyncio.Event(), 0

    class Slow(Transcriber):
        async def run(self, url: str, content_type: str) -> Transcript:
            nonlocal begun
            begun += 1
            await held.wait()
            return await super().run(url, content_type)

    slow = Slow([sys.executable, "-c", f"print({json.dumps(TEXT)!r})"], {})
    effects = world.effects(slow, jobs_max=4, transcripts_max=2)
    await effects.assigned(0)
    for record in list(world.records):
        before = len(asyncio.all_tasks())
        await effects.handle(record)
        assert len(asyncio.all_tasks()) <= before + 2  # one of each lane at most, and none once they are full
    now_ms = 10_000_000
    while any(world.slots[slot_id].status == "publishing" for slot_id in slots):
        assert len(effects.jobs(0)) <= 4 + 2
        await asyncio.sleep(0.01)
        now_ms += 10_000
        await effects.idle(now_ms)
    # all is published while the first transcript is still being made: the position is before it
    first = next(
        offset
        for offset, record in enumerate(world.records)
        if "playtests.transcript-requested.v1" in kinds_of(record)
    )
    assert (begun, world.positions[0].offset) == (1, first)
    held.set()
    await effects.close()
    await read_whole(world, world.effects(slow, jobs_max=4, transcripts_max=2))
    told = [world.slots[slot_id].transcription for slot_id in slots]
    assert [one.status for one in told if one is not None] == ["approved"] * 8


async def test_all_that_a_forgotten_playtester_has_stored_is_removed(world: World) -> None:
    public = await world.submitted(public=True, transcribe=True)
    world.given(slot_commands.AcceptSlot(slot_id=public))
    private, other = await world.submitted(), await world.submitted(by="ben")
    reserved = world.claimed(world.decider.active())
    await world.put(reserved, "one.mp4")
    world.given(account_commands.ForgetPlaytester(playtester_id="ann"))
    effects = world.effects(WORKS)
    await effects.assigned(0)
    read = list(world.records)
    for record in read:
        await effects.handle(record)
    world.behind = 3
    await effects.settle(0)  # what is published and transcribed meanwhile is removed as well
    await effects.idle(10_000_000)
    assert world.positions[0].offset == len(read)
    assert world.slots[public].status == "accepted"
    for slot_id in (public, private, reserved):
        assert await world.objects.names(upload_folder(STUDIO, slot_id)) == []
    assert await world.objects.names(transcript_folder(STUDIO, public)) == []
    assert await world.objects.names("public/recordings") == []
    assert await world.objects.names(upload_folder(STUDIO, other)) == ["one.mp4"]


@pytest.mark.parametrize("shown", [False, True], ids=["read before", "read after it is shown"])
async def test_nothing_stays_stored_of_a_forgotten_person(world: World, *, shown: bool) -> None:
    public = await world.submitted(public=True, transcribe=True)
    world.given(slot_commands.AcceptSlot(slot_id=public))
    private, other = await world.submitted(), await world.submitted(by="ben", public=True)
    world.given(slot_commands.AcceptSlot(slot_id=other))
    reserved = world.claimed(world.decider.active())
    await world.put(reserved, "one.mp4")
    world.given(ForgetPerson(playtester_id="ann", pseudonym=names.pseudonym("a" * 32)))
    if shown:
        for slot_id in (public, private, reserved):
            world.forgotten(slot_id)
    effects = world.effects(WORKS)
    await effects.assigned(0)
    read = list(world.records)
    for record in read:
        await effects.handle(record)
    await effects.settle(0)  # what is published and transcribed meanwhile is removed as well
    await effects.idle(10_000_000)
    assert world.positions[0].offset == len(read)
    assert world.decider.slot(public).status == "accepted"
    for slot_id in (public, private, reserved):
        assert await world.objects.names(upload_folder(STUDIO, slot_id)) == []
    assert await world.objects.names(transcript_folder(STUDIO, public)) == []
    assert await world.objects.names("public/recordings") == [f"{other}.mp4"]
    assert await world.objects.names(upload_folder(STUDIO, other)) == ["one.mp4"]
    world.positions.clear()  # done again, it changes nothing
    await world.read_all(world.effects(WORKS))
    assert await world.objects.names("public/recordings") == [f"{other}.mp4"]


async def test_a_defect_ends_the_process(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slot_id = await world.submitted(public=True)
    world.given(slot_commands.AcceptSlot(slot_id=slot_id))

    async def breaks(_source: str, _target: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.objects, "copy", breaks)
    with pytest.raises(ZeroDivisionError):
        await world.read_all(world.effects())
