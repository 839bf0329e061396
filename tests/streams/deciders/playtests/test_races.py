"""The log decides: deadlines by effective time, Dues early, late and twice, and the first of two."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from schemas.codec import Message
from schemas.playtests import (
    account_commands,
    account_events,
    names,
    order_commands,
    slot_commands,
    slot_events,
)
from tests.streams.deciders.playtests.given import (
    COST,
    HOUR_MS,
    Playtests,
    block,
    kinds,
    only,
    submit,
)
from tests.streams.deciders.playtests.money import check
from tests.streams.deciders.playtests.one_record import in_one_record, outcomes


def deadline(world: Playtests, slot_id: str) -> int:
    at_ms = world.slot(slot_id).deadline_at_ms
    assert at_ms is not None
    return at_ms


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


def test_one_slot_goes_to_the_first_of_ten_thousand_in_many_records() -> None:
    world = Playtests()
    order_id = world.active()
    claims = [slot_commands.ClaimSlot(order_id=order_id, playtester_id=f"p{n}") for n in range(10_000)]
    found = [
        outcome
        for begin in range(0, len(claims), 500)
        for outcome in outcomes(in_one_record(world, *claims[begin : begin + 500]))
    ]
    assert found == ["slot-reserved", *["no_open_slot"] * 9_999]
    assert world.slot(names.slot_id(order_id, 1)).playtester_id == "p0"


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


def test_past_is_an_accepted_submission_of_the_game() -> None:
    world = Playtests()
    order_id = world.active(targeting_type="past", past_playtester_scope="any")
    claim = slot_commands.ClaimSlot(order_id=order_id, playtester_id="ann")
    world.submitted(world.active())
    assert world.refusal(claim) == (409, "not_eligible")
    world.accepted("bob")
    world.claimed(order_id, "bob")


def test_the_lowest_open_slot_is_given() -> None:
    world = Playtests()
    order_id = world.active(3)
    assert [world.claimed(order_id, who) for who in ("ann", "bob")] == [
        names.slot_id(order_id, number) for number in (1, 2)
    ]
    world.given(slot_commands.AbandonSlot(slot_id=names.slot_id(order_id, 1), playtester_id="ann"))
    assert world.claimed(order_id, "cat") == names.slot_id(order_id, 3)
    assert world.claimed(order_id, "dan") == names.slot_id(order_id, 4)


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
