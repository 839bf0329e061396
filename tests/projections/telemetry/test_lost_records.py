"""A telemetry log that lost its end and has grown again is not taken for the one that was applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from projections.clickhouse.positions import Positions
from projections.clickhouse.rebuilding import _Rebuild
from projections.telemetry.rebuild import telemetry_plan
from schemas.log_positions import PositionRefused
from tests.projections.telemetry.projecting import apply, busy_log, reader
from tests.projections.telemetry.support import START_MS, TOPIC, MemoryLog, gameplay, s4

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack


def grown_again(log: MemoryLog, lost: int, gained: int) -> MemoryLog:
    del log.records[0][-lost:]
    for _ in range(gained):
        log.put(s4(gameplay(START_MS)), at_ms=log.now_ms + 1)
    return log


async def test_a_position_behind_another_record_is_refused(database: ClickHouse) -> None:
    log = busy_log()
    await apply(database, log)
    position = (await Positions(database, TOPIC).read(0)).position
    lost = len(log.records[0]) - position.offset + 1
    grown_again(log, lost, lost + 3)
    with pytest.raises(PositionRefused, match=r"another one.*questlog rebuild clickhouse"):
        await reader(database, log).assigned(0)
    plan = telemetry_plan(database, topic=TOPIC, partitions=1, tail=log)
    rebuild = _Rebuild(database, plan, log, lambda _done, _total: None)
    assert await rebuild.targets() == {0: len(log.records[0])}


async def test_rows_of_a_lost_record_behind_a_true_position_are_refused(database: ClickHouse) -> None:
    """A batch that was not finished: its rows are there, its position is not."""
    log = busy_log()
    await apply(database, log)
    before = await Positions(database, TOPIC).read(0)
    log.put(s4(gameplay(START_MS)), at_ms=log.now_ms + 5_000)
    log.put(s4(gameplay(START_MS)), at_ms=log.now_ms + 5_000)
    await apply(database, log)
    await database.system.command("TRUNCATE TABLE reader_positions")
    await Positions(database, TOPIC).write(before, await Positions(database, TOPIC).generation())
    assert await reader(database, log).assigned(0) == before.position.offset
    grown_again(log, len(log.records[0]) - before.position.offset, 4)
    with pytest.raises(PositionRefused, match=r"that the log has lost.*questlog rebuild clickhouse"):
        await reader(database, log).assigned(0)


async def test_a_position_of_an_older_release_is_believed_once_and_gets_its_mark(
    database: ClickHouse,
) -> None:
    log = busy_log()
    await apply(database, log)
    marked = await Positions(database, TOPIC).all()
    await database.system.command(
        "ALTER TABLE reader_positions UPDATE mark = '' WHERE 1 SETTINGS mutations_sync = 2"
    )
    await reader(database, log).assigned(0)
    assert await Positions(database, TOPIC).all() == marked
