"""A rebuild beside a live projector, against a real ClickHouse."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.positions import GenerationChanged
from projections.clickhouse.rebuild_plan import Plan, RebuildFailed, Rebuilt
from projections.telemetry.active_time import RUNS_MAX
from projections.telemetry.insight_store import InsightStore
from projections.telemetry.insights import RULES, FinishedSession, Insight, RuleEvent, Rules, derive
from projections.telemetry.rebuild import telemetry_plan
from projections.telemetry.session_key import SessionKey
from projections.telemetry.session_store import SessionStore
from schemas.telemetry.record import EntryKind
from tests.projections.rebuilt import at_once, rebuilt
from tests.projections.telemetry.projecting import apply, busy_log, contents, reader
from tests.projections.telemetry.support import (
    MINUTE,
    SECOND,
    START_MS,
    TOPIC,
    MemoryLog,
    due,
    entry,
    gameplay,
    s4,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

pytestmark = pytest.mark.stack


async def run(
    live: ClickHouse,
    url: str,
    log: MemoryLog,
    *,
    verify: bool = False,
    rules: Rules = RULES,
    sleep: Callable[[float], Awaitable[None]] = at_once,
    **more: Any,
) -> Rebuilt:
    told: list[tuple[int, int]] = []

    def plan_of(built: ClickHouse) -> Plan:
        return telemetry_plan(built, topic=TOPIC, partitions=len(log.records), tail=log, rules=rules, **more)

    try:
        return await rebuilt(
            live,
            url,
            plan_of,
            tail=log,
            progress=lambda done, total: told.append((done, total)),
            clock_ms=lambda: log.now_ms,
            verify=verify,
            sleep=sleep,
        )
    finally:
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
    generation = await database.system.rows("SELECT generation FROM generations")
    verified = await run(database, clickhouse_url, log, verify=True)
    assert (verified.different, verified.swapped) == ([], False)
    assert verified.live["events"].rows > 0
    assert verified.live["insights"].rows > 0
    assert await database.system.rows("SELECT generation FROM generations") == generation
    done = await run(database, clickhouse_url, log)
    assert (done.swapped, done.left) == (True, 0)
    assert await contents(database) == before
    assert await database.system.rows("SELECT generation FROM generations") != generation
    assert await databases(database) == 2


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
    log.put(entry(EntryKind.TICK, b"", 0))
    done = await run(database, clickhouse_url, log, verify=True)
    assert (done.positions, done.ends, done.left) == ({0: end}, {0: end}, 0)
    log.put(entry(EntryKind.TICK, b"", 0), s4(gameplay(START_MS)))
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
        if not busy:  # the builder waits for the projectors: now the live one comes to the end of its batch
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
    """The rebuild's batches are larger than the live ones, and the session is in two partitions."""
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


def stricter(session: FinishedSession, events: Iterable[RuleEvent]) -> list[Insight]:
    """Rules that no longer find stuck points, and are surer of the rest."""
    return [
        msgspec.structs.replace(insight, confidence=1.0)
        for insight in derive(session, events)
        if insight.type != "stuck-point"
    ]


KEY: Final = "studio_id, game_id, session_id"
NEWER: Final = Rules(RULES.version + 1, RULES.event_names, stricter)
FOUND: Final = "SELECT type, confidence = 1, rules_version FROM insights FINAL WHERE removed = 0 ORDER BY ALL"


def stuck_log() -> MemoryLog:
    log = MemoryLog()
    for session in ("a", "b"):
        log.put(
            s4(
                *(
                    gameplay(
                        START_MS + n,
                        "level_failed",
                        session=session,
                        level_id="x",
                        custom_data={"level": "x"},
                    )
                    for n in range(5)
                )
            )
        )
        log.put(due(session, START_MS + 31 * MINUTE), at_ms=START_MS + 31 * MINUTE)
    return log


