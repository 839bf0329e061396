"""Top-ups, adjustments, earnings, payouts, ratings, transcripts, and a person who is forgotten."""

from __future__ import annotations

import pytest

from schemas.playtests import (
    account_commands,
    account_events,
    names,
    order_commands,
    order_events,
    slot_commands,
    slot_events,
)
from schemas.playtests.answers import PaymentAnswer, answer_to
from schemas.playtests.limits import BALANCE_CENTS_MAX
from schemas.playtests.slot_commands import StoredObject
from schemas.playtests.views import Rating
from tests.streams.deciders.playtests.given import COST, PAYOUT, Playtests, kinds, only, submit


def opened(world: Playtests, amount_cents: int = 5000, order_id: str | None = None) -> str:
    body = account_commands.OpenPayment(amount_cents=amount_cents, provider="test", order_id=order_id)
    return only(account_events.PaymentOpened, world.given(body)).payment.id


def complete(
    payment_id: str, amount_cents: int = 5000, external_id: str = "x"
) -> account_commands.CompletePayment:
    return account_commands.CompletePayment(
        payment_id=payment_id, amount_cents=amount_cents, external_id=external_id
    )


def fail(payment_id: str, amount_cents: int = 5000, external_id: str = "x") -> account_commands.FailPayment:
    return account_commands.FailPayment(
        payment_id=payment_id, amount_cents=amount_cents, external_id=external_id
    )


def test_a_payment_is_credit_once() -> None:
    world = Playtests(0)
    payment_id = opened(world)
    (completed,) = world.given(complete(payment_id))
    assert isinstance(completed, account_events.PaymentCompleted)
    assert (completed.payment.status, completed.movement.balance_cents) == ("completed", 5000)
    assert world.given(complete(payment_id)) == []
    assert world.refusal(complete(payment_id, external_id="y")) == (409, "wrong_status")
    assert world.refusal(fail(payment_id)) == (409, "wrong_status")
    assert world.studio.account.balance_cents == 5000


def test_a_key_that_was_forgotten_opens_another_payment_and_leaves_the_first_as_it_ended() -> None:
    playtests = Playtests(0)
    opening = account_commands.OpenPayment(amount_cents=5000, provider="external")
    first, second = (
        only(account_events.PaymentOpened, playtests.given(opening, command_id="c")).payment.id
        for _ in range(2)
    )
    assert first == names.payment_id("c") != second
    playtests.given(account_commands.CompletePayment(payment_id=first, amount_cents=5000, external_id="x"))
    third = only(account_events.PaymentOpened, playtests.given(opening, command_id="c")).payment.id
    assert len({first, second, third}) == 3
    assert playtests.studio.payments[first].status == "completed"
    assert playtests.studio.account.balance_cents == 5000


def test_a_failed_payment_is_none() -> None:
    world = Playtests(0)
    payment_id = opened(world)
    world.given(fail(payment_id))
    assert world.given(fail(payment_id)) == []
    assert world.refusal(complete(payment_id)) == (409, "wrong_status")
    assert world.studio.account.balance_cents == 0


def test_another_amount_and_an_unknown_payment_are_refused() -> None:
    world = Playtests(0)
    payment_id = opened(world)
    assert world.refusal(complete(payment_id, 5001)) == (409, "amount_mismatch")
    assert world.refusal(complete("nothing")) == (404, "NOT_FOUND")
    assert world.refusal(complete(payment_id), studio_id="user_2") == (404, "NOT_FOUND")


def test_a_payment_pays_its_order() -> None:
    world = Playtests(0)
    order_id = world.ordered(2)
    payment_id = opened(world, 5000, order_id)
    events = world.given(complete(payment_id))
    assert kinds(events) == ["PaymentCompleted", "PlaytestPaid", "PlaytestActivated"]
    _, answer = answer_to(events)
    assert isinstance(answer, PaymentAnswer)
    assert (answer.payment.status, answer.balance_cents) == ("completed", 1000)
    assert world.studio.account.balance_cents == 1000
    assert world.refusal(
        account_commands.OpenPayment(amount_cents=2000, provider="t", order_id=order_id)
    ) == (
        409,
        "wrong_status",
    )


