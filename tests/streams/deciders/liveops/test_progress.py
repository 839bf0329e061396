from __future__ import annotations

import math
from typing import Any

import pytest

from schemas.liveops.commands import ReportProgress
from schemas.liveops.events import AttemptProgressed, GrantCreated, ProgressImplausible
from schemas.liveops.names import grant_id
from schemas.liveops.windows import window_from_id
from tests.streams.deciders.liveops.given import AT_MS, CRATE, GOLD, Liveops, event, kinds, only

GOLD_REWARD = [GOLD]


def report(
    attempt_id: str, value: float | None = None, mode: Any = "increment", **more: Any
) -> ReportProgress:
    more = {"event_key": "frags", "attempt_id": attempt_id, "mode": mode, "metric_value": value} | more
    return ReportProgress(**more)


def progressed(world: Liveops, command: ReportProgress, external_id: str = "ann") -> AttemptProgressed:
    return only(AttemptProgressed, world.given(command, external_id))


def test_increment_adds_and_set_replaces() -> None:
    world = Liveops(event(target={"metric": "frags", "value": 100}))
    attempt = world.start().attempt
    progressed(world, report(attempt.id, 3.0))
    assert progressed(world, report(attempt.id, 4.0)).attempt.metrics == {"frags": 7.0}
    assert progressed(world, report(attempt.id, 5.0, "set")).attempt.score == 5.0


def test_the_formula_scores_all_metrics_unreported_ones_as_0() -> None:
    world = Liveops(event(metrics={"frags": {}, "damage": {}}, scoreFormula="frags * 100.0 + damage"))
    attempt = world.start().attempt
    assert progressed(world, report(attempt.id, metrics={"frags": 2.0})).attempt.score == 200.0
    moved = progressed(world, report(attempt.id, metrics={"frags": 1.0, "damage": 30.0}))
    assert (moved.attempt.score, moved.entry.score) == (330.0, 330.0)


def test_reaching_the_target_completes_with_its_grants_at_once() -> None:
    world = Liveops(
        event(
            target={"metric": "frags", "value": 5},
            rewards=[
                {"trigger": "completed", "entries": GOLD_REWARD},
                {"trigger": "completed", "crate": CRATE},
                {"trigger": "rank <= 3", "entries": GOLD_REWARD},
            ],
        )
    )
    attempt = world.start().attempt
    assert kinds(world.given(report(attempt.id, 4.0))) == ["AttemptProgressed"]
    world.at_ms += 1
    events = world.given(report(attempt.id, 1.0))
    assert kinds(events) == ["AttemptProgressed", "AttemptCompleted", "GrantCreated", "GrantCreated"]
    moved = only(AttemptProgressed, events)
    assert (moved.attempt.status, moved.attempt.completed_at_ms) == ("completed", AT_MS + 1)
    gold, crate = [event.grant for event in events if isinstance(event, GrantCreated)]
    assert (gold.kind, gold.status, gold.attempt_id) == ("reward", "pending", attempt.id)
    assert (gold.id, crate.id) == (
        grant_id(attempt.id, "ann", "completed", 0),
        grant_id(attempt.id, "ann", "completed", 1),
    )
    assert (crate.kind, crate.entries, len(crate.table)) == ("crate", [], 2)
    assert crate.table_version == world.events["frags"].reference
    assert world.refusal(report(attempt.id, 1.0)) == (409, "attempt_completed")


def test_without_a_target_a_set_is_final() -> None:
    world = Liveops()
    attempt = world.start().attempt
    assert progressed(world, report(attempt.id, 4.0)).attempt.status == "active"
    assert progressed(world, report(attempt.id, 9.0, "set")).attempt.status == "completed"
    assert world.refusal(report(attempt.id, 1.0)) == (409, "attempt_completed")


def test_a_threshold_gives_once_for_a_board() -> None:
    world = Liveops(event(rewards=[{"trigger": "score >= 10", "entries": GOLD_REWARD}]))
    attempt = world.start().attempt
    assert kinds(world.given(report(attempt.id, 9.0))) == ["AttemptProgressed"]
    events = world.given(report(attempt.id, 1.0))
    grant = only(GrantCreated, events).grant
    assert grant.id == grant_id(attempt.board_id, "ann", "score >= 10")
    assert only(AttemptProgressed, events).thresholds == [0]
    assert kinds(world.given(report(attempt.id, 5.0))) == ["AttemptProgressed"]
    other = world.start().attempt
    assert kinds(world.given(report(other.id, 50.0))) == ["AttemptProgressed"]


