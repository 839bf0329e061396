"""Free trials: used, offered, given back."""

from __future__ import annotations

from schemas.playtests import (
    order_commands,
    order_events,
    slot_commands,
    slot_events,
)
from schemas.playtests.views import Money
from tests.streams.deciders.playtests.given import (
    DAY_MS,
    Playtests,
    kinds,
    only,
    trial,
)


def test_a_trial_is_active_at_once_and_offered_when_approved() -> None:
    world = Playtests(0)
    events = world.given(trial())
    assert kinds(events) == ["PlaytestOrdered", "PlaytestActivated"]
    order_id = only(order_events.PlaytestOrdered, events).order_id
    claim = slot_commands.ClaimSlot(order_id=order_id, playtester_id="ann")
    assert world.refusal(claim) == (404, "NOT_FOUND")
    world.given(order_commands.ApproveTrial(order_id=order_id))
    assert world.refusal(order_commands.ApproveTrial(order_id=order_id)) == (409, "wrong_status")
    slot_id = world.submitted(order_id)
    accepted = only(slot_events.SlotAccepted, world.given(slot_commands.AcceptSlot(slot_id=slot_id)))
    assert (accepted.slot.status, accepted.earning, accepted.playtester.accepted_count) == (
        "publishing",
        None,
        1,
    )
    assert accepted.progress.money == Money()


def test_a_game_has_one_trial() -> None:
    world = Playtests(0)
    world.trial()
    assert world.refusal(trial()) == (409, "trial_used")
    assert isinstance(world.when(trial(), "game_2"), tuple)


def test_a_declined_trial_is_given_back_and_so_is_one_that_was_cancelled_unclaimed() -> None:
    world = Playtests(0)
    declined = world.trial(approved=False)
    events = world.given(order_commands.DeclineTrial(order_id=declined))
    assert kinds(events) == ["TrialDeclined", "PlaytestCancelled", "SlotCancelled"]
    cancelled = world.trial()
    world.given(order_commands.CancelPlaytest(order_id=cancelled))
    claimed = world.trial()
    world.claimed(claimed)
    world.given(order_commands.CancelPlaytest(order_id=claimed))
    assert world.refusal(trial()) == (409, "trial_used")
    assert world.refusal(order_commands.DeclineTrial(order_id=claimed)) == (409, "wrong_status")


def test_a_trials_no_show_reopens_and_a_rejected_one_is_over() -> None:
    world = Playtests(0)
    order_id = world.trial()
    slot_id = world.claimed(order_id)
    world.at_ms += DAY_MS
    (expired,) = world.given(slot_commands.SlotDue(slot_id=slot_id))
    assert isinstance(expired, slot_events.SlotExpired)
    assert expired.successor is not None
    again = world.submitted(order_id, "bob")
    events = world.given(slot_commands.RejectSlot(slot_id=again))
    assert kinds(events) == ["SlotRejected", "PlaytestCompleted"]
    assert only(slot_events.SlotRejected, events).credit is None
