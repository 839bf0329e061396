"""Who gets which variant of an experiment: a pure function of experiment, device and build.

Source: the analytics contract, "Bucketing". `projections.telemetry.queries.assignment_sql` says the same in
ClickHouse's SQL; a test compares both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from schemas.studio.builds import build_order
from schemas.studio.experiments import (
    Audience,
    ExperimentDefinition,
    ExperimentLife,
    audiences_of,
    experiments_of,
)

BUCKETS: Final = 10_000
COVERAGE: Final = "coverage"
VARIANT: Final = "variant"


def hundredths(percentage: float) -> int:
    """A percentage of up to 2 decimals in hundredths, exactly."""
    return round(percentage * 100)


def seed(salt: str, game_id: str) -> str:
    """What a device's id and a purpose are appended to, to be hashed."""
    return f"questlog-exp-v1\n{salt}\n{game_id}\n"


def bucket(seeded: str, device_id: str, purpose: str) -> int:
    """0 to 9999, for a purpose: COVERAGE or VARIANT. `seeded` is `seed` of the experiment."""
    text = f"{seeded}{device_id}\n{purpose}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % BUCKETS


def in_audience(audience: Audience, device_id: str, build: str) -> bool:
    """Whether a device with a build (empty: none) is meant."""
    if audience.device_ids and device_id not in audience.device_ids:
        return False
    if audience.builds and (not build or build not in audience.builds):
        return False
    if audience.min_build is None and audience.max_build is None:
        return True
    place = build_order(build)
    least = build_order(audience.min_build) if audience.min_build is not None else None
    most = build_order(audience.max_build) if audience.max_build is not None else None
    return place is not None and (least is None or place >= least) and (most is None or place <= most)


class Splits(NamedTuple):
    """A variant, and the bucket up to which (exclusive) devices get it: cumulated allocations."""

    key: str
    below: int


class Assignment:
    """One experiment of one game, ready to be asked."""

    def __init__(self, game_id: str, experiment: ExperimentDefinition, audience: Audience | None) -> None:
        self.id: Final = experiment.id
        self.audience: Final = audience
        self.pins: Final = experiment.pins
        self.seed: Final = seed(experiment.salt, game_id)
        self.covered_below: Final = hundredths(experiment.coverage)
        below = 0
        splits = []
        for variant in experiment.variants:
            below += hundredths(variant.allocation)
            splits.append(Splits(variant.key, below))
        self.splits: Final = tuple(splits)

    def variant(self, device_id: str, build: str) -> str | None:
        """The key of what a device gets; None outside of audience and coverage. `build` is empty for none."""
        pinned = self.pins.get(device_id)
        if pinned is not None:
            return pinned
        if self.audience is not None and not in_audience(self.audience, device_id, build):
            return None
        if bucket(self.seed, device_id, COVERAGE) >= self.covered_below:
            return None
        place = bucket(self.seed, device_id, VARIANT)
        return next(split.key for split in self.splits if place < split.below)


def assignments_of(game_id: str, definition: Mapping[str, Any]) -> dict[str, Assignment]:
    """Every experiment of a game's `definition` by id."""
    audiences = audiences_of(definition)
    return {
        one.id: Assignment(game_id, one, audiences[one.audience_id] if one.audience_id else None)
        for one in experiments_of(definition)
    }


def running_assignments(
    game_id: str, definition: Mapping[str, Any], lives: Iterable[ExperimentLife]
) -> tuple[Assignment, ...]:
    """The running ones, by id."""
    defined = assignments_of(game_id, definition)
    running = sorted(life.id for life in lives if life.status == "running")
    return tuple(defined[one] for one in running if one in defined)


def variants_of(assignments: Iterable[Assignment], device_id: str, build: str) -> dict[str, str]:
    """What a device gets of each: variant key by experiment id; those it takes no part in are left out."""
    found = ((one.id, one.variant(device_id, build)) for one in assignments)
    return {experiment_id: key for experiment_id, key in found if key is not None}