def test_a_threshold_on_a_total_counts_earlier_attempts() -> None:
    world = Liveops(event(keep="sum", rewards=[{"trigger": "score >= 10", "entries": GOLD_REWARD}]))
    world.given(report(world.start().attempt.id, 6.0))
    assert "GrantCreated" in kinds(world.given(report(world.start().attempt.id, 4.0)))


@pytest.mark.parametrize(
    ("keep", "order", "scores"),
    [
        ("best", "desc", [5.0, 5.0, 8.0]),
        ("best", "asc", [5.0, 3.0, 3.0]),
        ("last", "desc", [5.0, 3.0, 8.0]),
        ("sum", "desc", [5.0, 8.0, 16.0]),
    ],
)
def test_an_entry_keeps_the_best_the_latest_or_the_total(keep: str, order: str, scores: list[float]) -> None:
    world = Liveops(event(keep=keep, order=order))
    entries = []
    for value in (5.0, 3.0, 8.0):
        world.at_ms += 1000
        entries.append(progressed(world, report(world.start().attempt.id, value, "set")).entry)
    assert [entry.score for entry in entries] == scores
    assert [entry.previous_score for entry in entries] == [None, *scores[:-1]]


def test_effective_time_is_when_the_kept_score_got_its_value() -> None:
    world = Liveops()
    attempt = world.start().attempt
    first = progressed(world, report(attempt.id, 5.0)).entry
    world.at_ms += 1000
    worse = progressed(world, report(attempt.id, -1.0)).entry
    world.at_ms += 1000
    better = progressed(world, report(attempt.id, 9.0)).entry
    assert [entry.achieved_at_ms - AT_MS for entry in (first, worse, better)] == [0, 0, 2000]
    assert [entry.is_personal_best for entry in (first, worse, better)] == [True, False, True]
    assert (better.previous_achieved_at_ms, better.best) == (AT_MS, 13.0)


def test_a_second_attempt_within_a_total_replaces_only_its_own_share() -> None:
    world = Liveops(event(keep="sum", target={"metric": "frags", "value": 100}))
    first = world.start().attempt
    progressed(world, report(first.id, 7.0))
    second = world.start().attempt  # expires the first, whose 7 stay
    progressed(world, report(second.id, 5.0))
    assert progressed(world, report(second.id, 2.0, "set")).entry.score == 9.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.1e15, -1.1e15])
def test_numbers_out_of_bounds_are_refused(value: float) -> None:
    world = Liveops()
    attempt = world.start().attempt
    assert world.refusal(report(attempt.id, value)) == (400, "validation_failed")
    assert world.refusal(report(attempt.id, metrics={"frags": value})) == (400, "validation_failed")


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_sums_stay_within_the_bounds_of_single_values(sign: float) -> None:
    world = Liveops()
    attempt = world.start().attempt
    progressed(world, report(attempt.id, sign * 1e15))
    assert world.refusal(report(attempt.id, sign)) == (409, "out_of_range")
    assert progressed(world, report(attempt.id, -sign)).attempt.metrics == {"frags": sign * (1e15 - 1)}
    assert progressed(world, report(attempt.id, sign)).attempt.score == sign * 1e15


def test_scores_and_totals_stay_within_the_bounds() -> None:
    world = Liveops(event(scoreFormula="frags * 1000.0"))
    attempt = world.start().attempt
    assert world.refusal(report(attempt.id, 1e12 + 1)) == (409, "out_of_range")
    assert progressed(world, report(attempt.id, 1e12)).entry.score == 1e15
    totals = Liveops(event(keep="sum"))
    progressed(totals, report(totals.start().attempt.id, 1e15))
    again = totals.start().attempt
    assert totals.refusal(report(again.id, 1.0)) == (409, "out_of_range")
    assert progressed(totals, report(again.id, 0.0)).entry.score == 1e15


def test_what_is_reported_must_be_known_and_there() -> None:
    world = Liveops(event(metrics={"frags": {}, "damage": {}}))
    attempt = world.start().attempt
    refused = (400, "validation_failed")
    assert world.refusal(report(attempt.id)) == refused
    assert world.refusal(report(attempt.id, 1.0)) == refused  # two metrics, no target: which one?
    assert world.refusal(report(attempt.id, metrics={"deaths": 1.0})) == refused
    single = Liveops()
    attempt = single.start().attempt
    assert single.refusal(report(attempt.id, 1.0, metrics={"frags": 1.0})) == refused


