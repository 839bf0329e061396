"""The funnel: how many players did its steps one after the other within a time, and where others were lost.

A step is a funnel step's name or an event's. Where none says which steps in which order, both come from what
players did.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import MINUTE_MS, Filters, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

PATHS_MAX: Final = 2_000
OBSERVED_MAX: Final = 20
"""Steps of a funnel that is not declared: those of most players."""


class Steps(msgspec.Struct, frozen=True):
    """What is asked: steps in their order, and within how many minutes of the first all have to be done."""

    names: tuple[str, ...]
    window_minutes: int


class FunnelStep(msgspec.Struct, frozen=True):
    """One step. `players` did it at or after all steps before it, within the window.

    `lost` is how many did the step before and not this one; None on the first step.
    """

    name: str
    players: int
    lost: int | None


def funnel_query(filters: Filters, steps: Steps) -> Query:
    """Rows (reached, players): players by how many steps they did in order. Steps count within the range."""
    chosen = {f"step{place}": name for place, name in enumerate(steps.names)}
    conditions = ", ".join(f"name = {{{parameter}:String}}" for parameter in chosen)
    listed = ", ".join(f"{{{parameter}:String}}" for parameter in chosen)
    at_ms = "toUInt64(toUnixTimestamp64Milli(occurred_at)) AS at_ms"
    sources = " UNION ALL ".join(
        f"SELECT player_id, {at_ms}, toString({column}) AS name FROM {table} "  # noqa: S608 - placeholders only
        f"WHERE {filters.during()} AND {column} IN ({listed})"
        for table, column in (("events", "event_name"), ("funnel_steps", "step_name"))
    )
    return Query(
        f"SELECT reached, count() AS players FROM (SELECT player_id, "  # noqa: S608 - placeholders only
        f"windowFunnel({steps.window_minutes * MINUTE_MS})(at_ms, {conditions}) AS reached "
        f"FROM ({sources}) GROUP BY player_id) WHERE reached > 0 GROUP BY reached ORDER BY reached",
        {**filters.parameters(), **chosen},
    )


def read_funnel(steps: Steps, rows: Sequence[dict[str, Any]]) -> list[FunnelStep]:
    """Who reached a step has reached all before it: the rows of `funnel_query`, summed from the end."""
    ended_at = {int(row["reached"]): int(row["players"]) for row in rows}
    players = [
        sum(count for reached, count in ended_at.items() if reached > place)
        for place in range(len(steps.names))
    ]
    return [
        FunnelStep(name, players[place], players[place - 1] - players[place] if place else None)
        for place, name in enumerate(steps.names)
    ]


def paths_query(filters: Filters) -> Query:
    """Rows (path, players): a path lists the steps a player reached, by the time of first reaching each."""
    return Query(
        f"""
        SELECT path, count() AS players FROM
        (
            SELECT player_id, arrayMap(pair -> pair.2, arraySort(groupArray((first, step)))) AS path FROM
            (
                SELECT player_id, toString(step_name) AS step, min(occurred_at) AS first
                FROM funnel_steps WHERE {filters.during()} GROUP BY player_id, step
            )
            GROUP BY player_id
        )
        GROUP BY path ORDER BY players DESC, path LIMIT {PATHS_MAX}
        """,  # noqa: S608 - the text holds placeholders only
        filters.parameters(),
    )


def observed_steps(rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """The steps of most players in the order in which they do them, from the rows of `paths_query`.

    A step stands before those that most players reached after it. (An average place would not do: a player
    who skips the tutorial moves the rest forward.)
    """
    paths = [([str(step) for step in row["path"]], int(row["players"])) for row in rows]
    players: Counter[str] = Counter()
    for path, count in paths:
        for step in path:
            players[step] += count
    names = {name for name, _ in players.most_common(OBSERVED_MAX)}
    before: Counter[tuple[str, str]] = Counter()
    for path, count in paths:
        for earlier, later in combinations([step for step in path if step in names], 2):
            before[earlier, later] += count

    def wins(name: str) -> int:
        return sum(
            (before[name, other] > before[other, name]) - (before[name, other] < before[other, name])
            for other in names
        )

    return tuple(sorted(names, key=lambda name: (-wins(name), -players[name], name)))
