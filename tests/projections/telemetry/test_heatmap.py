"""Heatmaps are exactly the brute-force definition, built at once or brought up to date, while rows arrive."""

from __future__ import annotations

import asyncio
import itertools
import math
import uuid
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.heatmap import Heatmap, HeatmapReader
from projections.telemetry.queries.heatmap_sql import HeatmapKey
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.statements import Value

pytestmark = pytest.mark.stack

STUDIO = "studio_heat"
Point = dict[str, Any]


def brute_force(
    points: list[Point], key: HeatmapKey, sessions: Mapping[str, Point] | None = None
) -> tuple[list[dict[str, Any]], int]:
    """The contract's definition, point by point. `sessions` holds the first point of each."""
    kept = [
        (p["room"], p[key.axes[0]], p[key.axes[1]])
        for p, first in ((p, (sessions or {}).get(p["session_id"], p)) for p in points)
        if p["source"].endswith("-telemetry")
        and key.build in {None, first["build_id"]}
        and key.environment in {None, first["environment"]}
    ]
    rooms: dict[str, list[tuple[float, float]]] = {}
    for room, x, y in kept:
        rooms.setdefault(room, []).append((x, y))
    shown = sorted(rooms, key=lambda room: (-len(rooms[room]), room))[:12]
    return [one_room(room, rooms[room]) for room in shown], len(kept)


def one_room(room: str, points: list[tuple[float, float]]) -> dict[str, Any]:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    bounds = {"xMin": min(xs), "xMax": max(xs), "yMin": min(ys), "yMax": max(ys)}

    def cell(value: float, low: float, high: float, cells: int) -> int:
        return 0 if high == low else min(cells - 1, math.floor(cells * (value - low) / (high - low)))

    counts: dict[tuple[int, int], int] = {}
    for x, y in points:
        at = (cell(y, min(ys), max(ys), 18), cell(x, min(xs), max(xs), 32))
        counts[at] = counts.get(at, 0) + 1
    most = max(counts.values())
    order = sorted(counts, key=lambda at: (-counts[at], at))
    cells = [
        {"x": at[1], "y": at[0], "intensity": round(math.log(1 + counts[at]) / math.log(1 + most), 4)}
        for at in order
    ]
    return {
        "room": room,
        "cellsX": 32,
        "cellsY": 18,
        "cells": cells,
        "totalEvents": len(points),
        "bounds": bounds,
    }


class Board:
    """One game's points, in ClickHouse and here."""

    _records = itertools.count(1)

    def __init__(self, clickhouse: ClickHouse, queries: ClickHouseQueries) -> None:
        self.clickhouse = clickhouse
        self.queries = queries
        self.game_id = f"game_{uuid.uuid4().hex}"
        self.points: list[Point] = []
        self.sessions: dict[str, Point] = {}
        """The first point of each: a session keeps the build and the environment that it sent first."""
        self.reader = HeatmapReader(queries, lambda: 0.0, marks_kept=0.0)

    def key(self, build: str | None = None, environment: str | None = None, axes: str = "xy") -> HeatmapKey:
        return HeatmapKey(STUDIO, self.game_id, build, environment, axes)

    async def add(self, points: list[Point], partition: int = 0) -> None:
        """One record of points, their sessions and the position after it, as the projector inserts them."""
        record = next(self._records)
        points = [{**one, "session_id": f"{partition} {one['session_id']}"} for one in points]
        new = {one["session_id"]: one for one in reversed(points)}
        new = {name: one for name, one in new.items() if name not in self.sessions}
        where = {"studio_id": STUDIO, "game_id": self.game_id, "_partition": partition}
        parts = [
            {**where, **{name: one[name] for name in ("session_id", "build_id", "environment")}}
            for one in new.values()
        ]
        rows = [{**where, "_offset": record, "_index": n, **point} for n, point in enumerate(points)]
        names = ("studio_id", "game_id", "session_id", "build_id", "environment", "_offset", "_index")
        walked = [{name: row[name] for name in names} for row in rows]
        for table, found in (("positions", rows), ("performance", walked), ("session_parts", parts)):
            if found:
                body = b"\n".join(msgspec.json.encode(row) for row in found)
                await self.clickhouse.insert(
                    table, sorted(found[0]), body, form="JSONEachRow", token=f"{record}"
                )
        self.sessions |= new
        await self.clickhouse.system.command(
            "INSERT INTO reader_positions (topic, partition, next_offset, log_id, log_time) "
            f"VALUES ('telemetry', {partition}, {record + 1}, 'log', now64(3))"
        )
        self.points += points

    def check(self, heatmap: Heatmap, key: HeatmapKey) -> None:
        rooms, count = brute_force(self.points, key, self.sessions)
        assert heatmap.event_count == count
        assert orjson.loads(heatmap.rooms_json()) == rooms


