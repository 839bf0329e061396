"""Hundreds of histories with faults keep every promise; a system without one of its rules is found out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from deploy.lab.simulation.faults import Faults
from deploy.lab.simulation.seed import describe, simulate
from deploy.lab.simulation.store import SimulatedRedis
from projections.liveops import players
from projections.redis.operations import Operation, add_member
from streams.deciders import fold
from streams.deciders.log_time import LogTime
from streams.gateway.liveops.window_pins import WindowPins
from streams.liveops.rank_rewards import RankRewards
from streams.liveops.windows import WindowManager

SEEDS = 200
SEEDS_A_TEST = 25
SEEDS_OF_OTHER_COUNTS = 40
FOUND_WITHIN = 60
KEPT: tuple[int, ...] = (2, 3, 32, 70, 97)
"""Seeds that once showed a problem, of the product or of the simulation itself."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_A_TEST))
def test_every_promise_holds_in_hundreds_of_histories(first: int) -> None:
    results = [simulate(seed) for seed in range(first, first + SEEDS_A_TEST)]
    assert [describe(result) for result in results if result.problems] == []


@pytest.mark.parametrize("partitions", [1, 4])
def test_every_promise_holds_with_one_partition_and_with_four(partitions: int) -> None:
    results = [simulate(seed, partitions=partitions) for seed in range(SEEDS_OF_OTHER_COUNTS)]
    assert [describe(result) for result in results if result.problems] == []


@pytest.mark.parametrize("seed", KEPT)
def test_a_seed_that_was_a_problem_once(seed: int) -> None:
    assert simulate(seed).problems == []


def test_the_same_seed_is_the_same_history() -> None:
    assert simulate(7) == simulate(7)


class Credulous(SimulatedRedis):
    """Takes any events record for the next one, whatever its `src` says."""

    def _apply(self, arguments: list[Any]) -> list[Any]:
        partition = arguments[3]
        held = self.live.position(partition)
        self.live.positions[partition] = replace(held, src=int(arguments[5]) - 1)
        return super()._apply(arguments)


def first_found(**given: Any) -> int | None:
    return next((seed for seed in range(FOUND_WITHIN) if simulate(seed, **given).problems), None)


def test_a_store_without_the_src_rule_is_found_out() -> None:
    # All of a history in one partition: more of its records follow a death than where four share them.
    assert first_found(make_store=Credulous, partitions=1) is not None


def test_a_decider_that_forgets_what_it_decided_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "is_remembered", lambda _decided: False)
    monkeypatch.setattr("streams.deciders.decide.is_remembered", lambda _decided: False)
    assert first_found() is not None


def test_a_fold_that_takes_every_record_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    accept = fold.Fold.accept

    def credulous(self: Any, record: Any) -> bool:
        events = fold.read_events_record(record)
        self.cursor.src = events.src - 1
        return accept(self, record)

    monkeypatch.setattr(fold.Fold, "accept", credulous)
    assert first_found() is not None


def test_rank_rewards_that_are_forgotten_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forget(_self: Any, _gift: Any) -> None:
        return

    monkeypatch.setattr(RankRewards, "_ask", forget)
    assert first_found() is not None


def test_windows_that_end_before_their_lobbies_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def settled(_self: Any, _row: Any) -> bool:
        return True

    monkeypatch.setattr(WindowManager, "_settled", settled)
    assert first_found() is not None


def test_ranks_that_are_frozen_before_every_partition_is_closed_are_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "streams.liveops.windows.closing_order", lambda closed, home, _: ([home][: not closed], [])
    )
    assert first_found() is not None


def test_gateways_that_play_by_the_version_they_know_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def known(_self: Any, _game: Any, event: Any, _window_id: str, _ask: Any) -> Any:
        return event

    monkeypatch.setattr(WindowPins, "find", known)
    assert first_found() is not None


def test_a_decider_that_believes_every_clock_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def believing(self: LogTime, appended_at_ms: int, asked_at_ms: int) -> LogTime:
        del asked_at_ms
        now_ms = max(self.now_ms, appended_at_ms)
        return LogTime(now_ms, now_ms)

    monkeypatch.setattr(LogTime, "after", believing)
    assert first_found() is not None


def test_a_store_that_depends_on_the_order_of_partitions_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def blindly(key: str, member: str, **_: str) -> Operation:
        return add_member(key, member)

    monkeypatch.setattr(players, "add_member_unless", blindly)
    assert first_found() is not None


def test_the_dice_of_a_simulation_are_its_seed_s() -> None:
    assert Faults(1).dice.random() == Faults(1).dice.random()