def test_a_formula_without_a_value_changes_nothing() -> None:
    world = Liveops(event(metrics={"frags": {}, "deaths": {}}, scoreFormula="frags / deaths"))
    attempt = world.start().attempt
    assert world.refusal(report(attempt.id, metrics={"frags": 1.0})) == (400, "validation_failed")
    moved = progressed(world, report(attempt.id, metrics={"frags": 6.0, "deaths": 2.0}))
    assert moved.attempt.score == 3.0


def test_when_it_occurred_lies_in_the_window_and_hardly_ahead() -> None:
    world = Liveops()
    attempt = world.start().attempt
    window = window_from_id(world.window())
    refused = (400, "validation_failed")
    assert world.refusal(report(attempt.id, 1.0, occurred_at_ms=window.starts_at_ms - 1)) == refused
    assert world.refusal(report(attempt.id, 1.0, occurred_at_ms=window.ends_at_ms)) == refused
    assert world.refusal(report(attempt.id, 1.0, occurred_at_ms=AT_MS + 300_001)) == refused
    moved = progressed(world, report(attempt.id, 1.0, occurred_at_ms=AT_MS + 300_000))
    assert (moved.occurred_at_ms, moved.entry.achieved_at_ms) == (AT_MS + 300_000, AT_MS)


def test_anothers_attempt_and_another_events_are_not_found() -> None:
    world = Liveops(event(), event("other"))
    attempt = world.start().attempt
    world.start("bob")
    assert world.refusal(report(attempt.id, 1.0), "bob") == (404, "not_found")
    assert world.refusal(report(attempt.id, 1.0), "nobody") == (404, "not_found")
    assert world.refusal(report(attempt.id, 1.0, event_key="other")) == (404, "not_found")


def test_too_much_in_one_call_is_refused_and_recorded() -> None:
    world = Liveops(event(metrics={"frags": {"maxPerCall": 3}}, target={"metric": "frags", "value": 100}))
    attempt = world.start().attempt
    implausible = only(ProgressImplausible, world.given(report(attempt.id, 4.0)))
    assert (implausible.limit, implausible.allowed, implausible.asked) == ("maxPerCall", 3.0, 4.0)
    assert world.player().runs["frags"][0].attempts[0].metrics == {"frags": 0.0}
    progressed(world, report(attempt.id, 3.0))
    progressed(world, report(attempt.id, 6.0, "set"))  # it adds 3
    assert kinds(world.given(report(attempt.id, 10.0, "set"))) == ["ProgressImplausible"]
    progressed(world, report(attempt.id, 0.0, "set"))


def test_too_much_in_a_minute_is_refused_over_all_attempts() -> None:
    world = Liveops(event(metrics={"frags": {"maxPerMinute": 10}}))
    progressed(world, report(world.start().attempt.id, 6.0))
    world.at_ms += 30_000
    attempt = world.start().attempt
    assert kinds(world.given(report(attempt.id, 5.0))) == ["ProgressImplausible"]
    progressed(world, report(attempt.id, 4.0))
    world.at_ms += 30_999
    assert kinds(world.given(report(attempt.id, 1.0))) == ["ProgressImplausible"]
    world.at_ms += 1
    progressed(world, report(attempt.id, 6.0))
    assert kinds(world.given(report(attempt.id, 1.0))) == ["ProgressImplausible"]


def test_a_report_within_the_minute_forgets_nothing_of_it() -> None:
    world = Liveops(event(metrics={"frags": {"maxPerMinute": 10}}))
    attempt = world.start().attempt
    progressed(world, report(attempt.id, 6.0))
    world.at_ms += 55_000
    progressed(world, report(attempt.id, 1.0))
    world.at_ms += 4_000
    assert kinds(world.given(report(attempt.id, 4.0))) == ["ProgressImplausible"]


def test_minus_zero_is_zero() -> None:
    world = Liveops(event(scoreFormula="frags * -1.0"))
    attempt = world.start().attempt
    moved = progressed(world, report(attempt.id, -0.0))
    assert math.copysign(1.0, moved.entry.score) == 1.0
    assert math.copysign(1.0, moved.attempt.metrics["frags"]) == 1.0
