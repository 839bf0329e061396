"""Platform, country and tester narrow every question of the dashboard alike: against a count by hand."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from projections.telemetry.queries import (
    dashboard_builds,
    dashboard_cell,
    dashboard_days,
    dashboard_event,
    dashboard_events,
    dashboard_filters,
    dashboard_fps,
    dashboard_funnel,
    dashboard_heatmap,
    dashboard_sessions,
    dashboard_summary,
    dashboard_timeline,
    session_rollups,
)
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
    from projections.telemetry.queries.dashboard_common import Filters

__all__ = ["queries"]
LINKED_FROM = 20
CHOSEN: tuple[dict[str, str], ...] = (
    {"platform": "Win64"},
    {"country": "DE", "build": "1"},
    {"played_by": "p1"},
    {"played_by": "ann", "platform": "Win64"},
)
STEPS = dashboard_funnel.Steps(("start", "finish"), 60)


class Played(NamedTuple):
    """A session of the test: the minutes of its first and last event, and what narrows it."""

    id: str
    player: str
    build: str
    platform: str
    country: str
    sent_handle: str
    first: int
    last: int

    @property
    def handle(self) -> str:
        """As it is shown: device p1 is linked to ann from then on."""
        return "ann" if self.player == "p1" and self.first >= LINKED_FROM else self.sent_handle

    def is_of(self, filters: Filters) -> bool:
        """Whether the filters choose it, the build apart."""
        return (
            filters.platform in {"", self.platform}
            and filters.country in {"", self.country}
            and filters.played_by in {"", self.player, self.handle}
        )


def drawn(chance: random.Random) -> list[Played]:
    played = []
    for number in range(40):
        player = f"p{chance.randrange(6)}"
        first = chance.randrange(0, 55)
        played.append(
            Played(
                id=f"s{number}",
                player=player,
                build=chance.choice("12"),
                platform=chance.choice(["Win64", "Linux", ""]),
                country=chance.choice(["DE", "US", ""]),
                sent_handle=chance.choice([player, "bob", "p1"]),
                first=first,
                last=first + chance.randrange(0, 5),
            )
        )
    return played


async def filled(database: ClickHouse, played: list[Played]) -> None:
    """What a session sent: an event, two points, a step or two, a frame rate; the first in two parts."""
    parts: list[dict[str, Any]] = []
    facts: dict[str, list[dict[str, Any]]] = {"events": [], "positions": [], "funnel_steps": []}
    rates = []
    for number, one in enumerate(played):
        at_ms = NOON_MS + one.first * 60_000
        own = {"session_id": one.id, "player_id": one.player, "build_id": one.build}
        part = session(one.first, one.last, one.player, one.build) | own
        known = {"platform": one.platform, "country": one.country, "tester_handle": one.sent_handle}
        if number == 0:
            parts += [part | known | {"platform": ""}, part | known | {"_partition": 1}]
        else:
            parts.append(part | known)
        facts["events"].append(event(one.first, f"e{number % 2}") | own)
        fact = own | {
            "environment": "production",
            "source": "python-telemetry",
            "room": "r",
            "arrived_at": NOON_MS,
        }
        facts["positions"] += [
            fact | {"x": float(number + place), "y": 1.0, "z": 0.0, "occurred_at": at_ms} for place in (0, 1)
        ]
        facts["funnel_steps"] += [
            fact | {"step_name": name, "occurred_at": at_ms + place}
            for place, name in enumerate(STEPS.names[: 1 + number % 2])
        ]
        rate = {"fps_mean": 60.0, "fps_low_5": 50.0, "fps_low_1": 40.0, "points": 1}
        rates.append(fact | rate | {"started_at": at_ms, "ended_at": at_ms})
    await fill(database, "session_parts", parts)
    for table, rows in facts.items():
        await fill(database, table, rows)
    await fill(database, "performance", rates)
    link = {"handle": "ann", "device_id": "p1", "claimed_at": NOON_MS + LINKED_FROM * 60_000}
    await fill(database, "tester_links", [link])


@pytest.mark.stack
async def test_every_question_counts_the_chosen_sessions_alone(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    played = drawn(random.Random(5))
    await filled(database, played)
    choices = dashboard_filters.read_choices(
        await asked(queries, dashboard_filters.choices_query("ours", "game"))
    )
    assert (choices.platforms, choices.countries) == (["Linux", "Win64"], ["DE", "US"])

    for chosen in CHOSEN:
        filters = msgspec.structs.replace(FILTERS, **chosen)
        await _counted_by_hand(queries, filters, [one for one in played if one.is_of(filters)])


async def _counted_by_hand(queries: ClickHouseQueries, filters: Filters, of_all: list[Played]) -> None:
    chosen = [one for one in of_all if filters.build in {"", one.build}]
    numbers = [int(one.id[1:]) for one in chosen]
    events, steps, points = len(chosen), sum(1 + n % 2 for n in numbers), 2 * len(chosen)

    summary = dashboard_summary.read_summary(await asked(queries, dashboard_summary.summary_query(filters)))
    players = {one.player for one in chosen}
    assert summary.now.sessions == len(chosen), filters
    assert (summary.now.players, summary.now.points) == (len(players), points)
    assert summary.now.events == events + steps + points
    timeline = dashboard_timeline.read_timeline(
        filters, await asked(queries, dashboard_timeline.timeline_query(filters))
    )
    assert (sum(timeline.events), sum(timeline.points)) == (events + steps, points)
    names = dashboard_events.read_event_names(
        await asked(queries, dashboard_events.event_names_query(filters))
    )
    by_hand = Counter(f"e{n % 2}" for n in numbers) + Counter(
        name for n in numbers for name in (*STEPS.names[: 1 + n % 2], "player_pos", "player_pos")
    )
    assert {one.name: one.count for one in names} == by_hand
    trend = await asked(queries, dashboard_event.trend_query(filters, "e0"))
    assert dashboard_event.read_event(filters, "e0", trend, []).count == by_hand["e0"]
    activity = dashboard_sessions.read_activity(
        filters, await asked(queries, dashboard_sessions.activity_query(filters))
    )
    assert sum(activity.started) == len(chosen)
    fps = dashboard_fps.read_fps(await asked(queries, dashboard_fps.fps_query(filters)))
    assert {one.build: one.samples for one in fps} == Counter(one.build for one in chosen)
    builds = dashboard_builds.read_builds(await asked(queries, dashboard_builds.builds_query(filters)))
    assert {one.build: one.sessions for one in builds} == Counter(one.build for one in of_all)
    reached = dashboard_funnel.read_funnel(
        STEPS, await asked(queries, dashboard_funnel.funnel_query(filters, STEPS))
    )
    finished = {one.player for one, n in zip(chosen, numbers, strict=True) if n % 2}
    assert [step.players for step in reached] == [len(players), len(finished)]
    active = dashboard_days.read_active(filters, await asked(queries, dashboard_days.active_query(filters)))
    assert active.month[-1] == len(players)
    cohorts = dashboard_days.read_retention(
        await asked(queries, dashboard_days.retention_query(filters, NOON_MS + 3_600_000))
    ).cohorts
    assert sum(cohort.players for cohort in cohorts) == len(players)
    await _placed(queries, filters, points)
    if filters.played_by.startswith("p") and not (filters.platform or filters.country or filters.build):
        # The same of REST: GET /api/v1/testers/{game}/{deviceId}, of those that were sent by the device.
        rest = await session_rollups.tester_rollup(queries, "ours", "game", filters.played_by, None)
        assert rest is not None
        assert rest.sessions == sum(one.player == filters.played_by for one in chosen)


async def _placed(queries: ClickHouseQueries, filters: Filters, points: int) -> None:
    heatmap = dashboard_heatmap.read_heatmap(
        "xy", await asked(queries, dashboard_heatmap.heatmap_query(filters, "xy"))
    )
    assert heatmap.points == points
    for room in heatmap.rooms:
        x, y, _, counted = room.cells[0]
        cell = dashboard_cell.Cell(room.room, x, y, room.x_min, room.x_max, room.y_min, room.y_max)
        there = dashboard_cell.read_cell(await asked(queries, dashboard_cell.cell_query(filters, "xy", cell)))
        assert there.points == counted
