"""Which of a studio's sessions are on a page: from their parts, in few columns, newest first.

Nearly every session has one part, whose row says all; only those of several are joined. How many sessions
there are is counted over all of them, together with the moment at which the page ends: the page itself is
then looked for among the sessions since that moment alone. What they hold is read elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from projections.telemetry.queries import tester_handles
from projections.telemetry.queries.filters import HAS_EVENTS, Conditions
from projections.telemetry.queries.session_ids import HASH
from projections.telemetry.queries.transcripts import LINES
from projections.telemetry.queries.whole_parts import KEY, has_split, of_several

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

WALKED_MAX: Final = 10_000
"""Sessions down to a page's end up to which its last moment is noted while they are counted."""
FEW_MAX: Final = 10_000
"""Parts and messages that hold what is sought, up to which nothing but their sessions is looked at."""
_RECORDED: Final = "toUnixTimestamp64Milli(recorded_at)"
_COLUMNS: Final = (
    "studio_id, game_id, session_id, player_id, title, tester_handle, source, build_id, environment, closed, "
    "first_event_at"
)
_JOINED: Final = (
    "studio_id, game_id, session_id, argMin(p.player_id, p._partition) AS player_id, "
    "argMinIf(p.title, p._partition, p.title != '') AS title, "
    "argMin(p.tester_handle, p._partition) AS tester_handle, argMin(p.source, p._partition) AS source, "
    "argMin(p.build_id, p._partition) AS build_id, argMin(p.environment, p._partition) AS environment, "
    "max(p.closed) AS closed, min(p.first_event_at) AS first_event_at, "
    "coalesce(min(p.started_at), min(p.first_event_at)) AS recorded_at"
)
"""A session's columns from its parts `p`, as the view `sessions` has them without a look at spans."""
_HOLDING: Final = (
    "SELECT session_id FROM session_parts WHERE {tenant} AND ("  # noqa: S608
    "positionCaseInsensitiveUTF8(title, {{q:String}}) > 0 OR "
    "positionCaseInsensitiveUTF8(tester_handle, {{q:String}}) > 0 OR "
    + tester_handles.LINKED_TO.replace("{", "{{").replace("}", "}}")
    + ") UNION ALL SELECT session_id FROM ("
    + LINES.replace("{", "{{").replace("}", "}}")
    + ")"
)
_OWN_ID: Final = f"if(startsWith(session_id, 'sess_'), session_id, {HASH})"


class Shape(NamedTuple):
    """What the sessions of a studio, or of a game, need beside a look at their parts."""

    split: bool
    """Some have several parts."""
    linked: bool
    """Some devices are linked to testers, whose handles are shown in place of those that were sent."""
    lines: bool
    """Some messages hold what is sought."""


async def page_of_sessions(
    queries: Queries, conditions: Conditions, *, sought: str | None, limit: int, offset: int
) -> tuple[list[list[Any]], int]:
    """Game and given id of a page's sessions, newest recordedAt first, then by id; how many there are in all.

    `conditions` are on the view's columns, and name the game by the parameter `game` if at all. `sought` is
    sought in title, handle and lines.
    """
    tenant = "studio_id = {studio:String}"
    if "game" in conditions.parameters:
        tenant += " AND game_id = {game:String}"
    if sought is not None:
        conditions.holds("1", q=sought)
        holding = _HOLDING.format(tenant=tenant)
        ((count,),) = await queries.query(f"SELECT count() FROM ({holding})", conditions.parameters)  # noqa: S608
        if count <= FEW_MAX:
            tenant += f" AND session_id IN ({holding})"
    shape = await _shape(queries, tenant, conditions, sought=sought is not None)
    every = _every(tenant, shape)

    def chosen() -> str:
        return _every_of(every, conditions) if sought is None else _with(every, conditions, shape)

    last = offset + limit
    noted = last if last <= WALKED_MAX else 1
    ((total, newest),) = await queries.query(
        f"SELECT count(), groupArraySorted({noted})(-{_RECORDED}) FROM ({chosen()})",  # noqa: S608
        conditions.parameters,
    )
    if total <= offset:
        return [], total
    if last <= WALKED_MAX:
        conditions.holds(f"{_RECORDED} >= {{page_end:Int64}}", page_end=-newest[-1])
    page = conditions.page(limit, offset)
    # Ids break ties alone: they are made for the newest, not for all, of which most need a hash.
    found = (
        f"SELECT game_id, session_id, recorded_at FROM ({chosen()}) "  # noqa: S608
        "ORDER BY recorded_at DESC LIMIT {offset:UInt64} + {limit:UInt64} WITH TIES"
    )
    rows = await queries.query(
        f"SELECT game_id, session_id FROM ({found}) "  # noqa: S608
        f"ORDER BY recorded_at DESC, {_OWN_ID}, game_id {page}",
        conditions.parameters,
    )
    return rows, total


