"""Exact heatmaps over `positions`: built once, then brought up to date by log offset while the bounds hold.

Why this is exact. A cut's rows are inserted whole and in log order, so what a query sees of one log
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
    CELLS_X,
    CELLS_Y,
    Extent,
    Grid,
    rendered,
    scale,
    shown,
)
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from projections.telemetry.queries.client import Queries, Value

_ATTEMPTS: Final = 4
_REBUILD_AFTER_S: Final = 600.0
_SCAN_SECONDS: Final = 20.0
_MARKS_KEPT_S: Final = 0.3


class HeatmapKey(msgspec.Struct, frozen=True):
    """Which points: a game's, of one build and environment or of all (None). `axes` are two of x, y, z."""

    studio_id: str
    game_id: str
    build: str | None
    environment: str | None
    axes: str = "xy"


class Marks(msgspec.Struct, frozen=True):
    """The table's identity, and for each log partition an offset up to which it surely holds everything."""

    generation: str
    ceilings: dict[int, int]


class Counted(msgspec.Struct, frozen=True):
    """Counts of one moment: log positions, every room's extent, the shown rooms' grids."""

    marks: Marks
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
        self, queries: Queries, monotonic: Callable[[], float], *, marks_kept: float = _MARKS_KEPT_S
    ) -> None:
        self._queries = queries
        self._monotonic = monotonic
        self._marks_kept = marks_kept
        self._marks_lock = asyncio.Lock()
        self._held: tuple[float, Marks] | None = None

    async def load(self, key: HeatmapKey, previous: Heatmap | None) -> Heatmap:
        """A heatmap as of now. Raises StoreUnavailable."""
        marks = await self._marks()
        if previous is None or not _continues(previous, marks, self._monotonic()):
            return await self._build(key, marks)
        return await self._advance(key, previous, marks)

    async def _marks(self) -> Marks:
        # Older marks claim less and are as true, so all heatmaps of a moment share them.
        async with self._marks_lock:
            now = self._monotonic()
            if self._held is None or now - self._held[0] >= self._marks_kept:
                self._held = (now, await self._read_marks())
            return self._held[1]

    async def _read_marks(self) -> Marks:
        # A mutation (an erasure) or another set of tables (a rebuild) takes back what was counted.
        rows = await self._queries.query(
            "SELECT toInt32(partition) AS p, toInt64(max(next_offset)) - 1 AS ceiling, '' AS generation "
            "FROM log_positions WHERE topic = 'telemetry' GROUP BY partition "
            "UNION ALL SELECT -1, 0, concat((SELECT min(generation) FROM generations), ' ', "
            "(SELECT concat(toString(count()), ' ', toString(sum(is_done))) FROM system.mutations "
            "WHERE database = currentDatabase() AND table = 'positions'))"
        )
        return Marks(
            generation=next(row[2] for row in rows if row[0] < 0),
            ceilings={row[0]: row[1] for row in rows if row[0] >= 0},
        )

    async def _build(self, key: HeatmapKey, marks: Marks) -> Heatmap:
        for attempt in range(_ATTEMPTS):
            extents, seen = await self._extents(key)
            ceilings = _highest(marks.ceilings, seen)
            rooms = {room: extents[room] for room in shown(extents)}
            # Unfiltered first: reading and comparing ten million offsets costs as much as binning the points.
            grids = await self._grids(key, rooms, ceilings if attempt else None)
            if all(int(grids[room].sum()) == extent.count for room, extent in rooms.items()):
                return await self._heatmap(Counted(marks, ceilings, extents, grids), None)
        raise StoreUnavailable("positions are being rewritten")

    async def _advance(self, key: HeatmapKey, previous: Heatmap, marks: Marks) -> Heatmap:
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
            grids |= await self._grids(key, anew, None)
            if any(int(grids[room].sum()) != extent.count for room, extent in anew.items()):
                grids |= await self._grids(key, anew, ceilings)
            if any(int(grids[room].sum()) != extent.count for room, extent in anew.items()):
                return await self._build(key, marks)
        return await self._heatmap(Counted(marks, ceilings, extents, grids), previous)

    async def _extents(self, key: HeatmapKey) -> tuple[dict[str, Extent], dict[int, int]]:
        """Every room's extent and the ceilings, from the `bounds` rollup."""
        where, parameters = _filter(key)
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
        self, key: HeatmapKey, rooms: Mapping[str, Extent], ceilings: Mapping[int, int] | None
    ) -> dict[str, Grid]:
        """Counts of each room's cells over its extent, up to the ceilings where given."""
        grids = {room: np.zeros(CELLS, dtype=np.int64) for room in rooms}
        if not rooms:
            return grids
        where, parameters = _filter(key)
        cell, bounds = _binning(key, rooms)
        conditions = [where, "room IN {rooms:Array(String)}"]
        if ceilings is not None:
            conditions.append(_within(ceilings, "<="))
        rows = await self._queries.query(
            f"WITH toUInt8({_room_number(0)}) AS k, {cell} AS c "  # noqa: S608 - texts of ours, values are bound
            f"SELECT toUInt16(k * {CELLS} + c) AS g, count() FROM positions "
            f"WHERE {' AND '.join(conditions)} GROUP BY g SETTINGS optimize_use_projections = 0",
            parameters | bounds,
            seconds=_SCAN_SECONDS,
        )
        names = list(rooms)
        for index, count in rows:
            grids[names[index // CELLS]][index % CELLS] = count
        return grids

    async def _added(
        self, key: HeatmapKey, previous: Heatmap, after: Mapping[int, int]
    ) -> tuple[dict[str, Extent], dict[str, Grid], dict[int, int]]:
        """What arrived after these ceilings: all rooms' extents, the shown ones' cells, the new ceilings."""
        where, parameters = _filter(key)
        rooms = {room: previous.extents[room] for room in previous.grids}
        cell, bounds = _binning(key, rooms)
        x, y = key.axes[0], key.axes[1]
        number = _room_number(len(rooms)) if rooms else "0"
        rows = await self._queries.query(
            f"WITH toUInt8({number}) AS k, toUInt16(if(k < {len(rooms)}, {cell}, 0)) AS c "  # noqa: S608
            f"SELECT room, c, _partition, count(), min({x}), max({x}), min({y}), max({y}), max(_offset) "
            f"FROM positions WHERE {where} AND {_within(after, '>')} GROUP BY room, c, _partition "
            "SETTINGS optimize_use_projections = 0, max_threads = 1",
            parameters | bounds,
            seconds=_SCAN_SECONDS,
        )
        extents: dict[str, Extent] = {}
        points: dict[str, Grid] = {}
        ceilings: dict[int, int] = {}
        for room, index, partition, count, x_min, x_max, y_min, y_max, ceiling in rows:
            _join(extents, room, _extent(count, x_min, x_max, y_min, y_max))
            ceilings[partition] = max(ceilings.get(partition, -1), ceiling)
            if room in rooms:
                points.setdefault(room, np.zeros(CELLS, dtype=np.int64))[index] += count
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


def _filter(key: HeatmapKey) -> tuple[str, dict[str, Value]]:
    if len(key.axes) != 2 or not set(key.axes) <= set("xyz"):
        raise ValueError(f"heatmap axes must be two of x, y and z, not {key.axes!r}")
    conditions = [
        "studio_id = {studio:String}",
        "game_id = {game:String}",
        "endsWith(source, '-telemetry')",
    ]
    parameters: dict[str, Value] = {"studio": key.studio_id, "game": key.game_id}
    if key.build is not None:
        conditions.append("build_id = {build:String}")
        parameters["build"] = key.build
    if key.environment is not None:
        conditions.append("environment = {environment:String}")
        parameters["environment"] = key.environment
    return " AND ".join(conditions), parameters


def _within(ceilings: Mapping[int, int], comparison: str) -> str:
    """Rows of these log partitions on one side of their ceilings.

    The lone outer bound lets the offset index prune.
    """
    exact = " OR ".join(
        f"(_partition = {p} AND _offset {comparison} {c})" for p, c in sorted(ceilings.items())
    )
    outermost = min(ceilings.values()) if comparison == ">" else max(ceilings.values())
    return f"(_offset {comparison} {outermost} AND ({exact}))"


def _binning(key: HeatmapKey, rooms: Mapping[str, Extent]) -> tuple[str, dict[str, Value]]:
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


def _room_number(otherwise: int) -> str:
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
