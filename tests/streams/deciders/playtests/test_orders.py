"""Orders: made, paid, changed, cancelled; free trials."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import asdict

from schemas.playtests import (
    account_commands,
    names,
    order_commands,
    order_events,
    slot_commands,
    slot_events,
)
from schemas.playtests.states import LIVE
from schemas.playtests.views import Money, SlotStatus
from streams.deciders.playtests.noun import PLAYTESTS
from tests.streams.deciders.playtests.given import (
    AT_MS,
    COST,
    DAY_MS,
    HOUR_MS,
    PAYOUT,
    Playtests,
    block,
    key,
    keys,
    kinds,
    only,
    order,
    submit,
)


def test_an_order_waits_for_its_payment_without_slots() -> None:
    world = Playtests()
    (ordered,) = world.given(order(3))
    assert isinstance(ordered, order_events.PlaytestOrdered)
    assert ordered.order_id == ordered.order.id == names.order_id("c2")
    assert (ordered.order.status, ordered.order.created_at_ms) == ("pending_payment", AT_MS)
    assert len(world.known(ordered.order_id).slots) == 0
    claim = slot_commands.ClaimSlot(order_id=ordered.order_id, playtester_id="ann")
    assert world.refusal(claim) == (404, "NOT_FOUND")


def test_a_key_that_was_forgotten_orders_anew_and_never_over_the_first_order() -> None:
    playtests = Playtests()
    first = playtests.ordered(order_id=names.order_id("drawn first"), pay_from_credit=True)
    again = order(order_id=names.order_id("drawn again"))
    second = only(order_events.PlaytestOrdered, playtests.given(again, command_id="c2")).order_id
    assert (first, second) == (names.order_id("drawn first"), names.order_id("drawn again"))
    assert playtests.known(first).order.status == "active"
    # of a release that drew none
    old = only(order_events.PlaytestOrdered, playtests.given(order(), command_id="c2")).order_id
    assert old == names.order_id("c2")
    assert playtests.refusal(order(), command_id="c2") == (409, "wrong_status")


def test_an_order_that_was_cancelled_unpaid_is_as_unknown_to_playtesters_as_one_that_never_was() -> None:
    world = Playtests()
    automatic, manual = world.ordered(), world.ordered(selection_mode="manual")
    for order_id in (automatic, manual):
        world.given(order_commands.CancelPlaytest(order_id=order_id))
    claim = slot_commands.ClaimSlot(order_id=automatic, playtester_id="ann")
    apply = order_commands.MakeApplication(
        order_id=manual, playtester_id="ann", qualifications_response="sealed me"
    )
    assert world.refusal(claim) == world.refusal(apply) == (404, "NOT_FOUND")


def test_no_order_is_made_for_a_playtester_who_was_forgotten() -> None:
    world = Playtests()
    world.accepted("ann")
    specific = order(targeting_type="past", past_playtester_scope="specific", targeted_playtester_id="ann")
    assert isinstance(world.when(specific), tuple)
    world.given(account_commands.ForgetPlaytester(playtester_id="ann"))
    assert world.refusal(specific) == (422, "VALIDATION_ERROR")


def test_unpaid_orders_with_many_keys_are_packed_in_pieces_of_their_own() -> None:
    world = Playtests()
    for _ in range(6):
        world.ordered(100, keys=keys(300))
    sizes = [len(piece) for piece in PLAYTESTS.pack(world.state)]
    assert max(sizes) < 1.5 * sorted(sizes)[-2]
    assert PLAYTESTS.unpack(PLAYTESTS.pack(world.state)) == world.state


def test_paying_takes_the_total_and_opens_the_slots_in_one_decision() -> None:
    world = Playtests(10_000)
    order_id = world.ordered(3)
    paid, activated = world.given(order_commands.PayPlaytest(order_id=order_id))
    assert isinstance(paid, order_events.PlaytestPaid)
    assert (paid.movement.type, paid.movement.amount_cents, paid.movement.balance_cents) == (
        "paid",
        -6000,
        4000,
    )
    assert isinstance(activated, order_events.PlaytestActivated)
    assert activated.progress.money == Money(paid_cents=6000, held_cents=6000)
    assert [slot.id for slot in activated.slots] == [names.slot_id(order_id, n) for n in (1, 2, 3)]
    assert world.refusal(order_commands.PayPlaytest(order_id=order_id)) == (409, "wrong_status")


def test_too_little_credit_is_402_with_both_amounts_and_changes_nothing() -> None:
    world = Playtests(5999)
    order_id = world.ordered(3)
    verdict = world.when(order_commands.PayPlaytest(order_id=order_id))
    assert not isinstance(verdict, tuple)
    assert (verdict.status, verdict.details) == (402, {"balanceCents": 5999, "requiredCents": 6000})
    before = world.state
    assert world.refusal(order(3, pay_from_credit=True)) == (402, "PAYMENT_REQUIRED")
    assert world.state is before


def test_two_pays_with_credit_for_one_pay_one() -> None:
    world = Playtests(COST)
    first, second = world.ordered(), world.ordered()
    world.given(order_commands.PayPlaytest(order_id=first))
    assert world.refusal(order_commands.PayPlaytest(order_id=second)) == (402, "PAYMENT_REQUIRED")


def test_cancel_against_pay_whichever_is_first() -> None:
    world = Playtests()
    paid, cancelled = world.active(), world.ordered()
    assert kinds(world.given(order_commands.CancelPlaytest(order_id=paid))) == [
        "PlaytestCancelled",
        "SlotCancelled",
    ]
    assert world.studio.account.balance_cents == 1_000_000
    world.given(order_commands.CancelPlaytest(order_id=cancelled))
    assert world.refusal(order_commands.PayPlaytest(order_id=cancelled)) == (409, "wrong_status")
    assert world.refusal(order_commands.CancelPlaytest(order_id=cancelled)) == (409, "wrong_status")


@pytest.mark.parametrize("status", ["open", "reserved", "submitted", "blocked"])
def test_cancelling_credits_open_and_blocked_slots_and_lets_the_others_run(status: SlotStatus) -> None:
    world = Playtests()
    slot_id = world.slot_in(status)
    order_id = world.given(order_commands.CancelPlaytest(order_id=place(slot_id)))[0].order_id  # type: ignore[attr-defined]
    ended = status in {"open", "blocked"}
    assert world.slot(slot_id).status == ("cancelled" if ended else status)
    assert world.known(order_id).progress.money.credited_cents == (COST if ended else 0)
    assert world.known(order_id).order.status == "cancelled"


def test_cancelling_with_slots_in_every_status() -> None:
    world = Playtests()
    order_id = world.active(7)
    slots = {who: world.claimed(order_id, who) for who in ("accepted", "rejected", "submitted", "blocked")}
    for who in ("accepted", "rejected", "submitted"):
        world.given(submit(slots[who], who))
    world.given(slot_commands.AcceptSlot(slot_id=slots["accepted"]))
    world.given(slot_commands.RejectSlot(slot_id=slots["rejected"]))
    world.given(block(slots["blocked"], "blocked"))
    held = world.claimed(order_id, "reserved")
    left = world.claimed(order_id, "left")
    world.given(slot_commands.AbandonSlot(slot_id=left, playtester_id="left"))
    events = world.given(order_commands.CancelPlaytest(order_id=order_id))
    assert kinds(events) == ["PlaytestCancelled", *["SlotCancelled"] * 3]
    money = world.known(order_id).progress.money
    assert money.credited_cents == 4 * COST  # rejected, blocked, the open one, the abandoned one's successor
    assert money.held_cents == 2 * COST
    world.at_ms += DAY_MS
    (expired,) = world.given(slot_commands.SlotDue(slot_id=held))
    assert isinstance(expired, slot_events.SlotExpired)
    assert (expired.successor, expired.credit is not None) == (None, True)
    world.given(slot_commands.RejectSlot(slot_id=slots["submitted"], allow_retry=True))
    assert world.known(order_id).order.status == "cancelled"


def place(slot_id: str) -> str:
    found = names.place_of("slot", slot_id)
    assert found is not None
    return found[0]


def test_an_order_is_completed_once_no_live_slot_is_left() -> None:
    world = Playtests()
    order_id = world.active(2)
    first, second = world.submitted(order_id, "ann"), world.submitted(order_id, "bob")
    assert kinds(world.given(slot_commands.AcceptSlot(slot_id=first))) == ["SlotAccepted"]
    events = world.given(slot_commands.RejectSlot(slot_id=second))
    assert kinds(events) == ["SlotRejected", "PlaytestCompleted"]
    assert only(order_events.PlaytestCompleted, events).order.status == "completed"
    assert asdict(world.known(order_id).progress.money) == {
        "paid_cents": 2 * COST,
        "held_cents": 0,
        "payout_cents": PAYOUT,
        "fee_cents": COST - PAYOUT,
        "credited_cents": COST,
    }
    for body in (
        order_commands.CancelPlaytest(order_id=order_id),
        order_commands.ChangePlaytest(order_id=order_id, notes_for_testers="late"),
    ):
        assert world.refusal(body) == (409, "wrong_status")


def test_notes_are_changed_and_cleared() -> None:
    world = Playtests()
    order_id = world.active()
    for notes in ("kinder", None):
        (changed,) = world.given(order_commands.ChangePlaytest(order_id=order_id, notes_for_testers=notes))
        assert isinstance(changed, order_events.PlaytestChanged)
        assert (changed.order.notes_for_testers, changed.changed) == (notes, ["notesForTesters"])
    (same,) = world.given(order_commands.ChangePlaytest(order_id=order_id))
    assert isinstance(same, order_events.PlaytestChanged)
    assert (same.order.notes_for_testers, same.changed) == (None, [])


def test_slot_n_gets_key_n_and_successors_the_spares() -> None:
    world = Playtests()
    order_id = world.active(2, keys=keys(3))
    ann, bob = world.claimed(order_id, "ann"), world.claimed(order_id, "bob")
    assert [world.slot(each).key_number for each in (ann, bob)] == [1, 2]
    world.at_ms += DAY_MS
    (expired,) = world.given(slot_commands.SlotDue(slot_id=ann))
    assert isinstance(expired, slot_events.SlotExpired)
    assert expired.successor is not None
    assert (expired.successor.number, expired.successor.key_number) == (3, 3)
    (expired, *_) = world.given(slot_commands.SlotDue(slot_id=bob))
    assert isinstance(expired, slot_events.SlotExpired)
    assert expired.successor is None
    assert expired.credit is not None


def test_exactly_as_many_keys_as_seats_and_a_no_show() -> None:
    world = Playtests()
    order_id = world.active(1, keys=keys(1))
    slot_id = world.claimed(order_id)
    world.at_ms += DAY_MS
    assert kinds(world.given(slot_commands.SlotDue(slot_id=slot_id))) == ["SlotExpired", "PlaytestCompleted"]
    assert world.studio.account.balance_cents == 1_000_000


def test_the_playtester_of_a_slot_alone_is_shown_its_key() -> None:
    world = Playtests()
    order_id = world.active(2, keys=keys(2))
    world.claimed(order_id, "ann")
    reserved = only(
        slot_events.SlotReserved, world.given(slot_commands.ClaimSlot(order_id=order_id, playtester_id="bob"))
    )
    assert (reserved.shown.game_key, reserved.shown.notes_for_testers) == ("sealed key 2", "be kind")
    assert reserved.shown.payout_cents == PAYOUT


def test_spares_are_added_while_the_order_runs() -> None:
    world = Playtests()
    order_id = world.active(1, keys=keys(1))
    slot_id = world.claimed(order_id)
    (changed,) = world.given(order_commands.ChangePlaytest(order_id=order_id, keys=keys(2, "spare")))
    assert isinstance(changed, order_events.PlaytestChanged)
    assert (changed.first_key_number, changed.changed) == (2, ["keysForTesters"])
    world.at_ms += DAY_MS
    (expired,) = world.given(slot_commands.SlotDue(slot_id=slot_id))
    assert isinstance(expired, slot_events.SlotExpired)
    assert expired.successor is not None
    assert expired.successor.key_number == 2


@pytest.mark.parametrize(
    "more",
    [
        [key("spare"), key("spare")],
        [key("key 1")],
        keys(5, "spare"),
    ],
)
def test_spares_are_distinct_and_not_too_many(more: list[order_commands.SealedKey]) -> None:
    world = Playtests()
    order_id = world.active(2, keys=keys(2))
    verdict = world.when(order_commands.ChangePlaytest(order_id=order_id, keys=more))
    assert not isinstance(verdict, tuple)
    assert (verdict.status, verdict.field) == (422, "keysForTesters")


def test_a_spare_that_was_given_under_a_former_secret_is_known() -> None:
    world = Playtests()
    order_id = world.active(1, keys=keys(1))
    now = key("key 1 under another secret")
    former = key("key 1").fingerprint
    change = order_commands.ChangePlaytest(
        order_id=order_id, keys=[now], old_fingerprints=[["older", former]]
    )
    assert world.refusal(change) == (422, "VALIDATION_ERROR")
    world.given(
        order_commands.ChangePlaytest(order_id=order_id, keys=[now], old_fingerprints=[["older", "another"]])
    )


def test_keys_are_not_added_where_none_were_given_and_none_is_given_twice() -> None:
    world = Playtests()
    without = world.active()
    assert world.refusal(order_commands.ChangePlaytest(order_id=without, keys=keys(1))) == (
        422,
        "VALIDATION_ERROR",
    )
    assert world.refusal(order(keys=[key("one"), key("one")])) == (422, "VALIDATION_ERROR")


def test_a_targeted_playtester_is_a_past_one() -> None:
    world = Playtests()
    world.accepted("ann")
    past: dict[str, Any] = {"targeting_type": "past", "past_playtester_scope": "specific"}
    assert world.refusal(order(targeted_playtester_id="bob", **past)) == (422, "VALIDATION_ERROR")
    assert world.refusal(order(targeted_playtester_id="ann", **past), "game_2") == (422, "VALIDATION_ERROR")
    order_id = world.active(targeted_playtester_id="ann", **past)
    assert world.refusal(slot_commands.ClaimSlot(order_id=order_id, playtester_id="bob")) == (
        404,
        "NOT_FOUND",
    )
    world.claimed(order_id, "ann")


@pytest.mark.parametrize(
    "body",
    [
        order_commands.PayPlaytest(order_id="nothing"),
        order_commands.CancelPlaytest(order_id="nothing"),
        order_commands.ChangePlaytest(order_id="nothing"),
        order_commands.ApproveTrial(order_id="nothing"),
        order_commands.DeclineTrial(order_id="nothing"),
        slot_commands.ClaimSlot(order_id="nothing", playtester_id="ann"),
        account_commands.OpenPayment(amount_cents=2000, provider="x", order_id="nothing"),
    ],
)
def test_what_there_is_not_is_404_and_so_is_another_studios(body: order_commands.PayPlaytest) -> None:
    world = Playtests()
    order_id = world.active()
    assert world.refusal(body) == (404, "NOT_FOUND")
    theirs = type(body)(**(asdict(body) | {"order_id": order_id}))
    assert world.refusal(theirs, studio_id="user_2") == (404, "NOT_FOUND")


def test_a_blocked_slots_seat_stays_until_its_owner_or_time_ends_it() -> None:
    world = Playtests()
    slot_id = world.slot_in("blocked")
    assert world.slot(slot_id).status in LIVE
    world.at_ms += 7 * DAY_MS - 1
    assert world.given(slot_commands.BlockDue(slot_id=slot_id)) == []
    (unblocked,) = world.given(slot_commands.UnblockSlot(slot_id=slot_id))
    assert isinstance(unblocked, slot_events.SlotUnblocked)
    assert unblocked.slot.deadline_at_ms == world.at_ms + 24 * HOUR_MS
    assert unblocked.slot.due_at_ms == unblocked.slot.deadline_at_ms


def test_unblocking_after_7_days_is_too_late_also_before_the_due() -> None:
    world = Playtests()
    slot_id = world.slot_in("blocked")
    world.at_ms += 7 * DAY_MS
    assert world.refusal(slot_commands.UnblockSlot(slot_id=slot_id)) == (409, "deadline_passed")
    cancelled, _ = world.given(slot_commands.BlockDue(slot_id=slot_id))
    assert isinstance(cancelled, slot_events.SlotCancelled)
    assert cancelled.reason == "blocked_too_long"
