"""Messages of Discord threads in a real ClickHouse: each once, as table, event, transcript and finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from projections.clickhouse.client import ClickHouse
from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.sessions import SessionFilters, find_session, list_sessions
from schemas.studio.discord import DiscordMessage
from schemas.studio.events import DiscordMessagesAppended, DiscordSessionOpened
from streams.discord_sessions import entry_of
from tests.projections.telemetry.projecting import apply, one
from tests.projections.telemetry.support import GAME, MINUTE, SECOND, START_MS, STUDIO, MemoryLog, due, s1
from tests.projections.telemetry.test_rebuild import run

if TYPE_CHECKING:
    from schemas.telemetry.record import TelemetryEntry

pytestmark = pytest.mark.stack

SESSION = "sess_thread"
TEXTS = ("Stuck at the\r\ndoor", "Grüße: ich bin ratlos", "Love the hub")


def call(
    *messages: DiscordMessage, first: int = 1, opened: bool = False, handle: str = "ann"
) -> TelemetryEntry:
    kind = DiscordSessionOpened if opened else DiscordMessagesAppended
    entry = entry_of(
        kind(
            studio_id=STUDIO,
            game_id=GAME,
            channel_id="1",
            thread_id="",
            session_id=SESSION,
            device_id="discord_1",
            tester_handle=handle,
            title="",
            build="0.4.9" if opened else "",
            messages=list(messages),
            first_number=first,
            called_at_ms=START_MS + MINUTE,
        )
    )
    assert entry is not None
    return entry


def said(number: int, author: str = "ann") -> DiscordMessage:
    """The later a message came, the earlier it was written."""
    return DiscordMessage(f"m{number}", author, TEXTS[number], START_MS + (10 - number) * SECOND)


def thread_log() -> MemoryLog:
    """A thread of three messages, of which two calls were appended twice, and a session of a game."""
    log = MemoryLog()
    begins, goes_on = call(said(0), opened=True), call(said(1, "bob"), first=2, handle="discord_1")
    log.put(begins, at_ms=START_MS + MINUTE)
    log.put(begins, goes_on)
    forged = {"id": "x", "author": "eve", "text": "Stuck"}
    log.put(s1("game", {"name": "discord_message", "t": START_MS, "seq": 1, "props": forged}, ended=True))
    log.put(goes_on)
    log.put(due(SESSION, START_MS + 60 * MINUTE), at_ms=START_MS + 60 * MINUTE)
    log.put(call(said(2), first=3, handle="discord_1"))
    return log


async def test_each_message_is_there_once_however_often_it_was_appended(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = thread_log()
    await apply(database, log)
    rows = await database.rows("SELECT number, message_id, author, text FROM messages FINAL ORDER BY number")
    assert rows == [
        [number + 1, f"m{number}", author, TEXTS[number]]
        for number, author in enumerate(("ann", "bob", "ann"))
    ]
    assert await one(database, f"SELECT count() FROM events WHERE session_id = '{SESSION}'") == 4
    found = await database.rows(
        "SELECT session_id, type, evidence, confidence FROM insights FINAL WHERE removed = 0 "
        "AND type != 'session-summary' ORDER BY type"
    )
    assert found == [
        [SESSION, "praise", TEXTS[2], 0.5],
        [SESSION, "stuck-point", TEXTS[0], 0.5],
    ]
    before = await database.rows("SELECT * FROM messages FINAL ORDER BY ALL")
    await run(database, clickhouse_url, log)
    assert await database.rows("SELECT * FROM messages FINAL ORDER BY ALL") == before


async def test_a_transcript_has_a_line_for_each_message_and_is_searched_line_by_line(
    database: ClickHouse, clickhouse_url: str
) -> None:
    await apply(database, thread_log())
    queries = ClickHouseQueries(clickhouse_url, database.database)
    try:
        detail = await find_session(queries, STUDIO, SESSION)
        assert detail is not None
        lines = ["ann: Love the hub", "bob: Grüße: ich bin ratlos", "ann: Stuck at the door"]
        assert detail.session.transcript == "\n".join(lines)
        assert (detail.session.source, detail.session.status) == ("discord", "analyzed")
        assert (detail.session.build, detail.session.tester_handle) == ("0.4.9", "discord_1")
        assert detail.session.wall_ms == 2 * SECOND

        async def ids(q: str) -> list[str]:
            page, total = await list_sessions(queries, STUDIO, SessionFilters(q=q), limit=20, offset=0)
            assert total == len(page)
            return [session.given_id for session in page]

        for q in ("ANN: LOVE", "grüße", "the door", "bob: "):
            assert await ids(q) == [SESSION], q
        for q in ("hub bob", "hub\nbob", "eve", "m1"):
            assert await ids(q) == [], q
        page, _ = await list_sessions(queries, STUDIO, SessionFilters(), limit=20, offset=0)
        shown: dict[str, Any] = {session.given_id: session.transcript for session in page}
        assert shown == {SESSION: "\n".join(lines), "game": None}
    finally:
        await queries.close()


async def test_a_transcript_ends_before_its_limit_with_a_whole_line(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = MemoryLog()
    long = [DiscordMessage(f"m{number}", "a", "x" * 3996, START_MS + number) for number in range(60)]
    log.put(msgspec.structs.replace(call(*long, opened=True)), at_ms=START_MS + MINUTE)
    await apply(database, log)
    queries = ClickHouseQueries(clickhouse_url, database.database)
    try:
        detail = await find_session(queries, STUDIO, SESSION)
        assert detail is not None
        assert detail.session.transcript == "\n".join([f"a: {'x' * 3996}"] * 25)
    finally:
        await queries.close()