async def _shape(queries: Queries, tenant: str, conditions: Conditions, *, sought: bool) -> Shape:
    facts = [f"(SELECT count() FROM ({has_split(tenant)}))"]  # noqa: S608
    if sought:
        facts.append("(SELECT count() > 0 FROM tester_links WHERE studio_id = {studio:String})")
        facts.append(f"(SELECT count() > 0 FROM ({LINES}))")  # noqa: S608
    rows = await queries.query(f"SELECT {', '.join(facts)}", conditions.parameters)
    return Shape(*map(bool, [*rows[0], 0, 0][:3]))


def _every(tenant: str, shape: Shape) -> str:
    """SQL of a table: the sessions, as the view has them."""
    parts = (
        f"SELECT {_COLUMNS}, coalesce(started_at, first_event_at) AS recorded_at "  # noqa: S608
        f"FROM session_parts FINAL WHERE {tenant} AND {HAS_EVENTS}"
    )
    if not shape.split:
        return parts
    several = of_several(tenant)
    return (
        f"{parts} AND {KEY} NOT IN ({several}) UNION ALL "  # noqa: S608
        f"SELECT {_COLUMNS}, recorded_at FROM (SELECT {_JOINED} FROM session_parts AS p FINAL "
        f"WHERE {tenant} AND p.{HAS_EVENTS} AND {KEY} IN ({several}) GROUP BY studio_id, game_id, session_id)"
    )


def _every_of(every: str, conditions: Conditions) -> str:
    """SQL: those that meet the conditions."""
    return f"SELECT game_id, session_id, recorded_at FROM ({every}) WHERE {conditions}"  # noqa: S608


def _with(every: str, conditions: Conditions, shape: Shape) -> str:
    """SQL: those that meet the conditions and hold `q`."""
    holds = "positionCaseInsensitiveUTF8({}, {{q:String}}) > 0".format
    certain = f"({holds('title')} OR (game_id, session_id) IN ({LINES}))" if shape.lines else holds("title")
    if not shape.linked:
        return f"{_every_of(every, conditions)} AND ({certain} OR {holds('tester_handle')})"
    narrowed = (
        f"SELECT game_id, session_id, recorded_at, player_id, tester_handle, first_event_at, "  # noqa: S608
        f"{certain} AS certain FROM ({every}) WHERE {conditions} "
        f"AND (certain OR {holds('tester_handle')} OR {tester_handles.LINKED_TO})"
    )
    return (
        "SELECT game_id, session_id, recorded_at "  # noqa: S608
        f"FROM ({narrowed}) AS s ASOF LEFT JOIN ({tester_handles.HOLDING}) AS l "
        "ON s.game_id = l.linked_game_id AND s.player_id = l.linked_device_id "
        "AND s.first_event_at >= l.claimed_at WHERE certain OR "
        f"if(linked_device_id != '' AND first_event_at < linked_until, link_holds, {holds('tester_handle')})"
    )
