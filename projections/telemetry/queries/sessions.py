"""Sessions, one or many: what `/sessions`, `/sessions/{id}` and a tester's page show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import orjson

from projections.telemetry.queries import event_names, tester_handles
from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.insights import Insight, insights_of
from projections.telemetry.queries.session_ids import HASH, PREFIX, SHOWN_ID, owners, public_id
from projections.telemetry.queries.session_pages import page_of_sessions
from projections.telemetry.queries.transcripts import transcripts
from projections.telemetry.queries.url_pieces import in_pieces
from projections.telemetry.sessions import OTHER_NAMES
from schemas.studio.discord import SOURCE

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

RECORDED: Final = "toUnixTimestamp64Milli(recorded_at)"
"""SQL of a session's recordedAt: `startedAt` as sent, else the first event's time. Unix milliseconds."""

_COLUMNS: Final = (
    "game_id, session_id, title, source, closed, "
    f"{RECORDED} AS recorded, toUnixTimestamp64Milli(first_event_at) AS first_at, "
    "toUnixTimestamp64Milli(last_event_at) AS last_at, active_ms, player_id, "
    f"{tester_handles.SHOWN} AS shown_handle, build_id, "
    "environment, platform, metadata, country, region, city, event_counts"
)
_ANALYZED: Final = (
    "SELECT game_id, session_id FROM insights FINAL "
    "WHERE studio_id = {studio:String} AND type = 'session-summary' AND removed = 0"
)
# The view's own `status` looks at every studio's insights: a second for 200,000 sessions.
_STATUS: Final = {
    "pending": "closed = 0",
    "processing": f"closed = 1 AND (game_id, session_id) NOT IN ({_ANALYZED})",
    "analyzed": f"closed = 1 AND (game_id, session_id) IN ({_ANALYZED})",
}
TESTER_SESSIONS_MAX: Final = 10_000


class Session(msgspec.Struct, frozen=True):
    """One session. Times are unix milliseconds, texts that were not sent are empty."""

    id: str
    game_id: str
    given_id: str
    title: str
    source: str
    status: str
    recorded_at: int
    first_event_at: int
    last_event_at: int
    active_ms: int
    device_id: str
    tester_handle: str
    build: str
    environment: str
    platform: str
    metadata: dict[str, Any]
    country: str
    region: str
    city: str
    event_counts: dict[str, int]
    transcript: str | None = None
    """Of a Discord thread, where it was asked for."""

    @property
    def wall_ms(self) -> int:
        """From the first event to the last."""
        return self.last_event_at - self.first_event_at


_FIELDS: Final = Session.__struct_fields__[:-1]
"""What a row holds: the transcript is asked for apart."""


class SessionFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which sessions; None means all. `q` is sought in title, handle and lines. Bounds are inclusive."""

    game_id: str | None = None
    build: str | None = None
    environment: str | None = None
    status: str | None = None
    source: str | None = None
    q: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class Feedback(msgspec.Struct, frozen=True):
    """One submission of a form, with its answers as sent."""

    form_id: str
    submission_id: str
    submitted_at: int
    answers: list[dict[str, Any]]


class SessionDetail(msgspec.Struct, frozen=True):
    """A session with all that hangs on it."""

    session: Session
    insights: list[Insight]
    feedback: list[Feedback]


async def list_sessions(
    queries: Queries, studio_id: str, filters: SessionFilters, *, limit: int, offset: int
) -> tuple[list[Session], int]:
    """A page of a studio's sessions, newest recordedAt first, then by id; and how many there are in all.

    Which ones are on the page is asked first, of few columns; then what they hold.
    """
    conditions = (
        Conditions(studio_id)
        .equal("game_id", "game", filters.game_id)
        .equal("build_id", "build", filters.build)
        .equal("environment", "environment", filters.environment)
        .equal("source", "source", filters.source)
        .between(RECORDED, filters.since_ms, filters.until_ms)
    )
    if filters.status is not None:
        conditions.holds(_STATUS.get(filters.status, "0"))
    keys, total = await page_of_sessions(queries, conditions, sought=filters.q, limit=limit, offset=offset)
    return await _with_transcripts(queries, studio_id, await _by_keys(queries, studio_id, keys)), total


async def tester_sessions(
    queries: Queries, studio_id: str, game_id: str, device_id: str, environment: str | None
) -> list[Session]:
    """All sessions of a device in a game, newest recordedAt first; at most TESTER_SESSIONS_MAX."""
    conditions = (
        Conditions(studio_id)
        .equal("game_id", "game", game_id)
        .equal("player_id", "device", device_id)
        .equal("environment", "environment", environment)
    )
    narrowed = (
        "session_id IN (SELECT session_id FROM session_parts WHERE studio_id = {studio:String} "
        "AND game_id = {game:String} AND player_id = {device:String})"
    )
    return await _with_transcripts(queries, studio_id, await _whole(queries, conditions, narrowed))


