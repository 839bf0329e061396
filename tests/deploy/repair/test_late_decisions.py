"""What lost its events is decided again as it was the first time, however late that is."""

from __future__ import annotations

from pathlib import Path

from deploy.repair.late_decisions import decide_partition
from schemas.envelope import Decided
from schemas.studio.noun import STUDIO_COMMANDS, STUDIO_EVENTS
from streams.deciders.studio import STUDIO
from tests.streams.deciders.given import record_of
from tests.streams.deciders.memory_log import MemoryLog
from tests.streams.deciders.test_decider import COMMANDS, EVENTS, answers, drive, now, reader

HOUR_MS = 3_600_000


async def asked_and_lost(log: MemoryLog, folder: Path) -> list[list[Decided]]:
    """Three commands, the third repeats the first; then the events are gone for an hour."""
    decider = reader(log, folder)
    await decider.assigned(0)
    for name in ("a", "b", "a"):
        log.now_ms += 60_000
        await log.append(COMMANDS, 0, record_of(now(log, name, f"c-{name}"), record_id=f"r{log.now_ms}"))
        await decider.handle(log.records(COMMANDS)[-1])
    before = [answer.decided for answer in answers(log)]
    log.lose(EVENTS, 3)
    log.now_ms += HOUR_MS
    return before


async def test_it_is_decided_alike(tmp_path: Path) -> None:
    log = MemoryLog()
    before = await asked_and_lost(log, tmp_path)
    told: list[str] = []

    async def decided(noun: str, one: Decided) -> None:
        told.append(f"{noun} {one.command_id}")

    decider = reader(log, tmp_path)
    for count in (3, 0):  # called again, there is nothing left
        assert count == await decide_partition(
            STUDIO, decider, (STUDIO_COMMANDS, STUDIO_EVENTS), 0, log=(log, log), decided=decided
        )
    assert [answer.decided for answer in answers(log)] == before
    assert told == ["studio c-a", "studio c-b", "studio c-a"]
    assert await reader(log, tmp_path).assigned(0) == 3


async def test_a_decider_by_itself_does_the_same(tmp_path: Path) -> None:
    log = MemoryLog()
    before = await asked_and_lost(log, tmp_path)
    await drive(reader(log, tmp_path), log)
    assert [answer.decided for answer in answers(log)] == before
