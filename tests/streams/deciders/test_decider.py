from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from deploy.objects import FolderObjects
from schemas.dead_letters import decode_dead_letter
from schemas.envelope import Command, EventsRecord
from schemas.log import LogUnavailable
from schemas.studio.noun import STUDIO_COMMANDS, STUDIO_EVENTS
from schemas.topics import DEAD_LETTERS
from streams.deciders.decide import encode_events_record
from streams.deciders.decider import AnotherWriter, DeciderReader, OutOfOrder
from streams.deciders.fold import FoldFailed
from streams.deciders.snapshots import ObjectSnapshots
from streams.deciders.studio import STUDIO
from streams.deciders.studio_state import StudioState
from tests.streams.deciders.given import command_of, define, game, record_of
from tests.streams.deciders.memory_log import MemoryLog

COMMANDS, EVENTS = STUDIO_COMMANDS.name, STUDIO_EVENTS.name


def reader(log: MemoryLog, folder: Path, every: int = 2000, **more: int) -> DeciderReader[StudioState]:
    return DeciderReader(
        STUDIO,
        commands=STUDIO_COMMANDS,
        events=STUDIO_EVENTS,
        tail=log,
        appender=log,
        snapshots=ObjectSnapshots(FolderObjects(folder, base_url="http://localhost", secret=b"secret")),
        snapshot_every=every,
        **more,
    )


def snapshots_of(folder: Path) -> list[Path]:
    return list(folder.rglob("*.snapshot"))


async def ask(log: MemoryLog, *commands: Command) -> None:
    await log.append(COMMANDS, 0, record_of(*commands))


def now(log: MemoryLog, slug: str, command_id: str) -> Command:
    return command_of(define(slug, game("doom")), command_id, at_ms=log.now_ms)


async def drive(decider: DeciderReader[StudioState], log: MemoryLog) -> int:
    """What the runtime does: read from the position that `assigned` returns. Returns the position."""
    position = await decider.assigned(0)
    for record in log.records(COMMANDS)[position:]:
        await decider.handle(record)
    return position


def answers(log: MemoryLog) -> list[EventsRecord]:
    return [msgspec.msgpack.decode(record.value, type=EventsRecord) for record in log.records(EVENTS)]


async def test_every_command_record_has_one_events_record(tmp_path: Path) -> None:
    log = MemoryLog()
    for number in range(5):
        await ask(log, now(log, f"s{number}", f"c{number}"))
    assert await drive(reader(log, tmp_path), log) == 0
    assert [answer.src for answer in answers(log)] == [0, 1, 2, 3, 4]


async def test_a_restarted_decider_goes_on_at_the_folded_position(tmp_path: Path) -> None:
    log = MemoryLog()
    await ask(log, now(log, "a", "c1"))
    first = reader(log, tmp_path)
    await drive(first, log)
    await ask(log, now(log, "b", "c2"))
    second = reader(log, tmp_path)
    assert await drive(second, log) == 1
    assert [answer.src for answer in answers(log)] == [0, 1]
    assert {studio.slug for studio in second.state(0).studios.values()} == {"a", "b"}


async def test_records_from_before_the_position_are_dropped(tmp_path: Path) -> None:
    log = MemoryLog()
    await ask(log, now(log, "a", "c1"))
    decider = reader(log, tmp_path)
    await drive(decider, log)
    await decider.handle(log.records(COMMANDS)[0])
    assert len(answers(log)) == 1


async def test_a_missing_command_record_ends_the_process(tmp_path: Path) -> None:
    log = MemoryLog()
    for number in range(2):
        await ask(log, now(log, f"s{number}", f"c{number}"))
    decider = reader(log, tmp_path)
    await decider.assigned(0)
    with pytest.raises(OutOfOrder):
        await decider.handle(log.records(COMMANDS)[1])


async def test_an_append_that_was_written_but_not_acknowledged_counts_once(tmp_path: Path) -> None:
    log = MemoryLog()
    await ask(log, now(log, "a", "c1"))
    decider = reader(log, tmp_path)
    await decider.assigned(0)
    log.lost_acks = 1
    with pytest.raises(LogUnavailable):
        await decider.handle(log.records(COMMANDS)[0])
    assert await drive(reader(log, tmp_path), log) == 1
    assert len(answers(log)) == 1


