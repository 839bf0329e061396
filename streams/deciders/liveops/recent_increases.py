"""The last minute's increases of a player's metrics, one sum for each second."""

from __future__ import annotations

from typing import Final

RATE_SECONDS: Final = 60

Rated = tuple[tuple[str, int, float], ...]
"""(metric, second, sum of increases in it), oldest first."""


def add_rated(rated: Rated, increases: dict[str, float], at_ms: int) -> Rated:
    """With increases of now, without what is over a minute old."""
    second = at_ms // 1000
    sums = {(name, at): amount for name, at, amount in rated if at >= second - RATE_SECONDS}
    for name, increase in increases.items():
        sums[name, second] = sums.get((name, second), 0.0) + increase
    return tuple((name, at, amount) for (name, at), amount in sums.items())


def minute_sum(rated: Rated, metric: str, at_ms: int) -> float:
    """A metric's increases in the last minute, the second a minute ago included."""
    oldest = at_ms // 1000 - RATE_SECONDS
    return sum(amount for name, second, amount in rated if name == metric and second >= oldest)