async def find_session(queries: Queries, studio_id: str, public_id: str) -> SessionDetail | None:
    """The studio's session that shows this public id, or None.

    A given id that equals another session's hash keeps its own session reachable: the given one wins.
    """
    if not public_id.startswith(PREFIX):
        return None
    by_hash = f"studio_id = {{studio:String}} AND {HASH} = {{id:String}}"
    hashed = f"SELECT session_id FROM session_parts WHERE {by_hash}"  # noqa: S608
    for narrowed in ("session_id = {id:String}", f"session_id IN ({hashed})"):
        conditions = Conditions(studio_id).holds("1", id=public_id)
        for session in await _whole(queries, conditions, narrowed):
            if session.id == public_id:
                (written,) = await _with_transcripts(queries, studio_id, [session])
                return SessionDetail(
                    session=await _with_all_names(queries, studio_id, written),
                    insights=await insights_of(
                        queries, studio_id, session.game_id, session.given_id, session.id
                    ),
                    feedback=await _feedback(queries, studio_id, session.game_id, session.given_id),
                )
    return None


async def _with_transcripts(queries: Queries, studio_id: str, found: list[Session]) -> list[Session]:
    threads = [(session.game_id, session.given_id) for session in found if session.source == SOURCE]
    by_key = await transcripts(queries, studio_id, threads)
    return [
        msgspec.structs.replace(session, transcript=by_key.get((session.game_id, session.given_id)))
        for session in found
    ]


async def _with_all_names(queries: Queries, studio_id: str, session: Session) -> Session:
    if OTHER_NAMES not in session.event_counts:
        return session
    parameters = {"studio": studio_id, "game": session.game_id, "session": session.given_id}
    by_name, _ = await event_names.counted(queries, parameters, " AND session_id = {session:String}")
    return msgspec.structs.replace(session, event_counts=dict(by_name))


async def _by_keys(queries: Queries, studio_id: str, keys: list[list[Any]]) -> list[Session]:
    """The sessions with these (game_id, session_id), in the order of lists."""
    found: list[Session] = []
    for some in in_pieces(keys, lambda key: str(key[1])):
        conditions = Conditions(studio_id).holds(
            "game_id IN {games:Array(String)}",
            games=sorted({game_id for game_id, _ in some}),
            ids=[session_id for _, session_id in some],
        )
        wanted = {tuple(key) for key in some}
        sessions = await _whole(queries, conditions, "session_id IN {ids:Array(String)}")
        found += [session for session in sessions if (session.game_id, session.given_id) in wanted]
    return sorted(found, key=lambda session: (-session.recorded_at, session.id))


async def latest_sessions(
    queries: Queries, conditions: Conditions, narrowed: str, which: str, *, most: int
) -> list[Session]:
    """The `most` newest sessions by recordedAt, then id, oldest first.

    They meet `conditions` and `which`, a condition that may look at the handle that is shown; `narrowed` is
    as in `_whole`.
    """
    found = await _whole(
        queries, conditions, narrowed, which=which, newest=f"recorded DESC, {SHOWN_ID} DESC", most=most
    )
    return sorted(found, key=lambda session: (session.recorded_at, session.id))


async def _whole(
    queries: Queries,
    conditions: Conditions,
    narrowed: str,
    *,
    which: str = "1",
    newest: str = "recorded DESC, session_id, game_id",
    most: int = TESTER_SESSIONS_MAX,
) -> list[Session]:
    """Sessions that meet the conditions, newest recordedAt first, then by id.

    `narrowed` is a condition on session_id that makes every table read little: it goes through the view.
    """
    page = conditions.page(most, 0)
    rows = await queries.query(
        f"SELECT o.owner, (game_id, session_id) IN ({_ANALYZED} AND {narrowed}) AS analyzed, {_COLUMNS} "  # noqa: S608
        f"FROM {tester_handles.joined(f'{conditions} AND {narrowed}')} "
        f"LEFT JOIN ({owners(narrowed)}) AS o ON s.session_id = o.owned_id "
        f"WHERE {which} ORDER BY {newest} {page}",
        conditions.parameters,
    )
    return sorted((_session(row) for row in rows), key=lambda session: (-session.recorded_at, session.id))


async def _feedback(queries: Queries, studio_id: str, game_id: str, given_id: str) -> list[Feedback]:
    conditions = (
        Conditions(studio_id).equal("game_id", "game", game_id).equal("session_id", "session", given_id)
    )
    rows = await queries.query(
        "SELECT form_id, submission_id, toUnixTimestamp64Milli(arrived_at) AS submitted_at, answers "  # noqa: S608
        f"FROM feedback FINAL WHERE {conditions} ORDER BY submitted_at, form_id, submission_id LIMIT 1000",
        conditions.parameters,
    )
    return [Feedback(row[0], row[1], row[2], _list(row[3])) for row in rows]


def _session(row: list[Any]) -> Session:
    owner, analyzed, game_id, given_id, title, source, closed, *rest = row
    values = dict(zip(_FIELDS[6:], rest, strict=True))
    values["metadata"] = _object(values["metadata"])
    return Session(
        id=public_id(game_id, given_id, owner),
        game_id=game_id,
        given_id=given_id,
        title=title,
        source=source,
        status="analyzed" if closed and analyzed else "processing" if closed else "pending",
        **values,
    )


def _object(text: str) -> dict[str, Any]:
    value = orjson.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def _list(text: str) -> list[dict[str, Any]]:
    value = orjson.loads(text) if text else []
    return value if isinstance(value, list) else []
