"""What commands answer, from their events alone: all that S2 shows is in them."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import pytest

from schemas.codec import Message
from schemas.playtests import account_commands, answers, order_commands, slot_commands
from schemas.playtests import slot_events as ev
from schemas.playtests.slot_commands import StoredObject
from schemas.playtests.views import Money, Rating
from tests.streams.deciders.playtests.given import COST, PAYOUT, Playtests, block, keys, order, submit

AnswerT = TypeVar("AnswerT", bound=msgspec.Struct)


def answer(kind: type[AnswerT], status: int, events: list[Message]) -> AnswerT:
    found, body = answers.answer_to(events)
    assert found == status
    assert isinstance(body, kind)
    return body


def test_an_order_is_answered_as_it_stands_with_its_slots_once_they_are_open() -> None:
    world = Playtests(5000)
    ordered = answer(answers.OrderAnswer, 201, world.given(order(2)))
    assert (ordered.order.status, ordered.opened, ordered.balance_cents) == ("pending_payment", [], None)
    paid = answer(
        answers.OrderAnswer, 200, world.given(order_commands.PayPlaytest(order_id=ordered.order.id))
    )
    assert (paid.order.status, len(paid.opened), paid.balance_cents) == ("active", 2, 1000)
    assert paid.money == Money(paid_cents=2 * COST, held_cents=2 * COST)
    assert paid.slots["open"] == 2
    changed = answer(
        answers.OrderAnswer,
        200,
        world.given(order_commands.ChangePlaytest(order_id=ordered.order.id, notes_for_testers="hi")),
    )
    assert (changed.order.notes_for_testers, changed.slots["open"]) == ("hi", 2)
    ended = answer(
        answers.OrderAnswer, 200, world.given(order_commands.CancelPlaytest(order_id=ordered.order.id))
    )
    assert (ended.order.status, ended.slots["cancelled"], ended.balance_cents) == ("cancelled", 2, 5000)
    assert ended.money.credited_cents == 2 * COST


def test_an_order_that_is_paid_at_once_is_active_in_its_answer() -> None:
    world = Playtests()
    paid = answer(answers.OrderAnswer, 201, world.given(order(1, pay_from_credit=True)))
    assert (paid.order.status, len(paid.opened), paid.money.held_cents) == ("active", 1, COST)


def test_a_slot_that_was_given_up_shows_its_payout_and_no_key() -> None:
    world = Playtests()
    slot_id = world.claimed(world.active(1, keys=keys(1)))
    gone = answer(
        answers.SlotAnswer, 200, world.given(slot_commands.AbandonSlot(slot_id=slot_id, playtester_id="ann"))
    )
    assert (gone.slot.status, gone.slot.game_key, gone.payout_cents) == ("cancelled", "", PAYOUT)


def test_a_playtester_is_answered_key_notes_and_payout() -> None:
    world = Playtests()
    order_id = world.active(2, keys=keys(2))
    claimed = answer(
        answers.SlotAnswer, 201, world.given(slot_commands.ClaimSlot(order_id=order_id, playtester_id="ann"))
    )
    assert (claimed.slot.game_key, claimed.notes_for_testers) == ("sealed key 1", "be kind")
    assert (claimed.slot.status, claimed.payout_cents) == ("reserved", PAYOUT)
    own = StoredObject(key="t", size_bytes=1)
    submitted = answer(
        answers.SlotAnswer, 200, world.given(submit(claimed.slot.id, notes="n", transcript=own))
    )
    assert submitted.slot.submission is not None
    assert submitted.slot.submission.notes == "n"
    assert submitted.slot.transcription is not None
    assert (submitted.slot.transcription.version, submitted.slot.game_key) == ("uploaded", "sealed key 1")
    other = world.claimed(order_id, "bob")
    blocked = answer(answers.SlotAnswer, 200, world.given(block(other, "bob")))
    assert blocked.slot.blocked_report is not None
    assert (blocked.slot.blocked_report.reason_code, blocked.slot.game_key) == ("crash", "sealed key 2")


def test_an_owner_is_answered_who_has_the_seat_now() -> None:
    world = Playtests()
    slot_id = world.submitted(world.active())
    retried = answer(
        answers.SlotAnswer,
        200,
        world.given(slot_commands.RejectSlot(slot_id=slot_id, reason="x", allow_retry=True)),
    )
    assert retried.slot.rejection is not None
    assert retried.successor is not None
    assert (retried.successor.status, retried.successor.previous_slot_id) == ("reserved", slot_id)
    world.given(submit(retried.successor.id))
    accept = slot_commands.AcceptSlot(slot_id=retried.successor.id, rating=Rating(score=5))
    accepted = answer(answers.SlotAnswer, 200, world.given(accept))
    assert (accepted.slot.status, accepted.slot.rating) == ("accepted", Rating(score=5))


@pytest.mark.parametrize("what", ["approve", "reject", "withdraw"])
def test_an_application_is_answered_whole(what: str) -> None:
    world = Playtests()
    world.given(account_commands.ChangePlaytester(playtester_id="ann", display_name="Ann"))
    order_id = world.active(2, selection_mode="manual")
    made = answer(
        answers.ApplicationAnswer,
        201,
        world.given(
            order_commands.MakeApplication(
                order_id=order_id, playtester_id="ann", qualifications_response="sealed"
            )
        ),
    )
    assert (made.application.status, made.applicant.display_name) == ("pending", "Ann")
    body: Message = order_commands.ApproveApplication(application_id=made.application.id)
    if what == "reject":
        body = order_commands.RejectApplication(application_id=made.application.id)
    elif what == "withdraw":
        body = order_commands.WithdrawApplication(application_id=made.application.id, playtester_id="ann")
    left = answer(answers.ApplicationAnswer, 200, world.given(body))
    assert left.application.qualifications_response == "sealed"
    assert left.application.reviewed_at_ms == world.at_ms
    assert (left.application.assigned_slot_id is not None) == (what == "approve")
    assert left.slots_remaining == (1 if what == "approve" else 0)


def test_what_changes_nothing_is_done() -> None:
    assert answers.answer_to([]) == (200, answers.DoneAnswer())
    world = Playtests()
    slot_id = world.accepted()
    rated = world.given(slot_commands.RateSlot(slot_id=slot_id, rating=Rating(score=1)))
    assert isinstance(rated[0], ev.SlotRated)
    assert answers.answer_to(rated) == (200, answers.DoneAnswer())
