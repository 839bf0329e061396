"""The funnel: who did its steps in order and in time, against a count by hand; and steps as observed."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from projections.telemetry.queries.dashboard_funnel import (
    FunnelStep,
    Steps,
    funnel_query,
    observed_steps,
    paths_query,
    read_funnel,
)
from tests.projections.telemetry.test_dashboard_queries import FILTERS, NOON_MS, asked, event, fill, queries

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from projections.telemetry.queries.client import ClickHouseQueries

__all__ = ["queries"]
NAMES = ("start", "tutorial", "play", "win")
WINDOW = 12


def reached(done: list[tuple[int, str]], names: tuple[str, ...], window_ms: int) -> int:
    """How many steps a player did in order, from the best of all first steps. `done` is by time."""
    best = 0
    for begin, (started, name) in enumerate(done):
        if name != names[0]:
            continue
        step, at = 1, started
        for moment, other in done[begin + 1 :]:
            if step < len(names) and other == names[step] and at <= moment <= started + window_ms:
                step, at = step + 1, moment
        best = max(best, step)
    return best


@pytest.mark.stack
async def test_a_player_counts_who_did_each_step_after_the_one_before_and_in_time(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    chance = random.Random(7)
    players = {
        f"p{number}": sorted(
            (NOON_MS + place * 60_000 + number, chance.choice((*NAMES, "other")))
            for place in chance.sample(range(-5, 70), chance.randrange(1, 12))
        )
        for number in range(200)
    }
    events: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for player, done in players.items():
        for at_ms, name in done:
            row = event(0, name, player=player) | {"occurred_at": at_ms}
            if name in {"start", "win"}:  # these are funnel steps, the others events
                del row["event_name"], row["source"]
                steps.append(row | {"step_name": name})
            else:
                events.append(row)
    await fill(database, "events", events)
    await fill(database, "funnel_steps", steps)
    asks = Steps(NAMES, WINDOW)
    found = read_funnel(asks, await asked(queries, funnel_query(FILTERS, asks)))
    levels = [
        reached(
            [one for one in done if FILTERS.since_ms <= one[0] < FILTERS.until_ms], NAMES, WINDOW * 60_000
        )
        for done in players.values()
    ]
    counts = [sum(level > place for level in levels) for place in range(len(NAMES))]
    assert counts[0] > counts[1] > counts[2] > 0
    assert [step.players for step in found] == counts
    assert [step.lost for step in found] == [None, *(a - b for a, b in pairwise(counts))]
    assert observed_steps(await asked(queries, paths_query(FILTERS))) in {("start", "win"), ("win", "start")}


def test_bars_never_grow_and_what_is_lost_is_the_difference() -> None:
    steps = Steps(("a", "b", "c"), 60)
    assert read_funnel(steps, [{"reached": 1, "players": 5}, {"reached": "3", "players": "2"}]) == [
        FunnelStep("a", 7, None),
        FunnelStep("b", 2, 5),
        FunnelStep("c", 2, 0),
    ]
    assert [step.players for step in read_funnel(steps, [])] == [0, 0, 0]


def path(players: int, *steps: str) -> dict[str, Any]:
    return {"path": list(steps), "players": players}


def test_observed_steps_are_in_the_order_in_which_most_players_do_them() -> None:
    rows = [path(50, "a", "b", "c"), path(30, "a", "b"), path(15, "a"), path(20, "b", "c"), path(5, "b", "a")]
    assert observed_steps(rows) == ("a", "b", "c")
    # A player who skips the tutorial does not move the steps.
    skipping = [path(10, "intro", "tutorial", "play", "win"), path(500, "play", "win")]
    assert observed_steps(skipping) == ("intro", "tutorial", "play", "win")
    assert observed_steps([]) == ()