BOUNDED = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.explicit, Phase.generate],  # a smaller example is not worth minutes of inserts
)


@pytest.fixture(scope="module")
def run(clickhouse_url: str) -> Iterator[Callable[[Any], None]]:
    """Runs a script on a fresh game. One event loop for all, so that connections are kept."""
    database = f"heat_{uuid.uuid4().hex}"
    queries = ClickHouseQueries(clickhouse_url, database)
    with asyncio.Runner() as runner:
        clickhouse = runner.run(migrated(clickhouse_url, database))

        def play(script: Callable[[Board], Coroutine[Any, Any, None]]) -> None:
            runner.run(script(Board(clickhouse, queries)))

        yield play
        runner.run(queries.close())
        runner.run(clickhouse.close())


coordinates = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-100, 100),
    st.floats(allow_nan=False, allow_infinity=False),
)
tame = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6, allow_subnormal=False))
points = st.builds(
    lambda session, room, x, y, z, build, environment, source: {
        "session_id": session,
        "room": room,
        "x": x,
        "y": y,
        "z": z,
        "build_id": build,
        "environment": environment,
        "source": source,
    },
    st.sampled_from(["a", "b", "c", "d", "e"]),
    st.sampled_from([*(f"room{n}" for n in range(14)), "it's \\ odd\n", ""]),
    tame,
    tame,
    tame,
    st.sampled_from(["1", "2"]),
    st.sampled_from(["production", "demo"]),
    st.sampled_from(["unity-telemetry", "python-telemetry", "manual"]),
)
batches = st.lists(st.tuples(st.integers(0, 1), st.lists(points, max_size=40)), min_size=1, max_size=4)
keys = st.tuples(st.sampled_from([None, "1"]), st.sampled_from([None, "demo"]), st.sampled_from(["xy", "xz"]))


@given(records=batches, filters=keys)
@BOUNDED
def test_built_or_brought_up_to_date_it_is_the_brute_force_count(
    run: Callable[[Any], None],
    records: list[tuple[int, list[Point]]],
    filters: tuple[str | None, str | None, str],
) -> None:
    async def script(board: Board) -> None:
        key = board.key(*filters)
        kept: Heatmap | None = None
        for partition, record in records:
            await board.add(record, partition)
            kept = await board.reader.load(key, kept)
            board.check(kept, key)
        board.check(await board.reader.load(key, None), key)

    run(script)


@given(values=st.lists(coordinates, min_size=1, max_size=30))
@BOUNDED
def test_any_finite_coordinates_are_counted(run: Callable[[Any], None], values: list[float]) -> None:
    async def script(board: Board) -> None:
        await board.add([point(x=value, y=-value) for value in values])
        heatmap = await board.reader.load(board.key(), None)
        (room,) = orjson.loads(heatmap.rooms_json())
        assert heatmap.event_count == room["totalEvents"] == len(values)
        assert room["bounds"]["xMin"] == min(values)
        assert room["bounds"]["xMax"] == max(values)
        assert room["cells"][0]["intensity"] == 1
        cells = {(cell["x"], cell["y"]) for cell in room["cells"]}
        assert all(0 <= x < 32 and 0 <= y < 18 for x, y in cells)
        if max(values) > min(values) and max(map(abs, values)) < 1e300:
            board.check(heatmap, board.key())

    run(script)


def point(**fields: Any) -> Point:
    return {
        "session_id": "s",
        "room": "hall",
        "x": 0.0,
        "y": 0.0,
        "z": 0.0,
        "build_id": "1",
        "environment": "production",
        "source": "unity-telemetry",
    } | fields


