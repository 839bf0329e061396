"""The heatmap's SQL: which points, in which cell, on which side of a log position. Values are bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from projections.telemetry.queries.heatmap_grid import CELLS_X, CELLS_Y, Extent, scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from projections.clickhouse.statements import Value


FROM_GAMES: Final = "endsWith(source, '-telemetry')"
"""Of all points, those that count."""


class HeatmapKey(msgspec.Struct, frozen=True):
    """Which points: a game's, of sessions of one build and environment or of all (None).

    `axes` are two of x, y, z.
    """

    studio_id: str
    game_id: str
    build: str | None
    environment: str | None
    axes: str = "xy"

    @property
    def of_some_sessions(self) -> bool:
        """Whether it depends on what is known of sessions."""
        return self.build is not None or self.environment is not None


def checked_axes(axes: str) -> tuple[str, str]:
    """Both columns of `positions`. Raises ValueError where they are not two of x, y and z."""
    if len(axes) != 2 or not set(axes) <= set("xyz"):
        raise ValueError(f"heatmap axes must be two of x, y and z, not {axes!r}")
    return axes[0], axes[1]


def points_of(key: HeatmapKey, moved: Sequence[str] = ()) -> tuple[str, dict[str, Value]]:
    """The condition on `positions` that a key is, and its parameters. Raises ValueError on unknown axes.

    A session keeps the build and the environment that it sent first, and so do its points: of the sessions
    in `moved`, which sent others as well, what their points themselves say does not count.
    """
    checked_axes(key.axes)
    conditions = ["studio_id = {studio:String}", "game_id = {game:String}", FROM_GAMES]
    parameters: dict[str, Value] = {"studio": key.studio_id, "game": key.game_id}
    if key.build is not None:
        parameters["build"] = key.build
    if key.environment is not None:
        parameters["environment"] = key.environment
    if key.of_some_sessions:
        own, first = of_sessions(build=key.build is not None, environment=key.environment is not None)
        if moved:
            parameters["moved"] = list(moved)
            is_moved = "session_id IN {moved:Array(String)}"
            own = f"(({own} AND NOT {is_moved}) OR ({is_moved} AND {first}))"
        conditions.append(own)
    return " AND ".join(conditions), parameters


def of_sessions(*, build: bool, environment: bool) -> tuple[str, str]:
    """SQL: a point itself has the parameters `build` and `environment`; its session's first ones are those.

    Binds `studio` and `game`.
    """
    asked = {"build_id": "build"} if build else {}
    asked |= {"environment": "environment"} if environment else {}
    own = " AND ".join(f"{column} = {{{parameter}:String}}" for column, parameter in asked.items())
    holds = " AND ".join(
        f"argMin({column}, _partition) = {{{parameter}:String}}" for column, parameter in asked.items()
    )
    first = (
        "session_id IN (SELECT session_id FROM session_parts WHERE studio_id = {studio:String} "  # noqa: S608
        f"AND game_id = {{game:String}} GROUP BY session_id HAVING {holds})"
    )
    return own, first


_OF_GAME: Final = "studio_id = {studio:String} AND game_id = {game:String}"
MOVED: Final = (
    f"SELECT session_id FROM performance WHERE {_OF_GAME} GROUP BY session_id "  # noqa: S608 - placeholders
    "HAVING min(build_id) != max(build_id) OR min(environment) != max(environment) "
    f"UNION DISTINCT SELECT session_id FROM session_parts WHERE {_OF_GAME} "
    "AND (JSONExtractString(metadata, 'gameVersion') NOT IN ('', build_id) "
    "OR JSONExtractString(metadata, 'environment') NOT IN ('', environment))"
)
"""SQL: the game's sessions that sent a second build or environment: S4 with a trajectory, S1 at last."""


def within(ceilings: Mapping[int, int], comparison: str) -> str:
    """Rows of these log partitions on one side of their ceilings.

    The lone outer bound lets the offset index prune.
    """
    exact = " OR ".join(
        f"(_partition = {p} AND _offset {comparison} {c})" for p, c in sorted(ceilings.items())
    )
    outermost = min(ceilings.values()) if comparison == ">" else max(ceilings.values())
    return f"(_offset {comparison} {outermost} AND ({exact}))"


def binning(key: HeatmapKey, rooms: Mapping[str, Extent]) -> tuple[str, dict[str, Value]]:
    """SQL of a point's cell over its room's extent, `k` being the room's number, and the parameters it needs.

    Looking up by a small number is what makes it fast: four look-ups by the room's name cost twice the scan.
    A zero extent is written as 1: the difference above it is 0, hence cell 0. Points outside are put on
    the edge.
    """
    if not rooms:
        return "0", {}
    divisor = scale(rooms.values())
    x, y = key.axes[0], key.axes[1]
    x_low, x_width = _scaled([(e.x_min, e.x_max) for e in rooms.values()], divisor)
    y_low, y_width = _scaled([(e.y_min, e.y_max) for e in rooms.values()], divisor)
    cell = f"{_position(y, CELLS_Y, 'y', divisor)} * {CELLS_X} + {_position(x, CELLS_X, 'x', divisor)}"
    return cell, {
        "rooms": list(rooms),
        "numbers": list(range(len(rooms))),
        "x_low": x_low,
        "x_width": x_width,
        "y_low": y_low,
        "y_width": y_width,
    }


def room_number(otherwise: int) -> str:
    """SQL of a room's number in the parameters of `binning`; `otherwise` for other rooms."""
    return f"transform(room, {{rooms:Array(String)}}, {{numbers:Array(UInt8)}}, {otherwise})"


def _scaled(bounds: list[tuple[float, float]], divisor: int) -> tuple[list[int], list[int]]:
    lows = [low / divisor for low, _ in bounds]
    widths = [(high / divisor - low / divisor) or 1.0 for low, high in bounds]
    return [_bits(low) for low in lows], [_bits(width) for width in widths]


def _bits(value: float) -> int:
    """A float's 64 bits: ClickHouse may be off by the last bit when it reads one from decimal text."""
    return int(np.float64(value).view(np.uint64))


def _position(axis: str, cells: int, name: str, divisor: int) -> str:
    value = axis if divisor == 1 else f"{axis} / {divisor}"
    low, width = (
        f"transform(k, {{numbers:Array(UInt8)}}, "
        f"arrayMap(v -> reinterpretAsFloat64(v), {{{name}_{part}:Array(UInt64)}}), 1.0)"
        for part in ("low", "width")
    )
    return f"toUInt16(greatest(0, least({cells - 1}, floor({cells} * ({value} - {low}) / {width}))))"
