"""One cell of the heatmap: the sessions whose players were there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Query
from projections.telemetry.queries.dashboard_heatmap import cell_of, points_where
from projections.telemetry.queries.heatmap_grid import CELLS_X, CELLS_Y
from projections.telemetry.queries.heatmap_sql import checked_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries.dashboard_common import Filters

SESSIONS_MAX: Final = 50


class Cell(msgspec.Struct, frozen=True):
    """A cell of a room by its place in the grid, and the room's bounds as the heatmap gave them."""

    room: str
    x: int
    y: int
    x_min: float
    x_max: float
    y_min: float
    y_max: float


class CellSession(msgspec.Struct, frozen=True):
    """A session with points in the cell. `session` is the id that was sent; times are unix milliseconds."""

    session: str
    player: str
    points: int
    first_at: int
    last_at: int


class CellSessions(msgspec.Struct, frozen=True):
    """The 50 sessions of the most points there, and how many points and sessions there are in all."""

    points: int
    total: int
    sessions: list[CellSession]


def cell_query(filters: Filters, axes: str, cell: Cell) -> Query:
    """Rows (session_id, player, n, first_at, last_at, points, total) by points."""
    horizontal, vertical = checked_axes(axes)
    low_x, high_x, low_y, high_y = (f"{{{name}:Float64}}" for name in ("x_min", "x_max", "y_min", "y_max"))
    inside = (
        f"room = {{room:String}} AND {cell_of(horizontal, low_x, high_x, CELLS_X)} = {{cx:UInt8}} "
        f"AND {cell_of(vertical, low_y, high_y, CELLS_Y)} = {{cy:UInt8}}"
    )
    return Query(
        f"""
        SELECT session_id, any(player_id) AS player, count() AS n,
               toUnixTimestamp64Milli(min(occurred_at)) AS first_at,
               toUnixTimestamp64Milli(max(occurred_at)) AS last_at,
               sum(n) OVER () AS points, count() OVER () AS total
        FROM positions WHERE {points_where(filters)} AND {inside}
        GROUP BY session_id ORDER BY n DESC, session_id LIMIT {SESSIONS_MAX}
        """,  # noqa: S608 - the text holds placeholders and the names of three columns
        {
            **filters.parameters(),
            "room": cell.room,
            "cx": cell.x,
            "cy": cell.y,
            "x_min": cell.x_min,
            "x_max": cell.x_max,
            "y_min": cell.y_min,
            "y_max": cell.y_max,
        },
    )


def read_cell(rows: Sequence[dict[str, Any]]) -> CellSessions:
    """The rows of `cell_query`."""
    return CellSessions(
        points=int(rows[0]["points"]) if rows else 0,
        total=int(rows[0]["total"]) if rows else 0,
        sessions=[
            CellSession(
                str(row["session_id"]),
                str(row["player"]),
                int(row["n"]),
                int(row["first_at"]),
                int(row["last_at"]),
            )
            for row in rows
        ],
    )