@pytest.mark.parametrize("before", ["paid", "cancelled", "too little"])
def test_a_payment_that_comes_late_is_credit_alone(before: str) -> None:
    world = Playtests(0)
    order_id = world.ordered(2)
    payment_id = opened(world, 2000 if before == "too little" else 5000, order_id)
    if before == "paid":
        world.given(account_commands.AdjustAccount(amount_cents=2 * COST, reason="gift"))
        world.given(order_commands.PayPlaytest(order_id=order_id))
    elif before == "cancelled":
        world.given(order_commands.CancelPlaytest(order_id=order_id))
    amount = 2000 if before == "too little" else 5000
    assert kinds(world.given(complete(payment_id, amount))) == ["PaymentCompleted"]
    assert world.studio.account.balance_cents == amount


def test_the_operator_adjusts_within_limits() -> None:
    world = Playtests(100)
    (adjusted,) = world.given(account_commands.AdjustAccount(amount_cents=-40, reason="mistake"))
    assert isinstance(adjusted, account_events.AccountAdjusted)
    assert (adjusted.movement.number, adjusted.movement.balance_cents) == (2, 60)
    assert adjusted.movement.reason == "mistake"
    assert world.refusal(account_commands.AdjustAccount(amount_cents=-61, reason="x")) == (
        409,
        "insufficient_balance",
    )
    too_much = account_commands.AdjustAccount(amount_cents=BALANCE_CENTS_MAX, reason="x")
    assert world.refusal(too_much) == (409, "balance_limit")


def test_an_accepted_submission_pays_its_playtester() -> None:
    world = Playtests()
    world.accepted()
    slot_id = world.submitted(world.active(), "ann")
    accepted = only(
        slot_events.SlotAccepted,
        world.given(slot_commands.AcceptSlot(slot_id=slot_id, rating=Rating(score=4))),
    )
    assert accepted.earning is not None
    assert (accepted.earning.number, accepted.earning.balance_cents) == (2, 2 * PAYOUT)
    told = accepted.playtester
    assert (told.accepted_count, told.rating_total, told.rating_count, told.balance_cents) == (2, 4, 1, 2000)


def test_the_last_rating_of_a_slot_counts() -> None:
    world = Playtests()
    slots = [world.accepted(), world.accepted()]
    for slot_id, score in ((slots[0], 1), (slots[1], 4), (slots[0], 5)):
        (rated,) = world.given(slot_commands.RateSlot(slot_id=slot_id, rating=Rating(score=score)))
    assert isinstance(rated, slot_events.SlotRated)
    assert (rated.playtester.rating_total, rated.playtester.rating_count) == (9, 2)


def test_payouts_are_sent_and_come_back() -> None:
    world = Playtests()
    world.accepted()
    send = account_commands.SendPayout(playtester_id="ann", amount_cents=700, external_id="bank 1")
    sent = only(account_events.PayoutSent, world.given(send))
    assert sent.playtester.balance_cents == 300
    assert world.refusal(send) == (409, "insufficient_balance")
    back = account_commands.FailPayout(playtester_id="ann", payout_id=sent.payout.id, reason="closed account")
    failed = only(account_events.PayoutFailed, world.given(back))
    assert (failed.playtester.balance_cents, failed.payout.status) == (1000, "failed")
    assert world.refusal(back) == (409, "wrong_status")
    assert world.refusal(account_commands.SendPayout(playtester_id="bob", amount_cents=1)) == (
        404,
        "NOT_FOUND",
    )
    nothing = account_commands.SendPayout(playtester_id="ann", amount_cents=0)
    assert world.refusal(nothing) == (422, "VALIDATION_ERROR")


