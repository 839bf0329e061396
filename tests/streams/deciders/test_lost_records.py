"""A log that lost its end: what was decided or folded of it is not taken for what came in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.log_positions import PositionRefused
from streams.deciders.decider import DeciderReader
from streams.deciders.studio_state import StudioState
from tests.streams.deciders.given import record_of
from tests.streams.deciders.memory_log import MemoryLog
from tests.streams.deciders.test_decider import COMMANDS, EVENTS, drive, now, reader


async def decided(log: MemoryLog, folder: Path, *names: str) -> DeciderReader[StudioState]:
    for name in names:
        await log.append(COMMANDS, 0, record_of(now(log, name, f"c-{name}"), record_id=name))
    decider = reader(log, folder)
    await drive(decider, log)
    return decider


def slugs(decider: DeciderReader[StudioState]) -> set[str]:
    return {studio.slug for studio in decider.state(0).studios.values()}


@pytest.mark.parametrize("same_commands", [True, False])
async def test_a_snapshot_of_lost_records_is_not_used_once_the_log_has_grown(
    tmp_path: Path, *, same_commands: bool
) -> None:
    log = MemoryLog()
    await (await decided(log, tmp_path, "kept", "lost")).save(0)
    log.lose(EVENTS, 1)
    if not same_commands:
        log.lose(COMMANDS, 1)
        await log.append(COMMANDS, 0, record_of(now(log, "other", "c-other"), record_id="other"))
    elsewhere = reader(log, tmp_path / "without snapshots")
    await drive(elsewhere, log)
    heir = reader(log, tmp_path)
    assert await heir.assigned(0) == 2
    assert slugs(heir) == ({"kept", "lost"} if same_commands else {"kept", "other"})
    assert heir.state(0) == elsewhere.state(0)


async def test_a_snapshot_of_records_that_are_there_is_used(tmp_path: Path) -> None:
    log = MemoryLog()
    await (await decided(log, tmp_path, "a", "b")).save(0)
    heir = reader(log, tmp_path)
    await heir.assigned(0)
    assert heir._snapshot_at[0] == 2


async def test_commands_that_lost_their_end_are_refused(tmp_path: Path) -> None:
    log = MemoryLog()
    await decided(log, tmp_path, "a", "b")
    log.lose(COMMANDS, 1)
    with pytest.raises(PositionRefused, match=r"ends at 1.*questlog repair"):
        await reader(log, tmp_path).assigned(0)


async def test_a_new_command_at_a_decided_offset_is_refused_and_not_dropped(tmp_path: Path) -> None:
    log = MemoryLog()
    await decided(log, tmp_path, "a", "b")
    log.lose(COMMANDS, 1)
    await log.append(COMMANDS, 0, record_of(now(log, "c", "c-c"), record_id="c"))
    with pytest.raises(PositionRefused, match=r"another record.*questlog repair"):
        await reader(log, tmp_path).assigned(0)


async def test_the_last_decided_record_is_known_from_a_snapshot_too(tmp_path: Path) -> None:
    log = MemoryLog()
    await (await decided(log, tmp_path, "a", "b")).save(0)
    log.lose(COMMANDS, 1)
    await log.append(COMMANDS, 0, record_of(now(log, "c", "c-c"), record_id="c"))
    with pytest.raises(PositionRefused, match="another record"):
        await reader(log, tmp_path).assigned(0)


async def test_a_record_that_could_not_be_read_has_no_name_to_compare(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(COMMANDS, 0, b"\xc1")
    await drive(reader(log, tmp_path), log)
    assert await reader(log, tmp_path).assigned(0) == 1


async def test_events_whose_beginning_is_gone_are_refused_without_a_snapshot_from_there_on(
    tmp_path: Path,
) -> None:
    log = MemoryLog()
    decider = await decided(log, tmp_path, "a", "b")
    await decider.save(0)
    await decided(log, tmp_path, "c")
    log.trim(EVENTS, 3)
    for folder in (tmp_path / "without snapshots", tmp_path):
        with pytest.raises(PositionRefused, match=r"events.*begins at 3.*Repair: restore"):
            await reader(log, folder).assigned(0)
    log.trim(EVENTS, 2)
    heir = reader(log, tmp_path)
    assert await heir.assigned(0) == 3
    assert slugs(heir) == {"a", "b", "c"}
