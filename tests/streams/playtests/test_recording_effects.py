from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from deploy.objects import FolderObjects
from schemas.codec import Message
from schemas.edge.ports import StoreUnavailable
from schemas.envelope import Command, CommandRejected, Decided, Event, EventsRecord, Outcome
from schemas.log import LogRecord
from schemas.log_positions import Position
from schemas.objects import new_object
from schemas.playtests import account_commands, names, slot_commands, slot_events
from schemas.playtests import events as ev
from schemas.playtests.commands import COMMANDS
from schemas.playtests.ports import Place
from schemas.playtests.recordings import transcript_folder, upload_folder
from schemas.playtests.views import Slot
from schemas.topics import Topic
from streams.asking import Asker
from streams.effect_reader import Reading
from streams.gateway.pending_commands import CommandUnavailable
from streams.playtests.recording_effects import ATTEMPTS, RecordingEffects
from streams.playtests.transcriber import Transcriber, Transcript
from tests.streams.deciders.playtests.given import AT_MS, DAY_MS, GAME, STUDIO, Playtests, submit

TOPIC = Topic(name="playtests.events", partitions=1, description="")
TEXT = {"version": "test", "text": "It is dark.", "keyTakeaways": ["Too dark"]}


class World:
    """The decider answers, and what it decides is the log and the read side. `away` asks get no answer."""

    def __init__(self, objects: FolderObjects) -> None:
        self.objects = objects
        self.decider = Playtests()
        self.records: list[LogRecord] = []
        self.slots: dict[str, Slot] = {}
        self.positions: dict[int, Position] = {}
        self.asked: list[Message] = []
        self.away = 0
        self.behind = 0
        """How many reads the read side does not answer, or does not show the submission of."""

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        del definition, partition
        body = COMMANDS.decode(command.type, command.body)
        self.asked.append(body)
        assert command.aggregate_id.startswith(f"order/{STUDIO}/")
        if self.away:
            self.away -= 1
            raise CommandUnavailable("away")
        verdict = self.decider.when(body)
        if isinstance(verdict, CommandRejected):
            refusal = msgspec.msgpack.encode(verdict)
            return Outcome(command_id="", fingerprint=b"", status=verdict.status, body=refusal)
        self.given(body)
        return Outcome(command_id="", fingerprint=b"", status=200, body=b"")

    def given(self, body: Message) -> list[Message]:
        """Decide it; its events are a record of the log, and applied."""
        events = self.decider.given(body)
        stored = [
            Event(type=one.WIRE, aggregate_id="", sequence=0, at_ms=AT_MS, data=ev.EVENTS.encode(one))
            for one in events
        ]
        decided = Decided(
            command_id="c", studio_id=STUDIO, game_id=GAME, keyed=False, fingerprint=b"", events=stored
        )
        offset = len(self.records)
        record = EventsRecord(version=1, src=offset, gateway_id="g", record_id="r", decided=[decided])
        self.records.append(
            LogRecord(
                topic=TOPIC.name,
                partition=0,
                offset=offset,
                appended_at_ms=AT_MS,
                key=None,
                value=msgspec.msgpack.encode(record),
            )
        )
        for one in events:
            self._apply(one)
        return events

    def _apply(self, event: Message) -> None:
        if isinstance(event, slot_events.TranscriptEvent):
            held = self.slots[event.slot_id]
            self.slots[held.id] = msgspec.structs.replace(held, transcription=event.transcription)
        elif isinstance(event, slot_events.SlotEvent):
            state = msgspec.structs.asdict(event.slot)
            held = self.slots.get(event.slot.id) or Slot(
                order_id=event.order_id, studio_id=event.studio_id, game_id=event.game_id, **state
            )
            more = {
                name: getattr(event, name) for name in ("submission", "public_key") if hasattr(event, name)
            }
            self.slots[held.id] = msgspec.structs.replace(held, **state, **more)

    async def slot(self, slot_id: str) -> Slot | None:
        if self.behind:
            self.behind -= 1
            if self.behind % 2:
                raise StoreUnavailable("away")
            return msgspec.structs.replace(self.slots[slot_id], submission=None, transcription=None)
        return self.slots.get(slot_id)

    async def playtester_slots(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[Slot]:
        """One a page, however many are asked for."""
        assert (studio_id, limit > 0) == (STUDIO, True)
        if self.behind:
            self.behind -= 1
            raise StoreUnavailable("away")
        own = {
            (slot.created_at_ms, slot.id): slot
            for slot in self.slots.values()
            if slot.playtester_id == playtester_id
        }
        places = sorted(
            (one for one in own if before is None or one < (before.at_ms, before.id)), reverse=True
        )
        return [own[one] for one in places[:1]]

    async def log_id(self, _topic: str) -> str:
        return "log"

    async def begin_offset(self, _topic: str, _partition: int) -> int:
        return 0

    async def end_offset(self, _topic: str, _partition: int) -> int:
        return len(self.records)

    async def read(
        self, _topic: str, _partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        for record in self.records[begin:end]:
            yield record

    async def load(self, _log_id: str, partition: int) -> Position:
        return self.positions.get(partition, Position())

    async def save(self, _log_id: str, partition: int, position: Position) -> None:
        self.positions[partition] = position

    def effects(self, transcriber: Transcriber | None = None, **more: int) -> RecordingEffects:
        asker = Asker(self, COMMANDS, clock_ms=lambda: AT_MS, randomness=lambda size: b"x" * size)
        return RecordingEffects(
            asker,
            Reading(TOPIC, self, self),
            objects=self.objects,
            reads=self,
            transcriber=transcriber,
            clock_ms=lambda: AT_MS,
            again_s=0.001,
            **more,
        )

    async def read_all(self, effects: RecordingEffects) -> None:
        """From the position that is kept to the end, with all that follows from it."""
        offset = await effects.assigned(0)
        while offset < len(self.records):
            await effects.handle(self.records[offset])
            offset += 1
            await effects.settle(0)
        await effects.idle(10_000_000)

    async def submitted(self, *, public: bool = False, transcribe: bool = False, by: str = "ann") -> str:
        """A slot whose recording is stored and was handed in, after another try at uploading it."""
        order_id = self.decider.active(visibility="public" if public else "private")
        slot_id = self.claimed(order_id, by)
        key = await self.put(slot_id, "one.mp4")
        await self.put(slot_id, "another.mp4")
        video = slot_commands.StoredObject(key=key, size_bytes=6)
        self.given(submit(slot_id, by, video=video, transcribe=transcribe))
        return slot_id

    def claimed(self, order_id: str, by: str = "ann") -> str:
        self.given(slot_commands.ClaimSlot(order_id=order_id, playtester_id=by))
        return names.slot_id(order_id, 1)

    async def put(self, slot_id: str, name: str) -> str:
        key = f"{upload_folder(STUDIO, slot_id)}/{name}"
        async with new_object(self.objects, key) as writer:
            await writer.write(b"frames")
        return key


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(FolderObjects(tmp_path, base_url="http://localhost:4000", secret=b"secret"))


def transcriber(code: str) -> Transcriber:
    return Transcriber([sys.executable, "-c", code], {})


WORKS = transcriber(f"print({json.dumps(TEXT)!r})")
FAILS = transcriber("raise SystemExit('no speech')")


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


async def test_a_defect_ends_the_process(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slot_id = await world.submitted(public=True)
    world.given(slot_commands.AcceptSlot(slot_id=slot_id))

    async def breaks(_source: str, _target: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.objects, "copy", breaks)
    with pytest.raises(ZeroDivisionError):
        await world.read_all(world.effects())


def kinds_of(record: LogRecord) -> list[str]:
    read = msgspec.msgpack.decode(record.value, type=EventsRecord)
    return [event.type for decided in read.decided for event in decided.events]
