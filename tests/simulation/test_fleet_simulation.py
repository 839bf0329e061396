"""The fleet keeps every promise in dozens of histories with faults; without one of its rules it does not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.lab.simulation.fleet import agent
from deploy.lab.simulation.seed import describe, simulate
from streams.deciders.fleet import placement
from streams.fleet.host.reconcile import Kill, Start, reconcile

SEEDS = 16
SEEDS_OF_FOUR_PARTITIONS = 4
FOUND_WITHIN = 30


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def problems(seed: int, partitions: int = 2) -> list[str]:
    result = simulate(seed, partitions=partitions, noun="fleet")
    return [describe(result)] if result.problems else []


def found() -> bool:
    return any(problems(seed) for seed in range(FOUND_WITHIN))


def test_every_promise_holds_in_dozens_of_histories() -> None:
    assert [line for seed in range(SEEDS) for line in problems(seed)] == []


def test_every_promise_holds_with_four_partitions() -> None:
    assert [line for seed in range(SEEDS_OF_FOUR_PARTITIONS) for line in problems(seed, 4)] == []


def test_the_same_seed_is_the_same_history() -> None:
    first = simulate(3, noun="fleet")
    assert first == simulate(3, noun="fleet")
    assert first.commands > 0


def test_a_host_that_leaves_what_it_lost_running_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def kind(*arguments: Any) -> list[Any]:
        return [action for action in reconcile(*arguments) if not isinstance(action, Kill)]

    monkeypatch.setattr(agent, "reconcile", kind)
    assert found()


def test_a_host_that_begins_again_what_has_ended_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def eager(wanted: Any, held: Any) -> list[Any]:
        ended = [name for name, want in wanted.items() if want == "running" and name in held]
        return [Start(name) for name in ended if held[name].state == "ended"] or reconcile(wanted, held)

    monkeypatch.setattr(agent, "reconcile", eager)
    assert found()


def test_a_port_that_does_not_rest_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "PORT_REST_MS", 0)
    assert found()


def test_memory_that_is_promised_twice_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "_fits", lambda known, _wanted, at_ms: placement.is_fresh(known, at_ms))
    assert found()
