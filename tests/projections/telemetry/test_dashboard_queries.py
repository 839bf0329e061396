"""The dashboard's questions: exact figures from known rows, and never a row of another tenant."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
import pytest

from projections.telemetry.queries import (
    dashboard_builds,
    dashboard_events,
    dashboard_filters,
    dashboard_fps,
    dashboard_funnel,
    dashboard_heatmap,
    dashboard_models,
    dashboard_sessions,
    dashboard_summary,
    dashboard_timeline,
)
from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.dashboard_common import Filters, Query
from projections.telemetry.queries.heatmap import HeatmapKey
from tests.projections.telemetry.test_heatmap import brute_force

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from projections.clickhouse.client import ClickHouse

NOON_MS = 1_800_014_400_000
FILTERS = Filters("ours", "game", "", "", NOON_MS, NOON_MS + 3_600_000)
TENANTS = (("ours", "game"), ("ours", "another"), ("theirs", "game"))


@pytest.fixture
async def queries(database: ClickHouse, clickhouse_url: str) -> AsyncIterator[ClickHouseQueries]:
    client = ClickHouseQueries(clickhouse_url, database.database)
    yield client
    await client.close()


async def fill(database: ClickHouse, table: str, rows: list[dict[str, Any]]) -> None:
    """The rows for each of three tenants; the two foreign ones must never be counted."""
    lines, columns = [], {"studio_id": 1, "game_id": 1, "_partition": 1, "_offset": 1, "_index": 1}
    if table == "session_parts":
        columns = {"studio_id": 1, "game_id": 1, "_partition": 1, "_version": 1}
    if table == "tester_links":
        columns = {"studio_id": 1, "game_id": 1, "_offset": 1}
    for studio, game in TENANTS:
        for place, row in enumerate(rows):
            times = {name: f"{ms / 1000:.3f}" for name, ms in row.items() if name.endswith("_at")}
            given = {"studio_id": studio, "game_id": game, "_partition": 0, "_offset": place, "_index": 0}
            line = given | {"_version": 1} | row | times
            columns |= dict.fromkeys(row, 1)
            lines.append(orjson.dumps({name: line[name] for name in columns if name in line}))
    await database.insert(table, list(columns), b"\n".join(lines), form="JSONEachRow", token=table)


async def asked(queries: ClickHouseQueries, query: Query) -> list[dict[str, Any]]:
    return await queries.select(query.sql, query.parameters)


def event(minute: float, name: str, *, player: str = "p1", build: str = "1") -> dict[str, Any]:
    return {"build_id": build, "environment": "production", "source": "python-telemetry", "event_name": name,
            "session_id": f"s-{player}", "player_id": player,
            "occurred_at": NOON_MS + int(minute * 60_000), "arrived_at": NOON_MS}  # fmt: skip


def session(first: float, last: float, player: str, build: str = "1") -> dict[str, Any]:
    begin, end = (NOON_MS + int(minute * 60_000) for minute in (first, last))
    return {"session_id": f"s-{player}-{first}", "player_id": player,
            "build_id": build,
            "environment": "production", "source": "python-telemetry",
            "first_event_at": begin, "last_event_at": end,
            "first_arrived_at": begin, "spans": [[begin, end]], "closed": 1}  # fmt: skip


@pytest.mark.stack
async def test_events_are_counted_by_bucket_and_by_name(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    rows = [event(0, "jump"), event(0.99, "jump", player="p2"), event(59.99, "fall"), event(60, "jump"),
            event(-0.01, "jump"), event(30, "jump", build="2")]  # fmt: skip
    await fill(database, "events", rows)
    steps = [{"step_name": "start", "player_id": "p1", "session_id": "s", "occurred_at": NOON_MS,
              "arrived_at": NOON_MS, "build_id": "1", "environment": "production"}]  # fmt: skip
    await fill(database, "funnel_steps", steps)

    timeline = dashboard_timeline.read_timeline(
        FILTERS, await asked(queries, dashboard_timeline.timeline_query(FILTERS))
    )
    assert (timeline.bucket_minutes, len(timeline.t), timeline.t[0]) == (1, 60, NOON_MS // 1000)
    assert [(place, n) for place, n in enumerate(timeline.events) if n] == [(0, 3), (30, 1), (59, 1)]
    assert not any(timeline.points)

    names = dashboard_events.read_event_names(
        await asked(queries, dashboard_events.event_names_query(FILTERS))
    )
    assert [(one.name, one.count, one.players) for one in names] == [
        ("jump", 3, 2),
        ("fall", 1, 1),
        ("start", 1, 1),
    ]
    only = msgspec.structs.replace(FILTERS, build="2")
    names = dashboard_events.read_event_names(await asked(queries, dashboard_events.event_names_query(only)))
    assert [(one.name, one.count) for one in names] == [("jump", 1)]

    choices = dashboard_filters.read_choices(
        await asked(queries, dashboard_filters.choices_query("ours", "game"))
    )
    assert (choices.builds, choices.environments) == (["1", "2"], ["production"])
    assert choices.small == ["1", "2"]
    await fill(database, "session_parts", [session(0, 1, f"p{n}") for n in range(5)])
    choices = dashboard_filters.read_choices(
        await asked(queries, dashboard_filters.choices_query("ours", "game"))
    )
    assert choices.small == ["2"]


@pytest.mark.stack
async def test_players_and_sessions_count_wherever_they_overlap(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    rows = [session(-30, 1.5, "p1"), session(1, 2, "p1"), session(1, 1, "p2"), session(59, 90, "p3"),
            session(-20, -0.01, "p4"), session(60, 61, "p5")]  # fmt: skip
    await fill(database, "session_parts", rows)
    activity = dashboard_sessions.read_activity(
        FILTERS, await asked(queries, dashboard_sessions.activity_query(FILTERS))
    )
    assert activity.sessions[:4] == [1, 3, 1, 0]
    assert activity.players[:4] == [1, 2, 1, 0]
    assert activity.started[:4] == [0, 2, 0, 0]
    assert (activity.sessions[59], activity.started[59]) == (1, 1)

    summary = dashboard_summary.read_summary(await asked(queries, dashboard_summary.summary_query(FILTERS)))
    assert (summary.now.sessions, summary.now.players) == (4, 3)
    assert (summary.before.sessions, summary.before.players) == (2, 2)
    assert summary.now.median_session_seconds in (60.0, 1860.0)
    assert summary.now.median_fps is None


@pytest.mark.stack
async def test_frame_rates_and_builds_stand_side_by_side(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    rates = [
        {"build_id": build, "environment": "production", "source": "python-telemetry", "session_id": "s",
         "player_id": "p", "room": "r", "fps_mean": mean, "fps_low_5": mean, "fps_low_1": mean / 2,
         "points": 1,
         "started_at": NOON_MS + 1000, "ended_at": NOON_MS + 2000, "arrived_at": NOON_MS}
        for build, means in (("1", range(101)), ("2", (60, None)))
        for mean in means
        if mean is not None
    ]  # fmt: skip
    await fill(database, "performance", rates)
    await fill(database, "session_parts", [session(0, 10, "p1"), session(0, 2, "p2", "2")])
    await fill(database, "events", [event(1, "player_death"), event(1, "crash", build="2"), event(1, "x")])
    fps = {
        one.build: one
        for one in dashboard_fps.read_fps(await asked(queries, dashboard_fps.fps_query(FILTERS)))
    }
    assert (fps["1"].samples, fps["1"].p5, fps["1"].p50, fps["1"].p95) == (101, 5.0, 50.0, 95.0)
    assert (fps["2"].p50, fps["2"].low_1) == (60.0, 30.0)

    narrowed = msgspec.structs.replace(FILTERS, build="2")
    builds = {
        one.build: one
        for one in dashboard_builds.read_builds(await asked(queries, dashboard_builds.builds_query(narrowed)))
    }
    assert set(builds) == {"1", "2"}, "side by side shows all builds, whichever is picked"
    one, two = builds["1"], builds["2"]
    assert (one.sessions, one.events, one.points, one.deaths, one.errors) == (1, 2, 0, 1, 0)
    assert (two.sessions, two.events, two.errors, two.median_session_seconds) == (1, 1, 1, 120.0)
    assert two.median_fps == 60.0


@pytest.mark.stack
@pytest.mark.parametrize("axes", ["xy", "xz"])
async def test_the_heatmap_is_the_contracts_within_the_time(
    database: ClickHouse, queries: ClickHouseQueries, axes: str
) -> None:
    chance = random.Random(3)
    points: list[dict[str, Any]] = [
        {"room": f"room-{int(chance.random() ** 2 * 15):02}", "x": chance.gauss(0, 50),
         "y": chance.uniform(-1e6, 1e6),
         "z": chance.choice([0.0, 1.0, 2.5]), "source": chance.choice(["unity-telemetry", "obs"]),
         "build_id": "1",
         "environment": "production", "session_id": "s", "player_id": "p",
         "occurred_at": NOON_MS + chance.randrange(-3_600_000, 7_200_000), "arrived_at": NOON_MS}
        for _ in range(4000)
    ]  # fmt: skip
    points += [{**points[0], "room": "still", "x": 1.0, "z": 1.0, "y": 1.0, "source": "unity-telemetry",
                "occurred_at": NOON_MS}] * 200  # fmt: skip
    await fill(database, "positions", points)
    heatmap = dashboard_heatmap.read_heatmap(
        axes, await asked(queries, dashboard_heatmap.heatmap_query(FILTERS, axes))
    )
    within = [p for p in points if FILTERS.since_ms <= p["occurred_at"] < FILTERS.until_ms]
    rooms, total = brute_force(within, HeatmapKey("ours", "game", None, None, axes))
    assert heatmap.points == total
    assert [room.room for room in heatmap.rooms] == [room["room"] for room in rooms]
    for mine, expected in zip(heatmap.rooms, rooms, strict=True):
        assert mine.points == expected["totalEvents"]
        bounds = {"xMin": mine.x_min, "xMax": mine.x_max, "yMin": mine.y_min, "yMax": mine.y_max}
        assert bounds == expected["bounds"]
        cells = [{"x": x, "y": y, "intensity": intensity} for x, y, intensity, _ in mine.cells]
        assert cells == expected["cells"]
        assert sum(cell[3] for cell in mine.cells) == mine.points


@pytest.mark.stack
async def test_models_are_listed_newest_first(database: ClickHouse, queries: ClickHouseQueries) -> None:
    rows = [{"model_id": f"m{n}", "app_name": "A", "level_name": f"L{n}", "size": 2**33, "sha256": "ab",
             "object": "o", "arrived_at": NOON_MS + n} for n in range(3)]  # fmt: skip
    await fill(database, "models", rows)
    found = dashboard_models.read_models(await asked(queries, dashboard_models.models_query("ours", "game")))
    assert [(one.id, one.size, one.uploaded_at - NOON_MS) for one in found] == [
        ("m2", 2**33, 2), ("m1", 2**33, 1), ("m0", 2**33, 0),
    ]  # fmt: skip


@pytest.mark.stack
async def test_a_game_without_rows_has_empty_answers(queries: ClickHouseQueries) -> None:
    nobody = msgspec.structs.replace(
        FILTERS, studio_id="nobody", build="b'; DROP TABLE events", environment="\t\\"
    )
    summary = dashboard_summary.read_summary(await asked(queries, dashboard_summary.summary_query(nobody)))
    assert (summary.now.events, summary.now.median_session_seconds, summary.before.players) == (0, None, 0)
    heatmap = dashboard_heatmap.read_heatmap(
        "xy", await asked(queries, dashboard_heatmap.heatmap_query(nobody, "xy"))
    )
    assert (heatmap.points, heatmap.rooms) == (0, [])
    for query in (
        dashboard_builds.builds_query(nobody), dashboard_events.event_names_query(nobody),
        dashboard_fps.fps_query(nobody), dashboard_funnel.paths_query(nobody),
        dashboard_funnel.funnel_query(nobody, dashboard_funnel.Steps(("a'", "b"), 60)),
        dashboard_sessions.activity_query(nobody), dashboard_timeline.timeline_query(nobody),
    ):  # fmt: skip
        assert await asked(queries, query) == []


def test_axes_are_checked() -> None:
    for axes in ("", "x", "xyz", "x;"):
        with pytest.raises(ValueError, match="two of x, y and z"):
            dashboard_heatmap.heatmap_query(FILTERS, axes)
