"""The log decides: deadlines by effective time, Dues early, late and twice, and the first of two."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from schemas.codec import Message
from schemas.envelope import COMMAND_REJECTED
from schemas.log import LogRecord
from schemas.outcomes import rejection
from schemas.playtests import (
    account_commands,
    account_events,
    names,
    order_commands,
    order_events,
    slot_commands,
    slot_events,
)
from schemas.playtests.limits import POOL_MAX
from streams.deciders.decide import Decision, decide_record
from streams.deciders.fold import Fold
from streams.deciders.playtests.noun import PLAYTESTS
from streams.deciders.playtests.state import PlaytestsState
from tests.streams.deciders.playtests.given import (
    COST,
    DAY_MS,
    HOUR_MS,
    Playtests,
    block,
    kinds,
    only,
    record_of,
    submit,
)
from tests.streams.deciders.playtests.money import check


def deadline(world: Playtests, slot_id: str) -> int:
    at_ms = world.slot(slot_id).deadline_at_ms
    assert at_ms is not None
    return at_ms


def in_one_record(world: Playtests, *bodies: Message) -> Decision[PlaytestsState]:
    """Several commands in one command record; the world goes on from what they gave."""
    fold = Fold(PLAYTESTS)
    fold.state = world.state
    value = record_of([world.request(body) for body in bodies])
    record = LogRecord(topic="c", partition=0, offset=0, appended_at_ms=world.at_ms, key=None, value=value)
    decision = decide_record(PLAYTESTS, fold, record)
    assert decision.dead_letters == []
    world.state = decision.state
    return decision


def outcomes(decision: Decision[PlaytestsState]) -> list[str]:
    """The first event of each command, or the code of its refusal."""
    found = []
    for decided in decision.record.decided:
        refused = rejection(decided)
        name = decided.events[0].type if decided.events else ".nothing"
        assert (refused is not None) == (name == COMMAND_REJECTED)
        found.append(refused.code if refused is not None else name.split(".")[1])
    return found


@pytest.mark.parametrize("due_first", [False, True])
@pytest.mark.parametrize(("early_ms", "accepted"), [(1, True), (0, False)])
def test_a_submission_is_in_time_before_the_deadline_by_its_own_time(
    early_ms: int, *, due_first: bool, accepted: bool
) -> None:
    """A Due that came before its time does nothing, and a late one changes nothing."""
    world = Playtests()
    slot_id = world.claimed(world.active())
    world.at_ms = deadline(world, slot_id) - early_ms
    if due_first and early_ms:
        assert world.given(slot_commands.SlotDue(slot_id=slot_id)) == []
    if accepted:
        assert kinds(world.given(submit(slot_id))) == ["SlotSubmitted"]
        world.at_ms += early_ms
        assert world.given(slot_commands.SlotDue(slot_id=slot_id)) == []
        assert world.slot(slot_id).status == "submitted"
    else:
        assert world.refusal(submit(slot_id)) == (409, "deadline_passed")


def test_a_submission_stamped_before_the_deadline_but_appended_after_the_due_is_too_late() -> None:
    world = Playtests()
    slot_id = world.claimed(world.active())
    world.at_ms = deadline(world, slot_id)
    world.given(slot_commands.SlotDue(slot_id=slot_id))
    world.at_ms -= 1
    assert world.refusal(submit(slot_id)) == (409, "deadline_passed")


def test_a_due_twice_expires_a_slot_once() -> None:
    world = Playtests()
    slot_id = world.claimed(world.active())
    world.at_ms = deadline(world, slot_id)
    decision = in_one_record(
        world, slot_commands.SlotDue(slot_id=slot_id), slot_commands.SlotDue(slot_id=slot_id)
    )
    assert outcomes(decision) == ["slot-expired", "nothing"]


@pytest.mark.parametrize("body", ["abandon", "block", "submit"])
def test_nothing_is_done_to_a_slot_at_its_deadline(body: str) -> None:
    world = Playtests()
    slot_id = world.claimed(world.active())
    world.at_ms = deadline(world, slot_id)
    commands = {
        "abandon": slot_commands.AbandonSlot(slot_id=slot_id, playtester_id="ann"),
        "block": block(slot_id),
        "submit": submit(slot_id),
    }
    assert world.refusal(commands[body]) == (409, "deadline_passed")


@pytest.mark.parametrize(
    ("more", "hours"),
    [({}, 24), ({"player_count": 2}, 72), ({"selection_mode": "manual"}, 72)],
)
def test_how_long_a_playtester_has(more: dict[str, object], hours: int) -> None:
    world = Playtests()
    slot_id = world.slot_in("reserved", **more)
    assert deadline(world, slot_id) == world.at_ms + hours * HOUR_MS
    world.given(submit(slot_id))
    rejected = only(
        slot_events.SlotRejected, world.given(slot_commands.RejectSlot(slot_id=slot_id, allow_retry=True))
    )
    assert rejected.successor is not None
    assert rejected.successor.deadline_at_ms == world.at_ms + 24 * HOUR_MS


def test_one_slot_goes_to_the_first_of_many() -> None:
    world = Playtests()
    order_id = world.active()
    claims = [slot_commands.ClaimSlot(order_id=order_id, playtester_id=f"p{n}") for n in range(200)]
    decision = in_one_record(world, *claims)
    assert outcomes(decision) == ["slot-reserved", *["no_open_slot"] * 199]


def test_a_playtester_has_one_slot_of_an_order_for_life() -> None:
    world = Playtests()
    order_id = world.active(3)
    slot_id = world.claimed(order_id)
    claim = slot_commands.ClaimSlot(order_id=order_id, playtester_id="ann")
    assert world.refusal(claim) == (409, "already_claimed")
    world.given(slot_commands.AbandonSlot(slot_id=slot_id, playtester_id="ann"))
    assert world.refusal(claim) == (409, "already_claimed")


DECISIONS: dict[str, Callable[[str], Message]] = {
    "accept": lambda slot_id: slot_commands.AcceptSlot(slot_id=slot_id),
    "reject": lambda slot_id: slot_commands.RejectSlot(slot_id=slot_id),
    "retry": lambda slot_id: slot_commands.RejectSlot(slot_id=slot_id, allow_retry=True),
}


@pytest.mark.parametrize("names_of", list(itertools.permutations(DECISIONS)))
def test_accept_reject_and_reject_with_retry_in_one_record(names_of: tuple[str, ...]) -> None:
    world = Playtests()
    slot_id = world.submitted(world.active())
    decision = in_one_record(world, *(DECISIONS[name](slot_id) for name in names_of))
    first = "slot-accepted" if names_of[0] == "accept" else "slot-rejected"
    assert outcomes(decision) == [first, "wrong_status", "wrong_status"]


PAYMENTS: dict[str, Callable[[str, str], Message]] = {
    "completed": lambda _, payment: account_commands.CompletePayment(
        payment_id=payment, amount_cents=2 * COST, external_id="x"
    ),
    "again": lambda _, payment: account_commands.CompletePayment(
        payment_id=payment, amount_cents=2 * COST, external_id="x"
    ),
    "other amount": lambda _, payment: account_commands.CompletePayment(
        payment_id=payment, amount_cents=COST, external_id="x"
    ),
    "failed": lambda _, payment: account_commands.FailPayment(
        payment_id=payment, amount_cents=2 * COST, external_id="x"
    ),
    "pay": lambda order, _: order_commands.PayPlaytest(order_id=order),
    "cancel": lambda order, _: order_commands.CancelPlaytest(order_id=order),
}
"""What may come for an order of two slots with a payment that is to pay it, and credit for it besides."""


@pytest.mark.parametrize("names_of", list(itertools.permutations(PAYMENTS, 4)))
def test_the_provider_s_events_against_pay_and_cancel_in_one_record(names_of: tuple[str, ...]) -> None:
    world = Playtests(2 * COST)
    order_id = world.ordered(2)
    opening = account_commands.OpenPayment(amount_cents=2 * COST, provider="test", order_id=order_id)
    payment_id = only(account_events.PaymentOpened, world.given(opening)).payment.id
    found = outcomes(in_one_record(world, *(PAYMENTS[name](order_id, payment_id) for name in names_of)))

    payment, status, credit, expected = "pending", "pending_payment", 2 * COST, []
    for name in names_of:
        outcome = "wrong_status"
        if name == "other amount":
            outcome = "amount_mismatch"
        elif name in {"completed", "again"} and payment == "completed":
            outcome = "nothing"
        elif name in {"completed", "again"} and payment == "pending":
            outcome, payment = "payment-completed", "completed"
            credit += 2 * COST
            if status == "pending_payment":
                status, credit = "active", credit - 2 * COST
        elif name == "failed" and payment == "pending":
            outcome, payment = "payment-failed", "failed"
        elif name == "pay" and status == "pending_payment":
            outcome, status, credit = "playtest-paid", "active", credit - 2 * COST
        elif name == "cancel" and status in {"pending_payment", "active"}:
            outcome, credit = "playtest-cancelled", credit + (2 * COST if status == "active" else 0)
            status = "cancelled"
        expected.append(outcome)
    assert found == expected
    assert world.studio.account.balance_cents == credit
    check(world.state)


def test_two_new_orders_of_one_game_and_one_playtester() -> None:
    world = Playtests()
    first, second = (world.active(targeting_type="new") for _ in range(2))
    claims = [slot_commands.ClaimSlot(order_id=each, playtester_id="ann") for each in (first, second)]
    assert outcomes(in_one_record(world, *claims)) == ["slot-reserved", "not_eligible"]
    elsewhere = world.active(game_id="game_2", targeting_type="new")
    world.claimed(elsewhere, "ann")


def test_apply_here_claim_there_approve_here() -> None:
    world = Playtests()
    here = world.active(targeting_type="new", selection_mode="manual")
    there = world.active(targeting_type="new")
    application = world.applied(here)
    world.claimed(there)
    approve = order_commands.ApproveApplication(application_id=application)
    assert world.refusal(approve) == (409, "not_eligible")
    assert world.known(here).pending == 1


def test_past_is_an_accepted_submission_of_the_game() -> None:
    world = Playtests()
    order_id = world.active(targeting_type="past", past_playtester_scope="any")
    claim = slot_commands.ClaimSlot(order_id=order_id, playtester_id="ann")
    world.submitted(world.active())
    assert world.refusal(claim) == (409, "not_eligible")
    world.accepted("bob")
    world.claimed(order_id, "bob")


def test_approving_the_last_one_rejects_all_others_at_once_while_one_withdraws_and_another_approves() -> None:
    world = Playtests()
    order_id = world.active(selection_mode="manual")
    mine = [world.applied(order_id, f"p{n}") for n in range(POOL_MAX)]
    overfull = order_commands.MakeApplication(
        order_id=order_id, playtester_id="late", qualifications_response="s"
    )
    assert world.refusal(overfull) == (409, "pool_full")
    decision = in_one_record(
        world,
        order_commands.WithdrawApplication(application_id=mine[0], playtester_id="p0"),
        order_commands.ApproveApplication(application_id=mine[1]),
        order_commands.WithdrawApplication(application_id=mine[2], playtester_id="p2"),
        order_commands.ApproveApplication(application_id=mine[3]),
        order_commands.RejectApplication(application_id=mine[4]),
    )
    assert outcomes(decision) == [
        "application-withdrawn",
        "application-approved",
        *["not_pending"] * 3,
    ]
    approved = decision.record.decided[1].events
    assert [event.type.split(".")[1] for event in approved] == [
        "application-approved",
        "slot-reserved",
        "applications-auto-rejected",
    ]
    rejected = PLAYTESTS.events.decode(approved[2].type, approved[2].data)
    assert isinstance(rejected, order_events.ApplicationsAutoRejected)
    assert [one.id for one in rejected.applications] == mine[2:]
    assert world.known(order_id).pending == 0


def test_a_window_that_is_over_takes_and_approves_nothing_also_before_the_due() -> None:
    world = Playtests()
    order_id = world.active(2, selection_mode="manual")
    application = world.applied(order_id)
    world.at_ms += 7 * DAY_MS - 1
    assert world.given(order_commands.ReviewDue(order_id=order_id)) == []
    world.applied(order_id, "bob")
    world.at_ms += 1
    late = order_commands.MakeApplication(order_id=order_id, playtester_id="cat", qualifications_response="s")
    assert world.refusal(late) == (409, "window_closed")
    assert world.refusal(order_commands.ApproveApplication(application_id=application)) == (
        409,
        "window_closed",
    )
    decision = in_one_record(
        world, order_commands.ReviewDue(order_id=order_id), order_commands.ReviewDue(order_id=order_id)
    )
    assert outcomes(decision) == ["applications-auto-rejected", "nothing"]
    assert kinds_of(decision, 0) == [
        "applications-auto-rejected",
        "slot-expired",
        "slot-expired",
        "playtest-completed",
    ]
    assert world.studio.account.balance_cents == 1_000_000


def kinds_of(decision: Decision[PlaytestsState], index: int) -> list[str]:
    return [event.type.split(".")[1] for event in decision.record.decided[index].events]


def test_a_manual_no_show_reopens_in_the_window_and_is_credited_after_it() -> None:
    world = Playtests()
    order_id = world.active(2, selection_mode="manual")
    early = approved(world, order_id, "ann")
    world.at_ms += 5 * DAY_MS
    late = approved(world, order_id, "bob")
    (expired,) = world.given(slot_commands.SlotDue(slot_id=early))
    assert isinstance(expired, slot_events.SlotExpired)
    assert expired.successor is not None
    world.at_ms += 3 * DAY_MS
    (expired,) = world.given(slot_commands.SlotDue(slot_id=late))
    assert isinstance(expired, slot_events.SlotExpired)
    assert (expired.successor, expired.credit is not None) == (None, True)


def approved(world: Playtests, order_id: str, who: str) -> str:
    application = world.applied(order_id, who)
    events = world.given(order_commands.ApproveApplication(application_id=application))
    return only(slot_events.SlotReserved, events).slot.id


def test_the_lowest_open_slot_is_given() -> None:
    world = Playtests()
    order_id = world.active(3)
    assert [world.claimed(order_id, who) for who in ("ann", "bob")] == [
        names.slot_id(order_id, number) for number in (1, 2)
    ]
    world.given(slot_commands.AbandonSlot(slot_id=names.slot_id(order_id, 1), playtester_id="ann"))
    assert world.claimed(order_id, "cat") == names.slot_id(order_id, 3)
    assert world.claimed(order_id, "dan") == names.slot_id(order_id, 4)


def test_each_mode_refuses_what_is_for_the_other() -> None:
    world = Playtests()
    automatic, manual = world.active(), world.active(selection_mode="manual")
    claim = slot_commands.ClaimSlot(order_id=manual, playtester_id="ann")
    apply = order_commands.MakeApplication(
        order_id=automatic, playtester_id="ann", qualifications_response="s"
    )
    assert world.refusal(claim) == (400, "BAD_REQUEST")
    assert world.refusal(apply) == (400, "BAD_REQUEST")


def test_one_application_a_playtester_and_order_for_life() -> None:
    world = Playtests()
    order_id = world.active(selection_mode="manual")
    apply = order_commands.MakeApplication(
        order_id=order_id, playtester_id="ann", qualifications_response="s"
    )
    application = world.applied(order_id)
    assert world.refusal(apply) == (409, "already_claimed")
    theirs = order_commands.WithdrawApplication(application_id=application, playtester_id="bob")
    assert world.refusal(theirs) == (404, "NOT_FOUND")
    world.given(order_commands.WithdrawApplication(application_id=application, playtester_id="ann"))
    assert world.refusal(apply) == (409, "already_claimed")


def test_applications_are_taken_while_a_slot_is_open() -> None:
    world = Playtests()
    order_id = world.active(selection_mode="manual")
    slot_id = approved(world, order_id, "ann")
    apply = order_commands.MakeApplication(
        order_id=order_id, playtester_id="bob", qualifications_response="s"
    )
    assert world.refusal(apply) == (409, "no_open_slot")
    world.given(slot_commands.AbandonSlot(slot_id=slot_id, playtester_id="ann"))
    world.applied(order_id, "bob")


def test_another_playtesters_slot_is_404() -> None:
    world = Playtests()
    slot_id = world.claimed(world.active())
    for body in (
        submit(slot_id, "bob"),
        block(slot_id, "bob"),
        slot_commands.AbandonSlot(slot_id=slot_id, playtester_id="bob"),
    ):
        assert world.refusal(body) == (404, "NOT_FOUND")


def test_a_recording_that_is_not_stored_is_not_submitted() -> None:
    world = Playtests()
    slot_id = world.claimed(world.active())
    assert world.refusal(submit(slot_id, video=None)) == (409, "upload_missing")
    assert world.slot(slot_id).status == "reserved"