async def test_sessions_that_older_rules_analysed_are_found_and_analysed_anew(
    database: ClickHouse, clickhouse_url: str
) -> None:
    """A store of before there were versions, and a release with new rules on it."""
    log = stuck_log()
    await apply(database, log)
    old = [["session-summary", 1, RULES.version]] * 2 + [["stuck-point", 0, RULES.version]] * 2
    assert await database.rows(FOUND) == old
    log.put(s4(gameplay(START_MS + 6, "level_failed", session="b", level_id="x", custom_data={"level": "x"})))
    await apply(database, log, rules=NEWER)  # a late event: one of the two is by the new rules
    assert await database.rows(FOUND) == [
        ["session-summary", 1, RULES.version],
        ["session-summary", 1, NEWER.version],
        ["stuck-point", 0, RULES.version],
    ]
    verified = await run(database, clickhouse_url, log, verify=True, rules=NEWER)
    assert (verified.different, verified.uncompared) == ([], 1)
    assert verified.live["insights"].rows == 1
    done: list[int] = []
    store = InsightStore(database, SessionStore(database), NEWER)
    assert await store.outdated() == 1
    assert await store.analyse_outdated("run-1", done.append) == 1
    assert done == [1]
    assert await database.rows(FOUND) == [["session-summary", 1, NEWER.version]] * 2
    verified = await run(database, clickhouse_url, log, verify=True, rules=NEWER)
    assert (verified.different, verified.uncompared) == ([], 0)
    assert verified.live["insights"].rows == 2
    assert await store.outdated() == 0
    assert await store.analyse_outdated("run-2", done.append) == 0


async def test_what_a_worker_of_the_older_release_wrote_last_is_found_again(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = stuck_log()
    await apply(database, log)
    newer = InsightStore(database, SessionStore(database), NEWER)
    older = InsightStore(database, SessionStore(database))
    assert await newer.analyse_outdated("run-1", lambda _: None) == 2
    keys = [SessionKey(*row) for row in await database.rows(f"SELECT DISTINCT {KEY} FROM insights")]
    assert await older.analyse(keys, "older", others=True) == 2
    assert await newer.analyse_outdated("run-2", lambda _: None) == 2
    assert await database.rows(FOUND) == [["session-summary", 1, NEWER.version]] * 2
    verified = await run(database, clickhouse_url, log, verify=True, rules=NEWER)
    assert (verified.different, verified.uncompared) == ([], 0)


async def test_a_rebuild_analyses_all_sessions_by_the_rules_of_its_release(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = stuck_log()
    await apply(database, log)
    verified = await run(database, clickhouse_url, log, verify=True, rules=NEWER)
    assert (verified.different, verified.uncompared) == ([], 2)
    await run(database, clickhouse_url, log, rules=NEWER)
    assert await database.rows(FOUND) == [["session-summary", 1, NEWER.version]] * 2


async def test_insights_of_before_rules_had_versions_read_as_of_the_first(database: ClickHouse) -> None:
    log = stuck_log()
    await apply(database, log)
    for column in ("rules_version", "player_id", "place", "tag", "recorded_at", "wall_ms", "active_ms"):
        await database.command(f"ALTER TABLE insights DROP COLUMN {column}")
    await database.system.command(
        "ALTER TABLE migrations DELETE WHERE number >= 13 SETTINGS mutations_sync = 2"
    )
    await migrations.apply(database)
    assert {row[2] for row in await database.rows(FOUND)} == {1}
    friction = "SELECT DISTINCT player_id, place, tag FROM insights FINAL WHERE type = 'stuck-point'"
    assert await database.rows(friction) == [["", "", "stuck-point"]]
    store = InsightStore(database, SessionStore(database))
    assert await store.analyse_outdated("run-1", lambda _: None) == 2
    assert sorted(await database.rows(friction)) == [
        ["player-a", "x", "x-stuck"],
        ["player-b", "x", "x-stuck"],
    ]
