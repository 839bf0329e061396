"""Figures of `questlog bench fleet`, each beside the one that it should have."""

from __future__ import annotations

from typing import Final

import msgspec

from deploy.lab.bench.load import percentile

MIB: Final = 1024 * 1024


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure beside the one that it should have."""

    what: str
    measured: float
    unit: str
    aim: float | None
    of: str
    """How often, or of how many."""


def both(what: str, taken: list[float], aims: tuple[float, float], of: str) -> list[Figure]:
    """Median and 99th percentile of so many milliseconds."""
    ordered = sorted(taken)
    return [
        figure(f"{what}, p50", percentile(ordered, 0.5), "ms", aims[0], of),
        figure(f"{what}, p99", percentile(ordered, 0.99), "ms", aims[1], of),
    ]


def figure(what: str, measured: float, unit: str, aim: float | None, of: str) -> Figure:
    """One figure."""
    return Figure(what=what, measured=measured, unit=unit, aim=aim, of=of)
