"""What tenants write is data, whatever it looks like: through the real projector into a real ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from projections.clickhouse.client import ClickHouse
from tests.projections.telemetry.projecting import apply, contents, drop, fresh
from tests.projections.telemetry.support import MINUTE, START_MS, MemoryLog, due, gameplay, s1, s4

if TYPE_CHECKING:
    from projections.telemetry.reader import TelemetryReader

pytestmark = pytest.mark.stack

LATER_MS = START_MS + 31 * MINUTE
_WORDS = (
    *("DB::Exception", "Code: 241. DB::Exception: ", "Code: 241", "\r\n__exception__\r\n", "{x:String}"),
    *("<table>", "<keys>", "<places>", "<where>", "'", '"', "\\", "\\'", "`", "--", "/*", ";", "%2F", "\0"),
    *("\n", "\r\n", "\t", "\\N", "NULL", '{"exception":"a"}', "FORMAT JSON", "😀", "e\u0301", "\u2028"),
)
_piece = st.one_of(st.sampled_from(_WORDS), st.text(min_size=1, max_size=3))
hostile = st.lists(_piece, min_size=1, max_size=5).map(lambda pieces: "".join(pieces)[:128])


async def told(client: ClickHouse) -> dict[str, int]:
    """How many events each session has, and as many rows."""
    rows = await client.rows(
        "SELECT session_id, sum(arraySum(mapValues(event_counts))) FROM session_parts FINAL"
        " GROUP BY session_id"
    )
    stored = await client.rows("SELECT session_id, count() FROM events GROUP BY session_id")
    assert sorted(stored) == sorted(rows)
    return {str(session): int(events) for session, events in rows}


async def replayed(client: ClickHouse, log: MemoryLog) -> TelemetryReader:
    """Another worker reads the log from its start, as after a lost position: it must read what is stored."""
    await client.system.command("TRUNCATE TABLE reader_positions")
    return await apply(client, log)


async def test_an_id_that_reads_like_an_exception_stops_nothing(database: ClickHouse) -> None:
    log = MemoryLog()
    log.put(s4(gameplay(START_MS, session="DB::Exception")))
    log.put(s4(gameplay(START_MS, session="Code: 241. DB::Exception: no memory")))
    log.put(s1("ended", {"name": "note", "t": START_MS}, title="DB::Exception", ended=True))
    await apply(database, log)
    log.put(due("DB::Exception", LATER_MS), at_ms=LATER_MS)
    await apply(database, log)
    await replayed(database, log)
    assert await told(database) == {
        "DB::Exception": 1,
        "Code: 241. DB::Exception: no memory": 1,
        "ended": 1,
    }
    (kinds,) = await database.rows("SELECT groupUniqArray(session_id) FROM insights FINAL WHERE removed = 0")
    assert set(kinds[0]) == {"DB::Exception", "ended"}


@pytest.mark.parametrize(
    "sessions",
    [
        ["x" * 300_000],
        [f"{number:04}" + "x" * 260 for number in range(1_000)],
        ["'" * 200_000, "\\" * 200_000],
    ],
    ids=["one long", "many", "escaped"],
)
async def test_ids_of_any_length_are_no_part_of_a_statement(
    database: ClickHouse, sessions: list[str]
) -> None:
    log = MemoryLog()
    log.put(s4(*(gameplay(START_MS, session=session) for session in sessions)))
    await apply(database, log)
    log.put(*(due(session, LATER_MS) for session in sessions), at_ms=LATER_MS)
    await apply(database, log)
    await replayed(database, log)
    assert await told(database) == dict.fromkeys(sessions, 1)
    assert await database.rows("SELECT uniqExact(session_id) FROM insights FINAL WHERE removed = 0") == [
        [len(sessions)]
    ]


@pytest.mark.parametrize("session", ["a<table>b", "a<keys>b", "{before:UInt64}", "<table>'\\"])
async def test_a_batch_sent_again_is_found_whatever_its_session_is_called(
    database: ClickHouse, session: str
) -> None:
    batch = s1(session, *({"name": "note", "t": START_MS + number, "seq": number} for number in range(5)))
    log = MemoryLog()
    log.put(batch)
    await apply(database, log)
    log.put(batch, at_ms=START_MS + MINUTE)
    await apply(database, log)  # a new worker remembers nothing
    assert await told(database) == {session: 5}


@given(
    st.lists(hostile, min_size=5, max_size=20, unique=True),
    hostile,
    st.dictionaries(hostile, hostile, max_size=2),
)
@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes on a real store
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_every_text_comes_out_as_it_went_in(
    clickhouse_url: str, sessions: list[str], text: str, props: dict[str, str]
) -> None:
    client = await fresh(clickhouse_url)
    try:
        log = MemoryLog()
        batches = [
            s1(session, {"name": text, "t": START_MS, "room": text, "props": props}, title=text, ended=True)
            for session in sessions
        ]
        items: list[dict[str, Any]] = [
            gameplay(START_MS, text, session, player_id=text, level_id=text, custom_data=props)
            for session in sessions
        ]
        log.put(s4(*items), *batches)
        await apply(client, log)
        before = await contents(client)
        log.put(*batches, at_ms=START_MS + MINUTE)
        await apply(client, log)
        assert (await contents(client))["events"] == before["events"]
        await replayed(client, log)
        assert await told(client) == dict.fromkeys(sessions, 2)
        assert await client.rows("SELECT DISTINCT event_name, room FROM events") == [[text, text]]
        titles = await client.rows("SELECT DISTINCT title FROM session_parts FINAL")
        assert titles == [[text]]
    finally:
        await drop(client)
