"""Where players were, room by room: the Management API's heatmap (telemetry.md) within a range of time.

The grid, the intensity, the order and the limits are that definition's, word for word; only the filter on
time is the dashboard's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from projections.telemetry.queries.dashboard_common import Filters, Query, moment
from projections.telemetry.queries.heatmap_grid import CELLS_X, CELLS_Y, ROOMS_MAX, intensities
from projections.telemetry.queries.heatmap_sql import FROM_GAMES, MOVED, checked_axes, of_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence


class Room(msgspec.Struct, frozen=True):
    """One room. `cells` are [x, y, intensity 0..1, points]; x_min … y_max are in the game's own units."""

    room: str
    points: int
    x_min: float
    x_max: float
    y_min: float
    y_max: float
    cells: list[tuple[int, int, float, int]]


class Heatmap(msgspec.Struct, frozen=True):
    """Rooms by points descending, then name. `points` counts those of rooms beyond the twelfth too."""

    cells_x: int
    cells_y: int
    axes: str
    points: int
    rooms: list[Room]


def points_where(filters: Filters) -> str:
    """Condition on a row of `positions`: a point of a game's player that the filters ask for."""
    where = f"{filters.tenant()} AND {FROM_GAMES} AND occurred_at >= {moment('since')}"
    where += f" AND occurred_at < {moment('until')}"
    if filters.build or filters.environment:
        own, first = of_sessions(build=bool(filters.build), environment=bool(filters.environment))
        moved = f"session_id IN ({MOVED})"
        where += f" AND (({own} AND NOT {moved}) OR ({moved} AND {first}))"
    if chosen := filters.of_sessions():
        where += f" AND {chosen}"
    return where


def cell_of(value: str, low: str, high: str, cells: int) -> str:
    """SQL of the cell in which a value lies, of so many from `low` to `high`."""
    place = f"floor({cells} * ({value} - {low}) / ({high} - {low}))"
    return f"if({high} > {low}, toUInt8(least({cells - 1}, {place})), 0)"


def heatmap_query(filters: Filters, axes: str) -> Query:
    """Rows (room, n, x_min, x_max, y_min, y_max, cx, cy, c, total). `axes` is the game's: two of x, y, z."""
    horizontal, vertical = checked_axes(axes)
    where = points_where(filters)
    return Query(
        f"""
        WITH rooms AS
        (
            SELECT room, count() AS n, min({horizontal}) AS x_min, max({horizontal}) AS x_max,
                   min({vertical}) AS y_min, max({vertical}) AS y_max, sum(n) OVER () AS total
            FROM positions WHERE {where} GROUP BY room ORDER BY n DESC, room LIMIT {ROOMS_MAX}
        )
        SELECT room, any(n) AS n, any(x_min) AS x_min, any(x_max) AS x_max, any(y_min) AS y_min,
               any(y_max) AS y_max, cx, cy, count() AS c, any(total) AS total
        FROM
        (
            SELECT p.room AS room, r.n AS n, r.x_min AS x_min, r.x_max AS x_max,
                   r.y_min AS y_min, r.y_max AS y_max, r.total AS total,
                   {cell_of("p.px", "r.x_min", "r.x_max", CELLS_X)} AS cx,
                   {cell_of("p.py", "r.y_min", "r.y_max", CELLS_Y)} AS cy
            FROM (SELECT room, {horizontal} AS px, {vertical} AS py FROM positions WHERE {where}) AS p
            INNER JOIN rooms AS r ON p.room = r.room
        )
        GROUP BY room, cx, cy ORDER BY n DESC, room, c DESC, cy, cx
        """,  # noqa: S608 - the text holds placeholders and the names of three columns
        filters.parameters(),
    )


def read_heatmap(axes: str, rows: Sequence[dict[str, Any]]) -> Heatmap:
    """Gather the rows of `heatmap_query` by room and scale each room's counts to 0..1 by logarithm."""
    by_room: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_room.setdefault(str(row["room"]), []).append(row)
    rooms = []
    for name, cells in by_room.items():
        first = cells[0]
        intensity = intensities({int(cell["c"]) for cell in cells})
        rooms.append(
            Room(
                room=name,
                points=int(first["n"]),
                x_min=float(first["x_min"]),
                x_max=float(first["x_max"]),
                y_min=float(first["y_min"]),
                y_max=float(first["y_max"]),
                cells=[
                    (int(cell["cx"]), int(cell["cy"]), intensity[int(cell["c"])], int(cell["c"]))
                    for cell in cells
                ],
            )
        )
    total = int(rows[0]["total"]) if rows else 0
    return Heatmap(CELLS_X, CELLS_Y, axes, total, rooms)
