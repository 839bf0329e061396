"""The projector against a real ClickHouse: what it writes, and that crashes and replays change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import pytest

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.errors import ClickHouseAway
from projections.clickhouse.positions import StoredPosition
from projections.clickhouse.system_tables import drop_databases
from projections.telemetry import identities, session_store
from projections.telemetry.active_time import RUNS_MAX
from projections.telemetry.columns import ORIGIN_COLUMNS
from projections.telemetry.reader import TelemetryReader
from projections.telemetry.stale_worker import WorkerIsStale
from projections.telemetry.tables import BY_TABLE
from schemas.dead_letters import decode_dead_letter
from schemas.log_positions import Position, PositionRefused
from tests.migrated import migrated
from tests.projections.telemetry.support import (
    GAME,
    MINUTE,
    SECOND,
    START_MS,
    STUDIO,
    TOPIC,
    MemoryLog,
    due,
    entry,
    funnel,
    gameplay,
    player,
    s1,
    s4,
    trajectory,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

pytestmark = pytest.mark.stack

TABLES = ("events", "positions", "funnel_steps", "performance", "session_parts")


def reader(client: ClickHouse, log: MemoryLog, **more: Any) -> TelemetryReader:
    fields: dict[str, Any] = {
        "topic": TOPIC,
        "partitions": len(log.records),
        "tail": log,
        "appender": log,
        "clock_ms": lambda: log.now_ms,
    }
    return TelemetryReader(client, **(fields | more))


async def apply(client: ClickHouse, log: MemoryLog, **more: Any) -> TelemetryReader:
    """A new worker reads all of the log from its position on, and ends every batch."""
    worker = reader(client, log, **more)
    for partition, records in enumerate(log.records):
        begin = await worker.assigned(partition)
        for record in records[begin:]:
            await worker.handle(record)
        await worker.flush(partition)
    return worker


async def contents(client: ClickHouse) -> dict[str, list[list[Any]]]:
    found = {}
    for table in (*TABLES, "players", "feedback", "models", "insights"):
        where = "WHERE removed = 0" if table == "insights" else ""
        columns = "* EXCEPT (_version)" if table in {"session_parts", "insights"} else "*"
        final = "" if table in {"events", "positions", "funnel_steps", "performance"} else "FINAL"
        rows = await client.rows(f"SELECT {columns} FROM {table} {final} {where} ORDER BY ALL")
        found[table] = rows
    return found


async def one(client: ClickHouse, sql: str) -> Any:
    return (await client.rows(sql))[0][0]


async def test_the_columns_written_are_the_tables_columns(database: ClickHouse) -> None:
    for table, kinds in BY_TABLE.items():
        rows = await database.rows(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
            {"table": table},
        )
        own = (
            set(kinds) | set(ORIGIN_COLUMNS) | ({"x", "y", "z", "_point"} if table == "positions" else set())
        )
        assert {row[0] for row in rows} == own


async def test_every_table_and_column_has_a_comment(database: ClickHouse) -> None:
    for client in (database, database.system):
        tables = await client.rows(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = ''"
        )
        columns = await client.rows(
            "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = ''"
        )
        assert (tables, columns) == ([], [])


async def test_every_kind_of_item_becomes_its_rows(database: ClickHouse) -> None:
    log = MemoryLog()
    log.put(
        s4(
            gameplay(START_MS),
            trajectory(START_MS + SECOND, START_MS + 3 * SECOND, 3),
            funnel(START_MS + 4 * SECOND),
            player(START_MS),
            gameplay(
                START_MS + 5 * SECOND, position=None, custom_data=None, level_id=None, fps={"mean": 1.0}
            ),
        ),
        s1(
            "one",
            {"name": "player_pos", "t": START_MS, "x": 1.25, "y": -2, "room": "hall", "seq": 1},
            {"name": "level_completed", "t": START_MS + 1, "props": {"level": "act1"}},
        ),
    )
    await apply(database, log)
    events = await database.rows(
        "SELECT event_name, x, y, z, room, properties, input_method, source, _offset, _index"
        " FROM events ORDER BY _index"
    )
    assert events == [
        ["Player_Jump", 1.5, 2.0, 3.0, "E1M1", '{"weapon":"Sword"}', "Gamepad", "python-telemetry", 0, 0],
        [
            "Player_Jump",
            None,
            None,
            None,
            "",
            '{"_extra":{"fps":{"mean":1.0}}}',
            "Gamepad",
            "python-telemetry",
            0,
            4,
        ],
        ["level_completed", None, None, None, "", '{"level":"act1"}', "", "unity-telemetry", 0, 6],
    ]
    positions = await database.rows(
        "SELECT room, x, y, z, toUnixTimestamp64Milli(occurred_at), seq, _index, _point FROM positions"
        " ORDER BY _index, _point"
    )
    assert positions == [
        ["unknown", 0.0, 1.0, 2.0, START_MS + 1000, None, 1, 0],
        ["unknown", 3.0, 4.0, 5.0, START_MS + 2000, None, 1, 1],
        ["unknown", 6.0, 7.0, 8.0, START_MS + 3000, None, 1, 2],
        ["hall", 1.25, -2.0, 0.0, START_MS, 1, 5, 0],
    ]
    assert await database.rows("SELECT step_name, room FROM funnel_steps") == [["Tutorial_Start", "E1M1"]]
    assert await database.rows("SELECT points, fps_mean, fps_low_5, fps_low_1, status FROM performance") == [
        [3, 60.0, 55.0, 30.0, "Gameplay"]
    ]
    assert await database.rows("SELECT player_id, region, hardware FROM players") == [
        ["player-s1", "EU-West", '{"gpu":"RTX 4090"}']
    ]
    sessions = await database.rows(
        "SELECT session_id, player_id, tester_handle, build_id, platform, status, duration_seconds,"
        " active_seconds, event_counts FROM sessions ORDER BY session_id"
    )
    s1_counts = {"level_completed": 1, "player_pos": 1}
    s4_counts = {"Player_Jump": 2, "Tutorial_Start": 1, "player_pos": 3}
    assert sessions == [
        ["one", "device_one", "device_one", "0.4.9", "Win64", "pending", 0, 0, s1_counts],
        ["s1", "player-s1", "player-s1", "1.0.2", "", "pending", 5, 5, s4_counts],
    ]


async def test_one_insert_is_one_part(database: ClickHouse) -> None:
    log = MemoryLog()
    log.put(s4(*(trajectory(START_MS, START_MS + SECOND, 9_000) for _ in range(35))))
    log.put(s4(*(trajectory(START_MS, START_MS + SECOND, 9_000, session=f"s{n}") for n in range(35))))
    await apply(database, log)
    parts = await database.rows(
        "SELECT table, count(), sum(rows) FROM system.parts WHERE database = currentDatabase() AND active"
        " AND table IN ('positions', 'performance') GROUP BY table ORDER BY table"
    )
    assert parts == [["performance", 1, 70], ["positions", 1, 630_000]]


def busy_log() -> MemoryLog:
    """Sessions over several batches, repeats, late events, an ended and a due session."""
    log = MemoryLog()
    at_ms = START_MS
    for number in range(12):
        at_ms += 700
        log.put(
            s4(
                gameplay(at_ms, session=f"s{number % 3}"),
                trajectory(at_ms, at_ms + SECOND, 4, session=f"s{number % 3}"),
                funnel(at_ms, session=f"s{number % 3}"),
            ),
            s1(
                f"t{number % 2}",
                {"name": "level_failed", "t": at_ms, "room": "door", "seq": number},
                {
                    "name": "player_pos",
                    "t": at_ms,
                    "x": number,
                    "y": 1.0,
                    "room": "door",
                    "seq": 100 + number,
                },
                {"name": "note", "t": at_ms, "props": {"n": number}},
                {"name": "note", "t": at_ms, "props": {"n": number}},
                {"name": "player_pos", "t": at_ms, "x": number, "y": 1.0, "z": 2},
                ended=number == 10,
            ),
            at_ms=at_ms,
        )
    log.put(due("s1", at_ms + 31 * MINUTE), at_ms=at_ms + 31 * MINUTE)
    log.put(s4(gameplay(at_ms + 40 * SECOND, "crash", session="s1")), at_ms=at_ms + 32 * MINUTE)
    return log


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


async def fresh(url: str) -> ClickHouse:
    return await migrated(url, f"test_{uuid4().hex[:12]}")


async def drop(client: ClickHouse) -> None:
    await drop_databases(client)
    await client.close()


class Dies(BaseException):  # as a killed process: nobody can catch it
    pass


class DyingClickHouse(ClickHouse):
    """The real client of a process that dies before or after its nth write."""

    def __init__(self, url: str, database: str, *, writes: int, after: bool) -> None:
        super().__init__(url, database)
        self._left = [writes]  # shared with the client of the system database
        self._after = after

    async def insert(self, *arguments: Any, **more: Any) -> None:
        await self._write(super().insert(*arguments, **more))

    async def command(self, sql: str, *arguments: Any, **more: Any) -> None:
        done = super().command(sql, *arguments, **more)
        await (self._write(done) if sql.startswith("INSERT") else done)

    async def _write(self, write: Coroutine[Any, Any, None]) -> None:
        self._left[0] -= 1
        if self._left[0] < 0 and not self._after:
            write.close()
            raise Dies
        await write
        if self._left[0] < 0:
            raise Dies


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_write_changes_nothing(
    clickhouse_url: str,
    expected: dict[str, list[list[Any]]],
    after: bool,  # noqa: FBT001 - pytest gives parameters by name
) -> None:
    """A worker dies at every single write in turn, and another one goes on from what is stored."""
    client = await fresh(clickhouse_url)
    log = busy_log()
    deaths = 0
    for writes in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 200):
        dying = DyingClickHouse(clickhouse_url, client.database, writes=writes, after=after)
        try:
            await apply(dying, log)
        except Dies:
            deaths += 1
        finally:
            await dying.close()
    assert deaths >= 6
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


async def test_an_idle_partition_is_ended_by_one_tick_and_published(database: ClickHouse) -> None:
    log = MemoryLog()
    worker = reader(database, log)
    await worker.assigned(0)
    await worker.handle(log.put(s4(gameplay(START_MS)), at_ms=START_MS))
    await worker.idle(START_MS + 500)
    assert len(log.records[0]) == 1
    log.now_ms = START_MS + 1_100
    await worker.idle(log.now_ms)
    await worker.handle(log.records[0][1])
    assert await one(database, "SELECT count() FROM events") == 1
    for later in (1_300, 2_500, 9_000):
        await worker.idle(START_MS + later)
    assert len(log.records[0]) == 2


async def test_what_cannot_be_read_goes_to_the_dead_letters_and_the_rest_goes_on(
    database: ClickHouse,
) -> None:
    log = MemoryLog()
    log.put(entry("s4.items.v1", b"\xc1", items=2), s4(gameplay(START_MS)))
    log.put_raw(b"no record")
    await apply(database, log)
    letters = [decode_dead_letter(value) for value in log.dead]
    assert [(letter.id, letter.reason) for letter in letters] == [
        ("telemetry-0-0-0", "undecodable-part"),
        ("telemetry-0-1", "undecodable-record"),
    ]
    assert await database.rows("SELECT _offset, _index FROM events") == [[0, 2]]


async def test_a_session_over_two_partitions_is_joined_and_closed_by_either(
    database: ClickHouse,
) -> None:
    log = MemoryLog(partitions=2)
    log.put(s4(gameplay(START_MS), gameplay(START_MS + 50 * SECOND)), at_ms=START_MS + 60 * SECOND)
    log.put(s4(gameplay(START_MS + 25 * SECOND, "player_death")), partition=1)
    await apply(database, log)
    columns = "duration_seconds, active_seconds, event_counts, status"
    assert await database.rows(f"SELECT {columns} FROM sessions") == [
        [50, 50, {"Player_Jump": 2, "player_death": 1}, "pending"]
    ]
    log.put(due("s1", START_MS + 31 * MINUTE), at_ms=START_MS + 32 * MINUTE)
    await apply(database, log)
    assert await one(database, "SELECT status FROM sessions") == "analyzed"
    summary = "SELECT evidence FROM insights FINAL WHERE removed = 0 AND type = 'session-summary'"
    assert "3 events" in await one(database, summary)
    # A late event in the other partition changes what was computed.
    log.put(s4(gameplay(START_MS + 200 * SECOND, "crash")), partition=1)
    await apply(database, log)
    assert "4 events" in await one(database, summary)
    kinds = await database.rows("SELECT type FROM insights FINAL WHERE removed = 0 ORDER BY type")
    assert kinds == [["bug-report"], ["pacing-issue"], ["session-summary"]]
    own = "SELECT DISTINCT player_id, recorded_at, wall_ms, active_ms FROM insights FINAL"
    whole = "SELECT player_id, recorded_at, duration_ms, active_ms FROM sessions"
    assert await database.rows(own) == await database.rows(whole)


async def test_a_due_is_believed_only_when_the_session_is_old_enough_at_its_offset(
    database: ClickHouse,
) -> None:
    log = MemoryLog()
    log.put(s4(gameplay(START_MS)))
    log.put(s4(gameplay(START_MS + 10 * MINUTE)))
    log.put(due("s1", START_MS + 35 * MINUTE), due("unknown", START_MS + 35 * MINUTE))
    await apply(database, log)
    assert await one(database, "SELECT status FROM sessions") == "pending"
    log.put(due("s1", START_MS + 40 * MINUTE))
    log.put(due("s1", START_MS + 41 * MINUTE))
    await apply(database, log)
    assert await one(database, "SELECT status FROM sessions") == "analyzed"


async def test_findings_that_no_longer_hold_are_removed(database: ClickHouse) -> None:
    log = MemoryLog()
    tries = [{"name": "level_failed", "t": START_MS + n, "room": "door"} for n in range(5)]
    log.put(s1("one", *tries, ended=True))
    await apply(database, log)
    kinds = "SELECT type FROM insights FINAL WHERE removed = 0 ORDER BY type"
    assert await database.rows(kinds) == [["session-summary"], ["stuck-point"]]
    log.put(s1("one", {"name": "level_completed", "t": START_MS + 9, "room": "door"}))
    await apply(database, log)
    assert await database.rows(kinds) == [["positive-moment"], ["session-summary"]]


async def test_a_position_that_does_not_fit_the_log_is_refused_and_names_the_repair(
    database: ClickHouse,
) -> None:
    log = busy_log()
    worker = await apply(database, log)
    with pytest.raises(PositionRefused, match="questlog rebuild clickhouse"):
        await reader(database, MemoryLog(log_id="another")).assigned(0)
    shorter = MemoryLog()
    shorter.records[0] = log.records[0][:3]
    with pytest.raises(PositionRefused, match="not in the log"):
        await reader(database, shorter).assigned(0)
    trimmed = MemoryLog()
    trimmed.records[0] = [*log.records[0], log.put(s4(gameplay(START_MS)))][-1:]
    trimmed.records[0][0] = log.records[0][-1]
    assert worker is not None
    await database.system.command("TRUNCATE TABLE reader_positions")
    with pytest.raises(PositionRefused, match="the log begins at"):
        await reader(database, trimmed).assigned(0)


async def test_a_held_projector_answers_and_waits(database: ClickHouse) -> None:
    log = busy_log()
    worker = reader(database, log)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        assert await worker._positions.waiting("me") == {0}
        await worker._positions.hold("me", 0, 2)

    worker._sleep = sleep
    await worker._positions.hold("me", log.now_ms + MINUTE, 1)
    await worker.assigned(0)
    assert len(waits) == 1


async def test_a_position_is_not_written_into_tables_that_were_swapped(database: ClickHouse) -> None:
    from projections.clickhouse.positions import GenerationChanged, Positions  # noqa: PLC0415 - only here

    positions = Positions(database, TOPIC)
    with pytest.raises(GenerationChanged):
        await positions.write(StoredPosition(0, Position(5, log_id="log"), START_MS), "an older generation")
    assert await positions.all() == {}


async def test_a_store_that_is_away_raises_after_bounded_retries() -> None:
    client = ClickHouse("http://127.0.0.1:9", "nothing", retry_seconds=0.3)
    with pytest.raises(ClickHouseAway):
        await client.rows("SELECT 1")
    await client.close()


def kinds_of(rows: Sequence[list[Any]]) -> list[str]:
    return [row[0] for row in rows]


async def test_games_do_not_mix(database: ClickHouse) -> None:
    log = MemoryLog()
    log.put(
        s1("one", {"name": "a", "t": START_MS, "seq": 1}),
        s1("one", {"name": "a", "t": START_MS, "seq": 1}, game="other"),
    )
    await apply(database, log)
    rows = await database.rows("SELECT game_id, event_counts FROM sessions ORDER BY game_id")
    assert rows == [[GAME, {"a": 1}], ["other", {"a": 1}]]


async def test_a_session_of_too_many_spans_is_small_and_its_active_time_right(database: ClickHouse) -> None:
    log = MemoryLog()
    moments = [START_MS + 31 * SECOND * number for number in range(3 * RUNS_MAX)]
    for begin in range(0, len(moments), 500):
        log.put(
            s4(*(gameplay(at_ms) for at_ms in moments[begin : begin + 500])),
            at_ms=moments[-1] + begin * SECOND,
        )
    log.put(s4(gameplay(moments[-1] + 5 * SECOND)), at_ms=moments[-1] + 9_000 * SECOND)
    # Late, into pauses: into one that it ends, since it is kept; and into one that was joined.
    log.put(s4(gameplay(moments[-2] + 4 * SECOND), gameplay(START_MS + 2 * SECOND)))
    log.put(due("s1", moments[-1] + 31 * MINUTE))
    await apply(database, log)
    columns = "length(spans), duration_ms, active_ms, arraySum(mapValues(event_counts)), status"
    duration_ms = moments[-1] + 5 * SECOND - START_MS
    expected = [[RUNS_MAX - 1, duration_ms, 36 * SECOND, 3 * RUNS_MAX + 3, "analyzed"]]
    assert await database.rows(f"SELECT {columns} FROM sessions") == expected
    summary = "SELECT evidence FROM insights FINAL WHERE removed = 0 AND type = 'session-summary'"
    assert f"{duration_ms // 1000} s long, 36 s of it active" in await one(database, summary)


async def test_a_session_stored_with_too_many_spans_shrinks_when_it_goes_on(database: ClickHouse) -> None:
    spans = [(START_MS + 50_000 * number, START_MS + 50_000 * number + 1_000) for number in range(1_500)]
    await database.insert(
        "session_parts",
        ["studio_id", "game_id", "session_id", "spans", "span_events", "event_counts", "_version"],
        msgspec.json.encode([STUDIO, GAME, "s1", spans, [(0, 0, 0, 1)] * 1_500, {"Player_Jump": 3_000}, 0]),
        form="JSONCompactEachRow",
        token="of-old",  # noqa: S106 - names an insert
    )
    log = MemoryLog()
    log.put(s4(gameplay(START_MS + 75_010 * SECOND)))
    await apply(database, log)
    columns = "length(spans), duration_ms, active_ms, event_counts"
    assert await database.rows(f"SELECT {columns} FROM sessions FINAL") == [
        [RUNS_MAX, 75_010 * SECOND, 1_500 * SECOND, {"Player_Jump": 3_001}]
    ]


@pytest.mark.parametrize("numbered", [True, False])
async def test_a_repeat_among_a_sessions_latest_events_is_recognised_by_the_next_worker(
    database: ClickHouse, monkeypatch: pytest.MonkeyPatch, *, numbered: bool
) -> None:
    monkeypatch.setattr(session_store, "REMEMBERED_MAX", 10)
    monkeypatch.setattr(identities.Seen.__init__, "__kwdefaults__", {"most": 10})
    log = MemoryLog()
    batch = [
        {"name": name, "t": START_MS + number * SECOND, "x": 1.0, "y": 1.0}
        | ({"seq": number} if numbered else {})
        for number in range(30)
        for name in (("player_pos" if number % 2 else "note"),)
    ]
    log.put(s1("one", *batch))
    log.put(s1("one", *batch[20:]))
    log.put(s1("one", batch[3]))  # not remembered any more
    log.put(s1("one", batch[3]))
    for end in range(1, 5):  # a new worker for each record
        for record in log.records[0][:end]:
            worker = reader(database, log)
            if record.offset == await worker.assigned(0):
                await worker.handle(record)
                await worker.flush(0)
    rows = await one(
        database, "SELECT count() FROM (SELECT seq FROM events UNION ALL SELECT seq FROM positions)"
    )
    assert rows == 32
    assert await one(database, "SELECT arraySum(mapValues(event_counts)) FROM sessions") == 32
