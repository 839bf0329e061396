"""A rebuild beside a live projector, against a real ClickHouse."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.positions import GenerationChanged
from projections.clickhouse.rebuilding import RebuildFailed, Rebuilt, rebuild_tables
from projections.telemetry.rebuild import telemetry_plan
from projections.telemetry.spans import RUNS_MAX
from schemas.telemetry.record import PartKind
from tests.projections.telemetry.support import (
    MINUTE,
    SECOND,
    START_MS,
    TOPIC,
    MemoryLog,
    due,
    gameplay,
    part,
    s4,
)
from tests.projections.telemetry.test_reader import apply, busy_log, contents, reader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.stack


async def no_wait(_seconds: float) -> None:
    import asyncio  # noqa: PLC0415 - only here

    await asyncio.sleep(0)


async def run(
    live: ClickHouse,
    url: str,
    log: MemoryLog,
    *,
    verify: bool = False,
    sleep: Callable[[float], Awaitable[None]] = no_wait,
) -> Rebuilt:
    built = ClickHouse(url, f"{live.database}_rebuild")
    told: list[tuple[int, int]] = []
    try:
        plan = telemetry_plan(built, topic=TOPIC, partitions=len(log.records), tail=log)
        return await rebuild_tables(
            live,
            built,
            plan,
            tail=log,
            progress=lambda done, total: told.append((done, total)),
            clock_ms=lambda: log.now_ms,
            verify=verify,
            sleep=sleep,
        )
    finally:
        await built.close()
        assert all(done <= total for done, total in told)


async def databases(client: ClickHouse) -> int:
    rows = await client.rows(
        "SELECT count() FROM system.databases WHERE startsWith(name, {name:String})",
        {"name": client.database},
    )
    return int(rows[0][0])


async def test_a_rebuild_is_equal_and_swaps(database: ClickHouse, clickhouse_url: str) -> None:
    log = busy_log()
    await apply(database, log)
    before = await contents(database)
    generation = await database.rows("SELECT generation FROM generations")
    verified = await run(database, clickhouse_url, log, verify=True)
    assert (verified.different, verified.swapped) == ([], False)
    assert verified.live["events"].rows > 0
    assert verified.live["insights"].rows > 0
    assert await database.rows("SELECT generation FROM generations") == generation
    done = await run(database, clickhouse_url, log)
    assert (done.swapped, done.left) == (True, 0)
    assert await contents(database) == before
    assert await database.rows("SELECT generation FROM generations") != generation
    assert await databases(database) == 1


async def test_a_verification_names_the_tables_that_differ_and_a_rebuild_repairs_them(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = busy_log()
    await apply(database, log)
    before = await contents(database)
    await database.command("ALTER TABLE events DELETE WHERE _offset = 3 SETTINGS mutations_sync = 2")
    await database.command("TRUNCATE TABLE insights")
    verified = await run(database, clickhouse_url, log, verify=True)
    assert verified.different == ["events", "insights"]
    await run(database, clickhouse_url, log)
    assert await contents(database) == before


async def test_a_projector_that_worked_on_the_old_tables_stops_and_another_goes_on(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = busy_log()
    await apply(database, log)
    old = reader(database, log)
    begin = await old.assigned(0)
    await old.handle(log.put(s4(gameplay(START_MS, session="later"))))
    await run(database, clickhouse_url, log)
    with pytest.raises(GenerationChanged):
        await old.flush(0)
    new = reader(database, log)
    assert await new.assigned(0) == begin
    await apply(database, log)
    rows = await database.rows("SELECT count() FROM events WHERE session_id = 'later'")
    assert rows == [[1]]


async def test_the_builder_goes_only_as_far_as_the_live_projector(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = busy_log()
    shorter = MemoryLog()
    shorter.records[0] = log.records[0][:7]
    await apply(database, shorter)
    done = await run(database, clickhouse_url, log, verify=True)
    assert (done.positions, done.different) == ({0: 7}, [])
    assert (done.ends, done.left) == ({0: 14}, 7)


async def test_ticks_after_the_live_position_leave_nothing_to_apply(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = busy_log()
    await apply(database, log)
    end = len(log.records[0])
    log.put(part(PartKind.TICK, b"", 0))
    done = await run(database, clickhouse_url, log, verify=True)
    assert (done.positions, done.ends, done.left) == ({0: end}, {0: end}, 0)
    log.put(part(PartKind.TICK, b"", 0), s4(gameplay(START_MS)))
    done = await run(database, clickhouse_url, log, verify=True)
    assert (done.positions, done.ends, done.left) == ({0: end}, {0: end + 2}, 2)


async def test_a_live_projector_waits_and_goes_on(database: ClickHouse, clickhouse_url: str) -> None:
    """The projector gets records while it is held; it answers, waits, and is stopped by the swap."""
    import asyncio  # noqa: PLC0415 - only here

    log = busy_log()
    await apply(database, log)
    worker = reader(database, log)
    await worker.assigned(0)
    await worker.handle(log.put(s4(gameplay(START_MS, session="x"))))
    busy: list[asyncio.Task[Any]] = []

    async def sleep(seconds: float) -> None:
        if not busy:  # the builder waits for the projectors: now the live one comes to the end of its cut
            busy.append(asyncio.create_task(worker.flush(0)))
        await asyncio.sleep(min(seconds, 0.01))

    done = await run(database, clickhouse_url, log, sleep=sleep)
    assert done.swapped
    with pytest.raises(GenerationChanged):
        await busy[0]


async def test_a_trimmed_log_is_refused(database: ClickHouse, clickhouse_url: str) -> None:
    log = busy_log()
    await apply(database, log)
    before = await contents(database)
    log.records[0] = log.records[0][2:]
    with pytest.raises(RebuildFailed, match="no longer kept"):
        await run(database, clickhouse_url, log)
    assert await contents(database) == before


async def test_sessions_of_two_partitions_are_built_alike(database: ClickHouse, clickhouse_url: str) -> None:
    log = MemoryLog(partitions=2)
    at_ms = START_MS
    for number in range(6):
        at_ms += 1_500
        item = gameplay(at_ms, "player_death" if number % 2 else "level_failed", session="both")
        log.put(s4(item), at_ms=at_ms, partition=number % 2)
        await apply(database, log)  # the two partitions take turns
    log.put(due("both", at_ms + 31 * MINUTE), at_ms=at_ms + 31 * MINUTE, partition=0)
    await apply(database, log)
    log.put(s4(gameplay(at_ms + 95_000, "crash", session="both")), partition=1)
    await apply(database, log)
    kinds = await database.rows("SELECT type FROM insights FINAL WHERE removed = 0 ORDER BY type")
    assert kinds == [["bug-report"], ["difficulty-spike"], ["pacing-issue"], ["session-summary"]]
    verified = await run(database, clickhouse_url, log, verify=True)
    assert verified.different == []
    assert verified.live["session_parts"].rows == 2


async def test_a_rebuild_joins_the_same_spans_whatever_the_order_they_came_in(
    database: ClickHouse, clickhouse_url: str
) -> None:
    """The rebuild's cuts are larger than the live ones, and the session is in two partitions."""
    log = MemoryLog(partitions=2)
    moments = [START_MS + 31 * SECOND * number for number in range(3 * RUNS_MAX)]
    Random(1).shuffle(moments)
    for number, begin in enumerate(range(0, len(moments), 300)):
        items = [gameplay(at_ms) for at_ms in moments[begin : begin + 300]]
        log.put(s4(*items), at_ms=START_MS + 100_000 * SECOND + number * 1_500, partition=number % 3 == 0)
    await apply(database, log)
    idle = await database.rows(
        "SELECT length(spans), idle_ms > 0 FROM session_parts FINAL ORDER BY _partition"
    )
    assert idle == [[RUNS_MAX, 1], [RUNS_MAX, 1]]
    verified = await run(database, clickhouse_url, log, verify=True)
    assert verified.different == []
