"""The funnel: in which order players reach its steps, and where they are lost."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Filters, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

PATHS_MAX: Final = 2_000
STEPS_MAX: Final = 40


class FunnelStep(msgspec.Struct, frozen=True):
    """One step, counted in players.

    `kept` is how many of the previous step's players reached this one too, and `lost` how many did not;
    both are None on the first step.
    """

    name: str
    players: int
    kept: int | None
    lost: int | None


def funnel_query(filters: Filters) -> Query:
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


def read_funnel(rows: Sequence[dict[str, Any]]) -> list[FunnelStep]:
    """Order the steps, and count who went on from each to the next.

    The order is not declared, so it comes from what players did: a step stands before those that most players
    reached after it. (An average place would not do: a player who skips the tutorial moves the rest forward.)
    """
    paths = [([str(step) for step in row["path"]], int(row["players"])) for row in rows]
    players: Counter[str] = Counter()
    for path, count in paths:
        for step in path:
            players[step] += count
    names = {name for name, _ in players.most_common(STEPS_MAX)}
    before: Counter[tuple[str, str]] = Counter()
    for path, count in paths:
        for earlier, later in combinations([step for step in path if step in names], 2):
            before[earlier, later] += count
    order = _by_precedence(names, before, players)
    steps: list[FunnelStep] = []
    for place, name in enumerate(order):
        if place == 0:
            steps.append(FunnelStep(name, players[name], None, None))
            continue
        previous = order[place - 1]
        kept = before[previous, name] + before[name, previous]
        steps.append(FunnelStep(name, players[name], kept, players[previous] - kept))
    return steps


def _by_precedence(names: set[str], before: Counter[tuple[str, str]], players: Counter[str]) -> list[str]:
    def wins(name: str) -> int:
        return sum(
            (before[name, other] > before[other, name]) - (before[name, other] < before[other, name])
            for other in names
        )

    return sorted(names, key=lambda name: (-wins(name), -players[name], name))
