"""The heatmap's definition in plain arithmetic: cells, order, intensity.

Source: the telemetry contract, "Heatmap, exactly". Pure. `heatmap.py` fills these from ClickHouse, which
does the same IEEE operations in the same order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import numpy.typing as npt
import orjson

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

CELLS_X: Final = 32
CELLS_Y: Final = 18
CELLS: Final = CELLS_X * CELLS_Y
ROOMS_MAX: Final = 12

_CELL_BEGINS: Final = [f'{{"x":{cell % CELLS_X},"y":{cell // CELLS_X},"intensity":' for cell in range(CELLS)]

Grid = npt.NDArray[np.int64]
"""Counts of one room, row by row: index y * CELLS_X + x."""


class Extent(msgspec.Struct, frozen=True):
    """How many points a room has, and the least and greatest of both floor coordinates."""

    count: int
    x_min: float
    x_max: float
    y_min: float
    y_max: float

    def joined(self, other: Extent) -> Extent:
        """The extent of both sets of points together."""
        return Extent(
            self.count + other.count,
            min(self.x_min, other.x_min),
            max(self.x_max, other.x_max),
            min(self.y_min, other.y_min),
            max(self.y_max, other.y_max),
        )

    def same_bounds(self, other: Extent) -> bool:
        """True where a grid over one is a grid over the other."""
        return (self.x_min, self.x_max, self.y_min, self.y_max) == (
            other.x_min,
            other.x_max,
            other.y_min,
            other.y_max,
        )


def shown(extents: Mapping[str, Extent]) -> list[str]:
    """The rooms that are shown: the twelve with most points, then by name."""
    return sorted(extents, key=lambda room: (-extents[room].count, room))[:ROOMS_MAX]


def scale(extents: Iterable[Extent]) -> int:
    """1, or the power of two to divide by so that 32 times the widest extent stays finite."""
    widest = max((max(abs(e.x_min), abs(e.x_max), abs(e.y_min), abs(e.y_max)) for e in extents), default=0.0)
    return 1 if widest < 2.0**1000 else 2**32


def intensities(counts: Collection[int]) -> dict[int, float]:
    """Of each count of a room's cells: ln(1+n) / ln(1+n_max) to 4 places."""
    densest = math.log(1 + max(counts))
    return {n: round(math.log(1 + n) / densest, 4) for n in counts}


def rendered(room: str, extent: Extent, grid: Grid) -> bytes:
    """A room as JSON; cells by count, then y, then x.

    The text is put together by hand: with a dict for each cell it takes four times as long, and it is done
    for every heatmap in use about once a second.
    """
    filled = np.flatnonzero(grid)
    counts = grid[filled]
    order = np.lexsort((filled, -counts))
    ends = {n: f"{intensity:.4f}}}" for n, intensity in intensities(np.unique(counts).tolist()).items()}
    cells = ",".join(
        [
            _CELL_BEGINS[cell] + ends[count]
            for cell, count in zip(filled[order].tolist(), counts[order].tolist(), strict=True)
        ]
    )
    bounds = {"xMin": extent.x_min, "xMax": extent.x_max, "yMin": extent.y_min, "yMax": extent.y_max}
    return b'{"room":%b,"cellsX":%d,"cellsY":%d,"cells":[%b],"totalEvents":%d,"bounds":%b}' % (
        orjson.dumps(room),
        CELLS_X,
        CELLS_Y,
        cells.encode(),
        extent.count,
        orjson.dumps(bounds),
    )
