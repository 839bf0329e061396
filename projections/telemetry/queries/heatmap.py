"""Exact heatmaps over `positions`: built once, then brought up to date by log offset while the bounds hold.

Why this is exact. A batch's rows are inserted whole and in log order, so what a query sees of one log
partition is a prefix of it: everything up to the greatest `_offset` it meets, its ceiling. The `bounds`
rollup gives counts, bounds and ceilings of one moment in milliseconds. The grids are counted over those
bounds and must sum up to those counts: then they are of the same moment. After that, rows above the
ceilings are added. A point outside a room's bounds, or a room that rises into the shown twelve, makes that
room's grid be counted again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from projections.telemetry.queries.heatmap_grid import (
    CELLS,
    Extent,
    Grid,
    rendered,
    shown,
)
from projections.telemetry.queries.heatmap_marks import KEPT_S, Marks, TableMarks
from projections.telemetry.queries.heatmap_sql import (
    MOVED,
    HeatmapKey,
    binning,
    points_of,
    room_number,
    within,
)
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from projections.telemetry.queries.client import Queries

__all__ = ["Heatmap", "HeatmapKey", "HeatmapReader"]

_ATTEMPTS: Final = 4
_REBUILD_AFTER_S: Final = 600.0
_SCAN_SECONDS: Final = 20.0
MOVED_MAX: Final = 1_000
"""Sessions with a second build that are looked at; points of further ones count as they say themselves."""


class Counted(msgspec.Struct, frozen=True):
    """Counts of one moment: log positions, every room's extent, the shown rooms' grids."""

    marks: Marks
    moved: tuple[str, ...]
    """Sessions that sent a second build or environment, where the key asks for one."""
    ceilings: dict[int, int]
    extents: dict[str, Extent]
    grids: dict[str, Grid]


class Heatmap(Counted, frozen=True):
    """A heatmap of one moment.

    `rendered` is each shown room as JSON, in order; the rest is what bringing it up to date needs.
    """

    rendered: dict[str, bytes]
    event_count: int
    built_at: float

    def rooms_json(self) -> bytes:
        """The answer's `rooms`."""
        return b"[" + b",".join(self.rendered.values()) + b"]"

    def weight(self) -> int:
        """Approximate bytes held."""
        return (
            sum(map(len, self.rendered.values()))
            + len(self.extents) * 300
            + len(self.grids) * CELLS * 8
            + 1000
        )


