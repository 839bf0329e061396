"""Playtests keep every promise in dozens of histories with faults; without one of their rules they do not."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from deploy.lab.simulation.nouns import SIMULATED
from deploy.lab.simulation.seed import describe, simulate
from deploy.nouns import NOUNS
from tests.simulation.planted_playtests import FAULTS, Fault

SEEDS = 36
SEEDS_A_TEST = 18
SEEDS_OF_FOUR_PARTITIONS = 6
FOUND_WITHIN = 30
KEPT = (2, 27, 52)
"""Seeds that once showed a problem, of the product or of the simulation itself."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def problems(seed: int, partitions: int = 2) -> list[str]:
    result = simulate(seed, partitions=partitions, noun="playtests")
    return [describe(result)] if result.problems else []


def first_found() -> int | None:
    return next((seed for seed in range(FOUND_WITHIN) if problems(seed)), None)


def test_every_noun_that_is_simulated_is_one_of_the_table() -> None:
    assert SIMULATED.keys() <= {noun.name for noun in NOUNS if noun.decider is not None}


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_A_TEST))
def test_every_promise_holds_in_dozens_of_histories(first: int) -> None:
    assert [line for seed in range(first, first + SEEDS_A_TEST) for line in problems(seed)] == []


def test_every_promise_holds_with_four_partitions() -> None:
    assert [line for seed in range(SEEDS_OF_FOUR_PARTITIONS) for line in problems(seed, 4)] == []


@pytest.mark.parametrize("seed", KEPT)
def test_a_seed_that_was_a_problem_once(seed: int) -> None:
    assert problems(seed) == []


def test_the_same_seed_is_the_same_history() -> None:
    assert simulate(3, noun="playtests") == simulate(3, noun="playtests")


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_out(plant: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert first_found() is not None
