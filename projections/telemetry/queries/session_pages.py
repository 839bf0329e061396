"""Which of a studio's sessions are on a page: from their parts, in few columns.

Nearly every session has one part, whose row says all; the view, which joins the parts of each, is asked for
those of several. What the sessions hold is read for the page's alone, elsewhere.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from projections.telemetry.queries import tester_handles
from projections.telemetry.queries.filters import HAS_EVENTS, Conditions, counted
from projections.telemetry.queries.session_ids import HASH
from projections.telemetry.queries.transcripts import LINES

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

_KEY: Final = "cityHash64(game_id, session_id)"
"""Numbers are grouped in a fifth of the time of texts. Sessions that share one are asked of the view."""
_COLUMNS: Final = (
    "studio_id, game_id, session_id, player_id, title, tester_handle, source, build_id, environment, closed, "
    "first_event_at"
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


FEW_MAX: Final = 10_000
"""Parts and messages that hold what is sought, up to which their sessions are asked of the view."""
_HOLDING: Final = (
    "SELECT session_id FROM session_parts WHERE {tenant} AND ("  # noqa: S608
    "positionCaseInsensitiveUTF8(title, {{q:String}}) > 0 OR "
    "positionCaseInsensitiveUTF8(tester_handle, {{q:String}}) > 0 OR "
    + tester_handles.LINKED_TO.replace("{", "{{").replace("}", "}}")
    + ") UNION ALL SELECT session_id FROM ("
    + LINES.replace("{", "{{").replace("}", "}}")
    + ")"
)


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
    if sought is None:
        sessions = _every(tenant, await _shape(queries, tenant, conditions, sought=False))
        chosen = f"SELECT * FROM ({sessions}) WHERE {conditions}"  # noqa: S608
    else:
        conditions.holds("1", q=sought)
        holding = _HOLDING.format(tenant=tenant)
        ((count,),) = await queries.query(f"SELECT count() FROM ({holding})", conditions.parameters)  # noqa: S608
        if count <= FEW_MAX:
            narrowed = f"{conditions} AND session_id IN ({holding})"
            few = f"SELECT {_COLUMNS}, recorded_at FROM sessions WHERE {narrowed}"  # noqa: S608
            found = _with(few, Shape(split=True, linked=True, lines=True))
            order = f"ORDER BY recorded_at DESC, {_OWN_ID}, game_id"
            return await counted(
                queries,
                "game_id, session_id",
                f"FROM ({found}) {order}",
                conditions,
                limit=limit,
                offset=offset,
            )
        shape = await _shape(queries, tenant, conditions, sought=True)
        chosen = _with(f"SELECT * FROM ({_every(tenant, shape)}) WHERE {conditions}", shape)  # noqa: S608
    # Ids break ties alone: they are made for the newest, not for all, of which most need a hash.
    newest = (
        f"SELECT game_id, session_id, recorded_at FROM ({chosen}) "  # noqa: S608
        "ORDER BY recorded_at DESC LIMIT {offset:UInt64} + {limit:UInt64} WITH TIES"
    )
    page = conditions.page(limit, offset)
    rows, counts = await asyncio.gather(
        queries.query(
            f"SELECT game_id, session_id FROM ({newest}) "  # noqa: S608
            f"ORDER BY recorded_at DESC, {_OWN_ID}, game_id {page}",
            conditions.parameters,
        ),
        queries.query(f"SELECT count() FROM ({chosen})", conditions.parameters),  # noqa: S608
    )
    return rows, counts[0][0]


async def _shape(queries: Queries, tenant: str, conditions: Conditions, *, sought: bool) -> Shape:
    columns = f"count() != uniqExact({_KEY})"
    if sought:
        columns += ", (SELECT count() > 0 FROM tester_links WHERE studio_id = {studio:String})"
        columns += f", (SELECT count() > 0 FROM ({LINES}))"  # noqa: S608
    rows = await queries.query(
        f"SELECT {columns} FROM session_parts FINAL WHERE {tenant}",  # noqa: S608
        conditions.parameters,
    )
    return Shape(*map(bool, [*rows[0], 0, 0][:3]))


def _every(tenant: str, shape: Shape) -> str:
    """SQL of a table: the sessions, as the view has them."""
    parts = (
        f"SELECT {_COLUMNS}, coalesce(started_at, first_event_at) AS recorded_at "  # noqa: S608
        f"FROM session_parts FINAL WHERE {tenant} AND {HAS_EVENTS}"
    )
    if not shape.split:
        return parts
    several = f"SELECT {_KEY} FROM session_parts FINAL WHERE {tenant} GROUP BY {_KEY} HAVING count() > 1"  # noqa: S608
    keys = f"SELECT session_id FROM session_parts WHERE {tenant} AND {_KEY} IN ({several})"  # noqa: S608
    return (
        f"{parts} AND {_KEY} NOT IN ({several}) UNION ALL SELECT {_COLUMNS}, recorded_at FROM sessions "  # noqa: S608
        f"WHERE {tenant} AND session_id IN ({keys}) AND {_KEY} IN ({several})"
    )


def _with(chosen: str, shape: Shape) -> str:
    """SQL: those of the sessions that hold `q`."""
    holds = "positionCaseInsensitiveUTF8({}, {{q:String}}) > 0".format
    certain = f"({holds('title')} OR (game_id, session_id) IN ({LINES}))" if shape.lines else holds("title")
    if not shape.linked:
        return f"SELECT * FROM ({chosen}) WHERE {certain} OR {holds('tester_handle')}"  # noqa: S608
    narrowed = (
        f"SELECT *, {certain} AS certain FROM ({chosen}) "  # noqa: S608
        f"WHERE certain OR {holds('tester_handle')} OR {tester_handles.LINKED_TO}"
    )
    return f"SELECT s.* FROM {tester_handles.linked(narrowed)} WHERE certain OR {holds(tester_handles.SHOWN)}"  # noqa: S608
