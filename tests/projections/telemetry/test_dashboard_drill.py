"""What stands behind a figure: an event's trend and properties, a session's events, a cell's sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from projections.telemetry.queries.dashboard_cell import Cell, cell_query, read_cell
from projections.telemetry.queries.dashboard_event import (
    PropertyValue,
    properties_query,
    read_event,
    trend_query,
)
from projections.telemetry.queries.dashboard_heatmap import heatmap_query, read_heatmap
from projections.telemetry.queries.dashboard_session import events_query, read_session, session_query
from tests.projections.telemetry.test_dashboard_queries import (
    FILTERS,
    NOON_MS,
    asked,
    event,
    fill,
    queries,
    session,
)

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from projections.telemetry.queries.client import ClickHouseQueries

__all__ = ["queries"]


@pytest.mark.stack
async def test_an_event_has_its_trend_and_how_often_each_value_came(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    said = ['{"level":"E1M1","kills":3}', '{"level":"E1M1"}', '{"level":"E1M2","kills":3}', "{}"]
    rows = [event(n, "won", player=f"p{n % 2}") | {"properties": one} for n, one in enumerate(said)]
    rows += [event(1, "lost") | {"properties": said[0]}, event(60, "won") | {"properties": said[0]}]
    await fill(database, "events", rows)
    found = read_event(
        FILTERS,
        "won",
        await asked(queries, trend_query(FILTERS, "won")),
        await asked(queries, properties_query(FILTERS, "won")),
    )
    assert (found.count, found.players, found.sampled, len(found.t)) == (4, 2, 4, 60)
    assert found.counts[:5] == [1, 1, 1, 1, 0]
    assert [(one.key, one.count, one.distinct, one.values) for one in found.properties] == [
        ("level", 3, 2, [PropertyValue('"E1M1"', 2), PropertyValue('"E1M2"', 1)]),
        ("kills", 2, 1, [PropertyValue("3", 2)]),
    ]
    none = read_event(FILTERS, "never", [], await asked(queries, properties_query(FILTERS, "never")))
    assert (none.count, none.sampled, none.properties) == (0, 0, [])


@pytest.mark.stack
async def test_a_session_has_its_events_in_order_by_its_own_or_its_shown_id(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    own = session(0, 10, "p1") | {"session_id": "s-p1", "tester_handle": "Ada", "country": "DE"}
    await fill(database, "session_parts", [own, session(0, 1, "p2")])
    rows = [event(2, "b"), event(1, "a"), event(2, "c"), event(3, "x", player="p2")]
    await fill(database, "events", rows)
    step = {"step_name": "start", "player_id": "p1", "session_id": "s-p1", "occurred_at": NOON_MS,
            "arrived_at": NOON_MS, "build_id": "1", "environment": "production"}  # fmt: skip
    await fill(database, "funnel_steps", [step])
    (row,) = await asked(queries, session_query("ours", "game", "s-p1"))
    (same,) = await asked(queries, session_query("ours", "game", row["id"]))
    assert row["id"].startswith("sess_")
    assert same == row
    found = read_session(row, await asked(queries, events_query("ours", "game", row["given"])))
    assert (found.player, found.tester, found.country, found.total) == ("p1", "Ada", "DE", 4)
    assert [(one.name, one.step) for one in found.events] == [
        ("start", True), ("a", False), ("b", False), ("c", False),
    ]  # fmt: skip
    assert found.events[1].at == NOON_MS + 60_000
    assert await asked(queries, session_query("theirs", "nothing", "s-p1")) == []


@pytest.mark.stack
async def test_a_cell_has_the_sessions_that_the_heatmap_counts_in_it(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    points = [
        {"room": "r", "x": float(n * n % 97), "y": float(n % 13), "z": 0.0, "source": "unity-telemetry",
         "build_id": "1", "environment": "production", "session_id": f"s{n % 7}", "player_id": f"p{n % 7}",
         "occurred_at": NOON_MS + n, "arrived_at": NOON_MS}
        for n in range(2_000)
    ]  # fmt: skip
    await fill(database, "positions", points)
    heatmap = read_heatmap("xy", await asked(queries, heatmap_query(FILTERS, "xy")))
    (room,) = heatmap.rooms
    for x, y, _, count in room.cells[:12]:
        cell = Cell("r", x, y, room.x_min, room.x_max, room.y_min, room.y_max)
        found = read_cell(await asked(queries, cell_query(FILTERS, "xy", cell)))
        assert found.points == count == sum(one.points for one in found.sessions)
        assert found.total == len(found.sessions)
        assert {one.player[1:] for one in found.sessions} == {one.session[1:] for one in found.sessions}
    edge = Cell("r", 31, 17, room.x_min, room.x_max, room.y_min, room.y_max)
    listed = read_cell(await asked(queries, cell_query(FILTERS, "xy", edge))).sessions
    assert all(one.first_at <= one.last_at for one in listed)