async def test_a_zombie_is_found_out_by_its_next_append_and_changes_nothing(tmp_path: Path) -> None:
    log = MemoryLog()
    for number in range(3):
        await ask(log, now(log, f"s{number}", f"c{number}"))
    zombie, owner = reader(log, tmp_path), reader(log, tmp_path)
    await zombie.assigned(0)
    await owner.assigned(0)
    commands = log.records(COMMANDS)
    await owner.handle(commands[0])
    with pytest.raises(AnotherWriter):
        await zombie.handle(commands[0])
    with pytest.raises(AnotherWriter):  # the zombie's append took the offset the owner expected
        await owner.handle(commands[1])
    heir = reader(log, tmp_path)
    assert await heir.assigned(0) == 2
    await heir.handle(commands[2])
    assert [answer.src for answer in answers(log)] == [0, 0, 1, 2]
    fresh = reader(log, tmp_path)
    await fresh.assigned(0)
    assert fresh.state(0) == heir.state(0)
    assert len(heir.state(0).studios) == 3


async def test_an_unreadable_command_record_is_answered_and_kept(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(COMMANDS, 0, b"\xc1 not MessagePack", b"key")
    await ask(log, now(log, "a", "c1"))
    await drive(reader(log, tmp_path), log)
    assert [(answer.src, len(answer.decided)) for answer in answers(log)] == [(0, 0), (1, 1)]
    (kept,) = log.records(DEAD_LETTERS.name)
    letter = decode_dead_letter(kept.value)
    assert (letter.body, letter.key, letter.reader) == (b"\xc1 not MessagePack", b"key", "decider.studio")


async def test_an_unreadable_events_record_halts(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(EVENTS, 0, b"\xc1")
    with pytest.raises(FoldFailed):
        await reader(log, tmp_path).assigned(0)


async def test_an_event_of_a_newer_release_halts(tmp_path: Path) -> None:
    """Nothing is skipped: an older decider that is started again waits for the newer one."""
    log = MemoryLog()
    await ask(log, now(log, "a", "c1"))
    newer = reader(log, tmp_path)
    await drive(newer, log)
    (answer,) = answers(log)
    (decided,) = answer.decided
    unknown = msgspec.structs.replace(decided.events[0], type="studio.studio-defined.v99")
    other = msgspec.structs.replace(decided, events=[unknown])
    record = msgspec.structs.replace(answer, src=1, decided=[other])
    await log.append(EVENTS, 0, encode_events_record(record))
    with pytest.raises(FoldFailed, match=r"\[0\] at 1 can't be applied.*v99 is unknown to this build"):
        await reader(log, tmp_path / "older").assigned(0)


async def test_a_snapshot_saves_the_fold_and_gives_the_same_state(tmp_path: Path) -> None:
    log = MemoryLog()
    decider = reader(log, tmp_path, every=3)
    await decider.assigned(0)
    for number in range(5):
        await ask(log, now(log, f"s{number}", f"c{number}"))
        await decider.handle(log.records(COMMANDS)[-1])
        await decider.idle(log.now_ms)
        await asyncio.gather(*decider._saving.values())
    assert [int(path.name.split(".")[0]) for path in snapshots_of(tmp_path)] == [3]
    heir = reader(log, tmp_path, every=3)
    assert await heir.assigned(0) == 5
    assert heir.state(0) == decider.state(0)
    repeated = heir._folds[0].first_src("c1")
    assert repeated == 1


async def test_a_large_state_is_saved_less_often(tmp_path: Path) -> None:
    log = MemoryLog()
    decider = reader(log, tmp_path, every=1, snapshot_bytes_a_record=100)
    await decider.assigned(0)
    saved_at = [0]
    for number in range(12):
        await ask(log, now(log, f"s{number}", f"c{number}"))
        await decider.handle(log.records(COMMANDS)[-1])
        await decider.idle(log.now_ms)
        await asyncio.gather(*decider._saving.values())
        saved_at.append(decider._snapshot_at[0])
    gaps = [after - before for before, after in pairwise(sorted(set(saved_at)))]
    assert gaps == sorted(gaps)
    assert gaps[-1] > gaps[0]
    sizes = [path.stat().st_size for path in snapshots_of(tmp_path)]
    assert decider._snapshot_bytes[0] == max(sizes)
    heir = reader(log, tmp_path, every=1)
    await heir.assigned(0)
    assert heir._snapshot_bytes[0] == max(sizes)


async def test_a_snapshot_of_another_log_is_not_used(tmp_path: Path) -> None:
    log = MemoryLog()
    decider = reader(log, tmp_path, every=1)
    await ask(log, now(log, "a", "c1"))
    await drive(decider, log)
    await decider.idle(log.now_ms)
    await asyncio.gather(*decider._saving.values())
    assert await reader(MemoryLog("log-2"), tmp_path).assigned(0) == 0


async def test_a_revoked_partition_is_forgotten(tmp_path: Path) -> None:
    log = MemoryLog()
    decider = reader(log, tmp_path)
    await decider.assigned(0)
    await decider.revoked(0)
    with pytest.raises(KeyError):
        decider.state(0)