class HeatmapReader:
    """Loads heatmaps for a `RefreshingCache`: builds where there is no previous one, else updates it."""

    def __init__(
        self, queries: Queries, monotonic: Callable[[], float], *, marks_kept: float = KEPT_S
    ) -> None:
        self._queries = queries
        self._monotonic = monotonic
        self._marks = TableMarks(queries, monotonic, kept_s=marks_kept)

    async def load(self, key: HeatmapKey, previous: Heatmap | None) -> Heatmap:
        """A heatmap as of now. Raises StoreUnavailable."""
        marks = await self._marks.now()
        moved = await self._moved(key)
        if previous is None or previous.moved != moved or not _continues(previous, marks, self._monotonic()):
            return await self._build(key, marks, moved)
        return await self._advance(key, previous, marks)

    async def _moved(self, key: HeatmapKey) -> tuple[str, ...]:
        if not key.of_some_sessions:
            return ()
        parameters = {"studio": key.studio_id, "game": key.game_id}
        sql = f"SELECT session_id FROM ({MOVED}) ORDER BY session_id LIMIT {MOVED_MAX}"  # noqa: S608
        rows = await self._queries.query(sql, parameters)
        return tuple(row[0] for row in rows)

    async def _build(self, key: HeatmapKey, marks: Marks, moved: tuple[str, ...]) -> Heatmap:
        for attempt in range(_ATTEMPTS):
            extents, seen = await self._extents(key, moved)
            ceilings = _highest(marks.ceilings, seen)
            rooms = {room: extents[room] for room in shown(extents)}
            # Unfiltered first: reading and comparing ten million offsets costs as much as binning the points.
            grids = await self._grids(key, moved, rooms, ceilings if attempt else None)
            if all(int(grids[room].sum()) == extent.count for room, extent in rooms.items()):
                return await self._heatmap(Counted(marks, moved, ceilings, extents, grids), None)
        raise StoreUnavailable("positions are being rewritten")

    async def _advance(self, key: HeatmapKey, previous: Heatmap, marks: Marks) -> Heatmap:
        moved = previous.moved
        # A partition that appears only now has nothing of this game counted yet.
        after = {partition: previous.ceilings.get(partition, -1) for partition in marks.ceilings}
        after |= previous.ceilings
        added, points, seen = await self._added(key, previous, after)
        ceilings = _highest(_highest(after, marks.ceilings), seen)
        if not added:
            return msgspec.structs.replace(previous, marks=marks, ceilings=ceilings)
        extents = dict(previous.extents)
        grids: dict[str, Grid] = {}
        for room, extent in added.items():
            known = extents.get(room)
            extents[room] = extent if known is None else known.joined(extent)
        for room in shown(extents):
            grid = previous.grids.get(room)
            if grid is None or not extents[room].same_bounds(previous.extents[room]):
                continue
            grids[room] = grid + points[room] if room in points else grid
        anew = {room: extents[room] for room in shown(extents) if room not in grids}
        if anew:
            grids |= await self._grids(key, moved, anew, None)
            if any(int(grids[room].sum()) != extent.count for room, extent in anew.items()):
                grids |= await self._grids(key, moved, anew, ceilings)
            if any(int(grids[room].sum()) != extent.count for room, extent in anew.items()):
                return await self._build(key, marks, moved)
        return await self._heatmap(Counted(marks, moved, ceilings, extents, grids), previous)

    async def _extents(
        self, key: HeatmapKey, moved: tuple[str, ...]
    ) -> tuple[dict[str, Extent], dict[int, int]]:
        """Every room's extent and the ceilings, from the `bounds` rollup."""
        where, parameters = points_of(key, moved)
        x, y = key.axes[0], key.axes[1]
        rows = await self._queries.query(
            f"SELECT room, _partition, count(), min({x}), max({x}), min({y}), max({y}), max(_offset) "  # noqa: S608 - axes are checked
            f"FROM positions WHERE {where} GROUP BY room, _partition",
            parameters,
        )
        extents: dict[str, Extent] = {}
        ceilings: dict[int, int] = {}
        for room, partition, count, x_min, x_max, y_min, y_max, ceiling in rows:
            _join(extents, room, _extent(count, x_min, x_max, y_min, y_max))
            ceilings[partition] = max(ceilings.get(partition, -1), ceiling)
        return extents, ceilings

    async def _grids(
        self,
        key: HeatmapKey,
        moved: tuple[str, ...],
        rooms: Mapping[str, Extent],
        ceilings: Mapping[int, int] | None,
    ) -> dict[str, Grid]:
        """Counts of each room's cells over its extent, up to the ceilings where given."""
        if not rooms:
            return {}
        where, parameters = points_of(key, moved)
        cell, bounds = binning(key, rooms)
        conditions = [where, "room IN {rooms:Array(String)}"]
        if ceilings is not None:
            conditions.append(within(ceilings, "<="))
        rows = await self._queries.query(
            f"SELECT groupArray(g), groupArray(n) FROM (WITH toUInt8({room_number(0)}) AS k, {cell} AS c "  # noqa: S608
            f"SELECT toUInt16(k * {CELLS} + c) AS g, count() AS n FROM positions "
            f"WHERE {' AND '.join(conditions)} GROUP BY g) SETTINGS optimize_use_projections = 0",
            parameters | bounds,
            seconds=_SCAN_SECONDS,
        )
        counts = np.zeros(len(rooms) * CELLS, dtype=np.int64)
        counts[rows[0][0]] = rows[0][1]
        return dict(zip(rooms, counts.reshape(len(rooms), CELLS), strict=True))

    async def _added(
        self, key: HeatmapKey, previous: Heatmap, after: Mapping[int, int]
    ) -> tuple[dict[str, Extent], dict[str, Grid], dict[int, int]]:
        """What arrived after these ceilings: all rooms' extents, the shown ones' cells, the new ceilings."""
        where, parameters = points_of(key, previous.moved)
        rooms = {room: previous.extents[room] for room in previous.grids}
        cell, bounds = binning(key, rooms)
        x, y = key.axes[0], key.axes[1]
        number = room_number(len(rooms)) if rooms else "0"
        # One row for each room, with its cells as lists: thousands of rows would be read one by one.
        rows = await self._queries.query(
            "SELECT room, _partition, sum(n), min(x_min), max(x_max), min(y_min), max(y_max), max(ceiling), "  # noqa: S608
            f"groupArray(c), groupArray(n) FROM (WITH toUInt8({number}) AS k, "
            f"toUInt16(if(k < {len(rooms)}, {cell}, 0)) AS c "
            f"SELECT room, c, _partition, count() AS n, min({x}) AS x_min, max({x}) AS x_max, "
            f"min({y}) AS y_min, max({y}) AS y_max, max(_offset) AS ceiling "
            f"FROM positions WHERE {where} AND {within(after, '>')} GROUP BY room, c, _partition"
            ") GROUP BY room, _partition SETTINGS optimize_use_projections = 0, max_threads = 1",
            parameters | bounds,
            seconds=_SCAN_SECONDS,
        )
        extents: dict[str, Extent] = {}
        points: dict[str, Grid] = {}
        ceilings: dict[int, int] = {}
        for room, partition, count, x_min, x_max, y_min, y_max, ceiling, cells, counts in rows:
            _join(extents, room, _extent(count, x_min, x_max, y_min, y_max))
            ceilings[partition] = max(ceilings.get(partition, -1), ceiling)
            if room in rooms:
                points.setdefault(room, np.zeros(CELLS, dtype=np.int64))[cells] += counts
        return extents, points, ceilings

    async def _heatmap(self, counted: Counted, previous: Heatmap | None) -> Heatmap:
        rendered_rooms: dict[str, bytes] = {}
        for room in shown(counted.extents):
            grid = counted.grids[room]
            if previous is not None and grid is previous.grids.get(room):
                rendered_rooms[room] = previous.rendered[room]
            else:
                rendered_rooms[room] = rendered(room, counted.extents[room], grid)
                await asyncio.sleep(0)  # other requests need not wait for all twelve
        return Heatmap(
            marks=counted.marks,
            moved=counted.moved,
            ceilings=counted.ceilings,
            extents=counted.extents,
            grids=counted.grids,
            rendered=rendered_rooms,
            event_count=sum(extent.count for extent in counted.extents.values()),
            built_at=self._monotonic() if previous is None else previous.built_at,
        )


def _continues(previous: Heatmap, marks: Marks, now: float) -> bool:
    """True where what was counted is still a prefix of what there is.

    Every ten minutes it is counted afresh anyway.
    """
    # The marks trail the rows by an insert, so they are compared with earlier marks and not with ceilings.
    behind = any(marks.ceilings.get(p, -1) < c for p, c in previous.marks.ceilings.items())
    return (
        previous.marks.generation == marks.generation
        and bool(previous.ceilings)
        and not behind
        and now - previous.built_at < _REBUILD_AFTER_S
    )


def _highest(left: Mapping[int, int], right: Mapping[int, int]) -> dict[int, int]:
    return {p: max(left.get(p, -1), right.get(p, -1)) for p in left.keys() | right.keys()}


def _extent(count: int, *bounds: float) -> Extent:
    # ClickHouse writes whole floats without a point, with zeros for digits that don't matter.
    return Extent(count, *map(float, bounds))


def _join(extents: dict[str, Extent], room: str, extent: Extent) -> None:
    known = extents.get(room)
    extents[room] = extent if known is None else known.joined(extent)