def test_bringing_up_to_date_reads_only_what_is_new(run: Callable[[Any], None]) -> None:
    async def script(board: Board) -> None:
        key = board.key()
        await board.add([point(x=float(n), y=float(n)) for n in range(100)])
        kept = await board.reader.load(key, None)
        asked = Asked(board.queries)
        reader = HeatmapReader(asked, lambda: 0.0, marks_kept=0.0)
        await board.add([point(x=5.0, y=5.0)])
        kept = await reader.load(key, kept)
        board.check(kept, key)
        assert not [sql for sql in asked.texts if "GROUP BY g)" in sql]
        await board.add([point(x=500.0)])
        board.check(await reader.load(key, kept), key)
        assert len([sql for sql in asked.texts if "GROUP BY g)" in sql]) == 1

    run(script)


def test_points_are_of_the_build_that_their_session_sent_first(run: Callable[[Any], None]) -> None:
    async def script(board: Board) -> None:
        first, second = board.key("1"), board.key("2", "production")
        await board.add([point(x=1.0), point(x=2.0, build_id="2"), point(session_id="t", build_id="2")])
        of_first = await board.reader.load(first, None)
        of_second = await board.reader.load(second, None)
        assert (of_first.event_count, of_second.event_count) == (2, 1)
        await board.add([point(build_id="2"), point(session_id="t", build_id="1", environment="demo")])
        for key, kept in ((first, of_first), (second, of_second)):
            board.check(await board.reader.load(key, kept), key)
            board.check(await board.reader.load(key, None), key)

    run(script)


def test_a_room_that_rises_into_the_twelve_is_shown_whole(run: Callable[[Any], None]) -> None:
    async def script(board: Board) -> None:
        key = board.key()
        await board.add([point(room=f"r{n:02}", x=float(k)) for n in range(12) for k in range(3)])
        await board.add([point(room="late", x=1.0), point(room="late", x=2.0)])
        kept = await board.reader.load(key, None)
        board.check(kept, key)
        assert "late" not in kept.grids
        await board.add([point(room="late", x=7.0), point(room="late", x=1.5)])
        kept = await board.reader.load(key, kept)
        board.check(kept, key)
        assert "late" in kept.grids

    run(script)


def test_rows_that_arrive_while_it_is_built(run: Callable[[Any], None]) -> None:
    async def script(board: Board) -> None:
        key = board.key()
        await board.add([point(x=float(n)) for n in range(10)])

        async def meanwhile() -> None:
            await board.add([point(x=100.0, y=3.0)])

        reader = HeatmapReader(Asked(board.queries, before_grid=meanwhile), lambda: 0.0, marks_kept=0.0)
        heatmap = await reader.load(key, None)
        board.check(heatmap, key)
        board.check(await board.reader.load(key, heatmap), key)

    run(script)


def test_an_erasure_is_seen(run: Callable[[Any], None]) -> None:
    async def script(board: Board) -> None:
        key = board.key()
        await board.add([point(x=float(n)) for n in range(10)])
        kept = await board.reader.load(key, None)
        await board.clickhouse.command(
            f"ALTER TABLE positions DELETE WHERE game_id = '{board.game_id}' AND x > 4 "
            "SETTINGS mutations_sync = 2"
        )
        board.points = [p for p in board.points if p["x"] <= 4]
        board.check(await board.reader.load(key, kept), key)

    run(script)


class Asked:
    """Passes queries on, remembers their texts, and may do something before the first grid is counted."""

    def __init__(
        self, queries: ClickHouseQueries, before_grid: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> None:
        self._queries = queries
        self.system_database = queries.system_database
        self._before_grid = before_grid
        self.texts: list[str] = []

    async def query(
        self, sql: str, parameters: Mapping[str, Value] | None = None, *, seconds: float = 5.0
    ) -> list[list[Any]]:
        self.texts.append(sql)
        if self._before_grid is not None and "GROUP BY g)" in sql:
            before, self._before_grid = self._before_grid, None
            await before()
        return await self._queries.query(sql, parameters, seconds=seconds)
