"""Sessions, one or many: what `/sessions`, `/sessions/{id}` and a tester's page show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import orjson

from projections.telemetry.queries.filters import Conditions, counted
from projections.telemetry.queries.insights import Insight, insights_of
from projections.telemetry.queries.session_ids import sessions_with_ids

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

RECORDED: Final = "toUnixTimestamp64Milli(recorded_at)"
"""SQL of a session's recordedAt: `startedAt` as sent, else the first event's time. Unix milliseconds."""

_COLUMNS: Final = (
    "public_id, game_id, session_id, title, source, status, "
    f"{RECORDED} AS recorded, toUnixTimestamp64Milli(first_event_at) AS first_at, "
    "toUnixTimestamp64Milli(last_event_at) AS last_at, active_ms / 1000, player_id, tester_handle, build_id, "
    "environment, platform, metadata, country, region, city, event_counts"
)
TESTER_SESSIONS_MAX: Final = 10_000


class Session(msgspec.Struct, frozen=True):
    """One session. Times are unix milliseconds, texts that were not sent are empty, seconds are exact."""

    id: str
    game_id: str
    given_id: str
    title: str
    source: str
    status: str
    recorded_at: int
    first_event_at: int
    last_event_at: int
    active_seconds: float
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

    @property
    def wall_seconds(self) -> float:
        """From the first event to the last."""
        return (self.last_event_at - self.first_event_at) / 1000


_FIELDS: Final = Session.__struct_fields__


class SessionFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which sessions; None means all. `q` is sought in title and handle. Bounds are inclusive."""

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
    """A page of a studio's sessions, newest recordedAt first, then by id; and how many there are in all."""
    conditions = (
        Conditions(studio_id)
        .equal("game_id", "game", filters.game_id)
        .equal("build_id", "build", filters.build)
        .equal("environment", "environment", filters.environment)
        .equal("status", "status", filters.status)
        .equal("source", "source", filters.source)
        .between(RECORDED, filters.since_ms, filters.until_ms)
    )
    if filters.q is not None:
        conditions.holds(
            "(positionCaseInsensitiveUTF8(title, {q:String}) > 0"
            " OR positionCaseInsensitiveUTF8(tester_handle, {q:String}) > 0)",
            q=filters.q,
        )
    rows, total = await counted(
        queries,
        _COLUMNS,
        f"FROM {sessions_with_ids(str(conditions))} ORDER BY recorded DESC, public_id",
        f"SELECT count() FROM sessions WHERE {conditions}",  # noqa: S608
        conditions,
        limit=limit,
        offset=offset,
    )
    return [_session(row) for row in rows], total


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
    page = conditions.page(TESTER_SESSIONS_MAX, 0)
    rows = await queries.query(
        f"SELECT {_COLUMNS} FROM {sessions_with_ids(str(conditions))} "  # noqa: S608
        f"ORDER BY recorded DESC, public_id {page}",
        conditions.parameters,
    )
    return [_session(row) for row in rows]


async def find_session(queries: Queries, studio_id: str, public_id: str) -> SessionDetail | None:
    """The studio's session that shows this public id, or None.

    A given id that equals another session's hash keeps its own session reachable: the given one wins.
    """
    conditions = Conditions(studio_id).holds(
        "(session_id = {id:String} OR session_hash = {id:String})", id=public_id
    )
    rows = await queries.query(
        f"SELECT {_COLUMNS} FROM {sessions_with_ids(str(conditions))} WHERE public_id = {{id:String}} "  # noqa: S608
        "ORDER BY session_id = {id:String} DESC, recorded, game_id LIMIT 1",
        conditions.parameters,
    )
    if not rows:
        return None
    session = _session(rows[0])
    return SessionDetail(
        session=session,
        insights=await insights_of(queries, studio_id, session.game_id, session.given_id, session.id),
        feedback=await _feedback(queries, studio_id, session.game_id, session.given_id),
    )


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
    values = dict(zip(_FIELDS, row, strict=True))
    values["metadata"] = _object(values["metadata"])
    return Session(**values)


def _object(text: str) -> dict[str, Any]:
    value = orjson.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def _list(text: str) -> list[dict[str, Any]]:
    value = orjson.loads(text) if text else []
    return value if isinstance(value, list) else []