def test_a_playtester_says_something_of_themselves() -> None:
    world = Playtests()
    world.given(
        account_commands.ChangePlaytester(playtester_id="ann", display_name="Ann", gaming_experience="lots")
    )
    world.given(account_commands.ChangePlaytester(playtester_id="ann", validated=True))
    validated_at_ms = world.at_ms
    world.at_ms += 5
    (changed,) = world.given(
        account_commands.ChangePlaytester(playtester_id="ann", gaming_experience=None, validated=True)
    )
    assert isinstance(changed, account_events.PlaytesterChanged)
    told = changed.playtester
    assert (told.display_name, told.gaming_experience, told.validated_at_ms) == ("Ann", None, validated_at_ms)


def test_a_forgotten_playtester_has_money_alone() -> None:
    world = Playtests()
    world.accepted()
    manual, automatic = world.active(selection_mode="manual"), world.active()
    world.given(account_commands.ChangePlaytester(playtester_id="ann", display_name="Ann"))
    world.applied(manual)
    forget = account_commands.ForgetPlaytester(playtester_id="ann")
    withdrawn, forgotten = world.given(forget)
    assert isinstance(withdrawn, order_events.ApplicationWithdrawn)
    assert isinstance(forgotten, account_events.PlaytesterForgotten)
    assert (forgotten.playtester.display_name, forgotten.playtester.balance_cents) == (None, PAYOUT)
    assert all(not one.response for one in world.known(manual).applications.values())
    assert world.given(forget) == []
    claim = slot_commands.ClaimSlot(order_id=automatic, playtester_id="ann")
    assert world.refusal(claim) == (409, "not_eligible")
    assert world.refusal(account_commands.ChangePlaytester(playtester_id="ann", display_name="A")) == (
        404,
        "NOT_FOUND",
    )
    assert world.refusal(account_commands.ForgetPlaytester(playtester_id="bob")) == (404, "NOT_FOUND")


def test_a_playtesters_own_transcript_is_approved_at_once() -> None:
    world = Playtests()
    slot_id = world.claimed(world.active())
    own = StoredObject(key="transcripts/own", size_bytes=9)
    submitted, approved = world.given(submit(slot_id, transcript=own, transcribe=True))
    assert isinstance(approved, slot_events.TranscriptApproved)
    assert (approved.transcription.version, approved.transcription.key) == ("uploaded", "transcripts/own")
    assert isinstance(submitted, slot_events.SlotSubmitted)


def test_a_transcriber_is_asked_begins_and_fails_or_is_done() -> None:
    world = Playtests()
    slot_id = world.claimed(world.active())
    start, failing = (
        slot_commands.StartTranscript(slot_id=slot_id),
        slot_commands.FailTranscript(slot_id=slot_id),
    )
    done = slot_commands.ApproveTranscript(slot_id=slot_id, version="claude", key="t", key_takeaways=["bug"])
    assert world.given(start) == []
    assert world.refusal(done) == (409, "wrong_status")
    _, requested = world.given(submit(slot_id, transcribe=True))
    assert isinstance(requested, slot_events.TranscriptRequested)
    assert requested.transcription.status == "pending"
    (begun,) = world.given(start)
    assert isinstance(begun, slot_events.TranscriptRequested)
    assert begun.transcription.status == "processing"
    assert kinds(world.given(failing)) == ["TranscriptFailed"]
    assert world.given(failing) == world.given(start) == []
    (approved,) = world.given(done)
    assert isinstance(approved, slot_events.TranscriptApproved)
    assert approved.transcription.key_takeaways == ["bug"]
    assert world.given(failing) == []


def test_an_effects_publication_is_taken_once_and_an_unknown_slots_refused() -> None:
    world = Playtests()
    slot_id = world.slot_in("publishing")
    publish = slot_commands.PublishSlot(slot_id=slot_id, public_key="public/one")
    (published,) = world.given(publish)
    assert isinstance(published, slot_events.SlotPublished)
    assert published.slot.status == "accepted"
    assert world.given(publish) == []
    assert world.refusal(slot_commands.PublishSlot(slot_id="x", public_key="y")) == (404, "NOT_FOUND")
