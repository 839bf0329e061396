from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.studio.assignment import (
    COVERAGE,
    VARIANT,
    Assignment,
    bucket,
    in_audience,
    running_assignments,
    seed,
    variants_of,
)
from schemas.studio.builds import build_order
from schemas.studio.experiments import Audience, ExperimentDefinition, ExperimentLife, Variant

GAME = "72ab8f81-ef36-4712-a046-399a62b9afaa"
HALVES = [
    Variant(key="control", name="Control", allocation=50),
    Variant(key="treatment", name="Treatment", allocation=50),
]
DEVICES = st.text(max_size=40)


def experiment(experiment_id: str = "exp_tutorial_v2", **said: Any) -> ExperimentDefinition:
    content = {"name": "T", "salt": experiment_id, "variants": HALVES} | said
    return ExperimentDefinition(id=experiment_id, **content)


@pytest.mark.parametrize(
    ("salt", "device", "coverage", "variant", "key"),
    [
        ("exp_tutorial_v2", "dev_xyz789", 3811, 65, "control"),
        ("exp_tutorial_v2", "device_e9c0abcd", 750, 5966, "treatment"),
        ("exp_hud_layout", "Spieler-Ä7", 9371, 1155, "control"),
    ],
)
def test_the_contracts_golden_buckets(salt: str, device: str, coverage: int, variant: int, key: str) -> None:
    seeded = seed(salt, GAME)
    assert (bucket(seeded, device, COVERAGE), bucket(seeded, device, VARIANT)) == (coverage, variant)
    assert Assignment(GAME, experiment(salt), None).variant(device, "") == key
    below = Assignment(GAME, experiment(salt, coverage=coverage / 100), None)
    assert below.variant(device, "") is None
    assert Assignment(GAME, experiment(salt, coverage=(coverage + 1) / 100), None).variant(device, "") == key


@given(st.lists(DEVICES, max_size=50))
def test_more_coverage_moves_no_covered_device(devices: list[str]) -> None:
    some, more = (Assignment(GAME, experiment(coverage=coverage), None) for coverage in (20, 60))
    before = {device: some.variant(device, "") for device in devices}
    after = {device: more.variant(device, "") for device in devices}
    assert all(after[device] == key for device, key in before.items() if key is not None)


def test_coverage_and_allocations_are_met() -> None:
    variants = [Variant(key=key, name=key, allocation=share) for key, share in (("a", 33.33), ("b", 66.67))]
    asked = Assignment(GAME, experiment(coverage=20, variants=variants), None)
    got = [asked.variant(f"device_{number}", "") for number in range(20_000)]
    covered = [key for key in got if key is not None]
    assert len(covered) / len(got) == pytest.approx(0.2, abs=0.01)
    assert covered.count("a") / len(covered) == pytest.approx(0.3333, abs=0.03)


def test_a_pin_wins_over_audience_and_coverage() -> None:
    nobody = Audience(id="aud_x", name="X", builds=["never"])
    asked = Assignment(GAME, experiment(coverage=0, pins={"dev_qa": "treatment"}), nobody)
    assert asked.variant("dev_qa", "") == "treatment"
    assert asked.variant("dev_xyz789", "never") is None


@pytest.mark.parametrize(
    ("said", "device", "build", "meant"),
    [
        ({}, "d", "", True),
        ({"min_build": "0.5.0"}, "d", "0.5", True),
        ({"min_build": "0.5.0"}, "d", "0.10.0", True),
        ({"min_build": "0.5.0"}, "d", "0.5.0-rc1", False),
        ({"min_build": "0.5.0"}, "d", "0.5.0+hotfix", True),
        ({"min_build": "0.5.0"}, "d", "", False),
        ({"min_build": "0.5.0"}, "d", "nightly", False),
        ({"max_build": "0.5.0"}, "d", "nightly", False),
        ({"max_build": "0.5.0"}, "d", "0.5.0-rc1", True),
        ({"max_build": "0.5.0"}, "d", "0.5.0a", False),
        ({"max_build": "0.5.0"}, "d", "0.5.0.0", True),
        ({"builds": ["nightly"]}, "d", "nightly", True),
        ({"builds": ["nightly"]}, "d", "", False),
        ({"builds": ["nightly"], "min_build": "1"}, "d", "nightly", False),
        ({"device_ids": ["a"]}, "a", "", True),
        ({"device_ids": ["a"]}, "b", "", False),
        ({"device_ids": ["a"], "min_build": "1"}, "a", "0.9", False),
    ],
)
def test_all_that_an_audience_gives_must_hold(
    said: dict[str, Any], device: str, build: str, *, meant: bool
) -> None:
    assert in_audience(Audience(id="aud_x", name="X", **said), device, build) is meant


def test_builds_in_their_order() -> None:
    ordered = ["0-a", "0", "0.0.1", "0.5.0-rc1", "0.5.0-rc2", "0.5", "0.5.0+x", "0.5.0a", "0.10", "1", "10"]
    places = [build_order(build) for build in ordered]
    assert all(one is not None and two is not None and one < two for one, two in pairwise(places))
    assert build_order("1.0.0") == build_order("01")
    assert [build_order(build) for build in ("", "v1", "-1", "\u0661.0")] == [None] * 4


NUMBERS = st.lists(st.integers(0, 10**30), min_size=1, max_size=5)


@given(NUMBERS, NUMBERS)
def test_the_order_of_integers_is_that_of_numbers(one: list[int], other: list[int]) -> None:
    places = [build_order(".".join(map(str, numbers))) for numbers in (one, other)]
    longest = max(len(one), len(other))
    filled = [numbers + [0] * (longest - len(numbers)) for numbers in (one, other)]
    assert places[0] is not None
    assert places[1] is not None
    assert (places[0] < places[1], places[0] == places[1]) == (filled[0] < filled[1], filled[0] == filled[1])


def test_only_running_ones_are_assigned_and_by_id() -> None:
    def life(experiment_id: str, status: Any) -> ExperimentLife:
        return ExperimentLife(id=experiment_id, game_id=GAME, status=status, created_at_ms=1)

    names = ("exp_b", "exp_a", "exp_draft", "exp_stopped")
    variants = [{"key": one.key, "name": one.name, "allocation": one.allocation} for one in HALVES]
    definition = {
        "experiments": [{"id": name, "name": name, "salt": name, "variants": variants} for name in names]
    }
    lives = [life(name, "running") for name in ("exp_b", "exp_a", "exp_gone")]
    lives += [life("exp_draft", "draft"), life("exp_stopped", "stopped")]
    running = running_assignments(GAME, definition, lives)
    assert [one.id for one in running] == ["exp_a", "exp_b"]
    assert variants_of(running, "dev_xyz789", "").keys() == {"exp_a", "exp_b"}
    assert running_assignments(GAME, {}, lives) == ()
