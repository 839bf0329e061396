"""The projector against a real ClickHouse: what it writes, and that crashes and replays change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.errors import ClickHouseAway
from projections.clickhouse.positions import StoredPosition
from projections.telemetry import identities, session_store
from projections.telemetry.active_time import RUNS_MAX
from projections.telemetry.columns import ORIGIN_COLUMNS
from projections.telemetry.tables import BY_TABLE
from schemas.dead_letters import decode_dead_letter
from schemas.log_positions import Position, PositionRefused
from tests.projections.telemetry.projecting import apply, busy_log, one, reader
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
    from collections.abc import Sequence

pytestmark = pytest.mark.stack


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
