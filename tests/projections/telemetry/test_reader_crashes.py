"""Crashes, replays and rivals of the projector change nothing of what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from projections.telemetry.stale_worker import WorkerIsStale
from tests.projections.telemetry.dying import deaths
from tests.projections.telemetry.projecting import apply, busy_log, contents, drop, fresh, one, reader
from tests.projections.telemetry.support import (
    START_MS,
    MemoryLog,
    gameplay,
    s4,
)

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack


@pytest.fixture
async def expected(database: ClickHouse) -> dict[str, list[list[Any]]]:
    await apply(database, busy_log())
    return await contents(database)


async def test_repeats_are_dropped_within_a_batch_across_batches_and_across_restarts(
    database: ClickHouse, clickhouse_url: str, expected: dict[str, list[list[Any]]]
) -> None:
    again = await fresh(clickhouse_url)
    once = busy_log()
    log = MemoryLog()
    for record in once.records[0]:
        log.put_raw(record.value, record.appended_at_ms)
    before = await one(database, "SELECT sum(arraySum(mapValues(event_counts))) FROM sessions")
    s1_only = [record for record in once.records[0] if b"s1.batch" in record.value]
    for begin in (0, 6):
        await apply(again, log)
        for record in s1_only[begin : begin + 6]:  # the same requests once more, later in the log
            batch = s1_batch_of(record.value)
            log.put(batch, batch, at_ms=log.now_ms + 100)
    await apply(again, log)
    assert await one(again, "SELECT sum(arraySum(mapValues(event_counts))) FROM sessions") == before
    for table in ("events", "positions"):
        assert await one(again, f"SELECT count() FROM {table}") == len(expected[table])
    await drop(again)


def s1_batch_of(value: bytes) -> Any:
    from schemas.telemetry.record import decode_record  # noqa: PLC0415 - only here

    return decode_record(value).entries[1]


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_write_changes_nothing(
    clickhouse_url: str,
    expected: dict[str, list[list[Any]]],
    after: bool,  # noqa: FBT001 - pytest gives parameters by name
) -> None:
    """A worker dies at every single write in turn, and another one goes on from what is stored."""
    client = await fresh(clickhouse_url)
    log = busy_log()
    steps = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 200)
    assert await deaths(clickhouse_url, client.database, log, steps, after=after) >= 6
    assert await contents(client) == expected
    await drop(client)


async def test_a_lost_position_replays_everything_without_effect(
    database: ClickHouse, expected: dict[str, list[list[Any]]]
) -> None:
    await database.system.command("TRUNCATE TABLE reader_positions")
    await apply(database, busy_log())
    assert await contents(database) == expected


async def test_larger_batches_give_the_same_tables(
    clickhouse_url: str, expected: dict[str, list[list[Any]]]
) -> None:
    client = await fresh(clickhouse_url)
    await apply(client, busy_log(), bucket_ms=3_600_000)
    assert await contents(client) == expected
    await drop(client)


async def test_a_zombies_inserts_of_the_same_batch_have_no_effect(
    clickhouse_url: str, expected: dict[str, list[list[Any]]]
) -> None:
    """Two workers at one position; the second finishes, then the first wakes up and writes its batch too."""
    client = await fresh(clickhouse_url)
    log = busy_log()
    zombie = reader(client, log)
    await zombie.assigned(0)
    records = log.records[0]
    await zombie.handle(records[0])  # its first batch is open
    await apply(client, log)
    for record in records[1:4]:
        await zombie.handle(record)
    await zombie.flush(0)
    assert await contents(client) == expected
    assert await one(client.system, "SELECT max(next_offset) FROM reader_positions") == len(records)
    await drop(client)


async def test_a_worker_without_a_heartbeat_inserts_nothing(database: ClickHouse) -> None:
    async def no_wait(_seconds: float) -> None:
        return

    log = busy_log()
    with pytest.raises(WorkerIsStale):
        await apply(database, log, heartbeat_age_ms=lambda: 3_001.0, sleep=no_wait)
    assert await one(database, "SELECT count() FROM events") == 0


async def test_a_heartbeat_that_was_only_late_goes_out_before_the_insert(database: ClickHouse) -> None:
    ages = [9_000.0]

    async def beat(_seconds: float) -> None:
        ages[0] = 0.0

    log = MemoryLog()
    log.put(s4(gameplay(START_MS)))
    await apply(database, log, heartbeat_age_ms=lambda: ages[0], sleep=beat)
    assert await one(database, "SELECT count() FROM events") == 1
