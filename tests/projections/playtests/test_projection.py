"""What playtests' commands leave in Redis: every read after every kind of event; applied again, the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from projections.playtests import slots
from projections.redis.reader import RedisReader
from schemas.playtests import (
    account_commands,
    account_events,
    names,
    order_commands,
    slot_commands,
    slot_events,
)
from schemas.playtests.ports import LEDGER_HEAD, Place
from schemas.playtests.states import SLOTS
from schemas.playtests.views import SLOT_STATUSES, Rating
from tests.projections.playtests.agreement import CREDIT, agrees
from tests.streams.deciders.playtests.given import DAY_MS, GAME, HOUR_MS, STUDIO, block, key, keys

if TYPE_CHECKING:
    from tests.projections.playtests.support import Projected

pytestmark = pytest.mark.stack


async def test_every_slot_status_and_what_was_said_on_the_way(projected: Projected) -> None:
    projected.given(CREDIT)
    for status in SLOT_STATUSES:
        slot_id = projected.slot_in(status)
        await agrees(projected)
        found = await projected.queries.slot(slot_id)
        assert found is not None
        assert (found.status, found.studio_id, found.game_id) == (status, STUDIO, GAME)
        assert (found.submission is not None) == (
            status in {"submitted", "accepted", "rejected", "publishing"}
        )
        assert (found.rejection is not None) == (status == "rejected")
        assert (found.blocked_report is not None) == (status == "blocked")
        projected.at_ms += 1
    manual = projected.slot_in("expired", selection_mode="manual")
    await agrees(projected)
    assert (await projected.queries.slot(manual)) is not None


async def test_what_follows_a_submission(projected: Projected) -> None:
    projected.given(CREDIT)
    queries = projected.queries
    slot_id = projected.slot_in("publishing")
    projected.given(slot_commands.PublishSlot(slot_id=slot_id, public_key="public/one"))
    projected.given(slot_commands.RateSlot(slot_id=slot_id, rating=Rating(score=4, comment="good")))
    projected.given(
        slot_commands.ApproveTranscript(slot_id=slot_id, version="claude", key="t/one", key_takeaways=["a"])
    )
    await agrees(projected)
    found = await queries.slot(slot_id)
    assert found is not None
    assert (found.status, found.public_key, found.rating) == (
        "accepted",
        "public/one",
        Rating(score=4, comment="good"),
    )
    assert found.transcription is not None
    assert (found.transcription.status, found.transcription.key) == ("approved", "t/one")
    (ann,) = (await queries.playtesters(STUDIO, ["ann", "nobody"])).values()
    assert (ann.accepted_count, ann.rating_total, ann.balance_cents) == (1, 4, 1000)
    (earned,) = await queries.earnings(STUDIO, "ann", limit=10)
    assert (earned.type, earned.amount_cents, earned.slot_id) == ("payout_earned", 1000, slot_id)
    joined = await queries.participation(STUDIO, "ann")
    assert (*joined.games, *joined.accepted_games) == (GAME, GAME)
    (told,) = await queries.notices(STUDIO, "ann", limit=10)
    assert (told.type, told.slot_id) == ("slot-accepted", slot_id)
    assert await queries.owed(STUDIO, 10) == [("ann", 1000)]
    projected.given(account_commands.SendPayout(playtester_id="ann", amount_cents=400))
    await agrees(projected)
    assert await queries.owed(STUDIO, 10) == [("ann", 600)]
    (payout,) = await queries.payouts(STUDIO, limit=10)
    assert (payout.amount_cents, payout.status) == (400, "sent")
    projected.given(account_commands.FailPayout(playtester_id="ann", payout_id=payout.id, reason="bank"))
    await agrees(projected)
    assert [row.status for row in await queries.payouts(STUDIO, limit=10)] == ["failed"]
    assert sum(row.amount_cents for row in await queries.earnings(STUDIO, "ann", limit=10)) == 1000


async def test_a_retry_an_abandoned_and_a_blocked_slot(projected: Projected) -> None:
    projected.given(CREDIT)
    queries = projected.queries
    order_id = projected.active(2, keys=keys(4))
    first = projected.submitted(order_id, "ann")
    projected.at_ms += 1
    projected.given(slot_commands.RejectSlot(slot_id=first, reason="too short", allow_retry=True))
    await agrees(projected)
    again, old = await queries.playtester_slots(STUDIO, "ann", limit=10)
    assert (old.id, old.status, again.status, again.previous_slot_id) == (
        first,
        "rejected",
        "reserved",
        first,
    )
    assert await queries.game_keys([again, old]) == ["sealed key 1", "sealed key 1"]
    other = projected.claimed(order_id, "bea")
    projected.given(block(other, "bea"))
    await agrees(projected)
    projected.given(slot_commands.UnblockSlot(slot_id=other))
    await agrees(projected)
    projected.at_ms += 1
    projected.given(slot_commands.AbandonSlot(slot_id=other, playtester_id="bea"))
    await agrees(projected)
    statuses = {slot.status for slot in (await queries.order_and_slots(order_id, limit=10))[1]}
    assert statuses == {"open", "reserved", "cancelled", "rejected"}
    assert await queries.joined(STUDIO, "bea", [order_id, "none"]) == {order_id}
    projected.given(order_commands.CancelPlaytest(order_id=order_id))
    await agrees(projected)
    messages = [(one.type, one.message) for one in await queries.notices(STUDIO, "ann", limit=10)]
    assert messages == [("slot-rejected", "too short")]
    assert [one.type for one in await queries.notices(STUDIO, "bea", limit=10)] == ["slot-unblocked"]
    projected.given(
        account_commands.ChangePlaytester(playtester_id="ann", display_name="Ann", validated=True)
    )
    await agrees(projected)
    assert (await queries.playtesters(STUDIO, ["ann"]))["ann"].display_name == "Ann"


async def test_applications_are_decided_and_a_forgotten_persons_texts_are_gone(projected: Projected) -> None:
    projected.given(CREDIT)
    queries = projected.queries
    order_id = projected.active(selection_mode="manual", quantity=2)
    ids = []
    for name in ("ann", "bea", "cid", "dan", "eve"):
        projected.at_ms += 1
        ids.append(projected.applied(order_id, name))
    await agrees(projected)
    found = await queries.application(ids[0])
    assert found is not None
    assert (found.qualifications_response, found.playtester_id) == ("sealed me", "ann")
    projected.given(order_commands.RejectApplication(application_id=ids[0], custom_message="next time"))
    projected.given(order_commands.WithdrawApplication(application_id=ids[1], playtester_id="bea"))
    projected.given(order_commands.ApproveApplication(application_id=ids[2]))
    await agrees(projected)
    projected.given(order_commands.ApproveApplication(application_id=ids[3]))
    await agrees(projected)
    statuses = [(await queries.application(one)).status for one in ids]  # type: ignore[union-attr]
    assert statuses == ["rejected", "withdrawn", "approved", "approved", "auto_rejected"]
    told = {
        name: [(one.type, one.message) for one in await queries.notices(STUDIO, name, limit=10)]
        for name in ("ann", "bea", "cid", "eve")
    }
    assert told == {
        "ann": [("application-rejected", "next time")],
        "bea": [],
        "cid": [("application-approved", None)],
        "eve": [("applications-auto-rejected", None)],
    }
    (own,) = await queries.playtester_applications(STUDIO, "cid", limit=10)
    assert (own.id, own.assigned_slot_id is not None, own.order_id) == (ids[2], True, order_id)
    projected.given(account_commands.ChangePlaytester(playtester_id="ann", display_name="Ann"))
    projected.given(account_commands.ForgetPlaytester(playtester_id="ann"))
    await agrees(projected)
    gone = await queries.application(ids[0])
    assert gone is not None
    assert gone.qualifications_response == ""
    assert await queries.notices(STUDIO, "ann", limit=10) == []
    assert (await queries.playtesters(STUDIO, ["ann"]))["ann"].display_name is None


async def test_trials_are_used_given_back_and_offered_once_approved(projected: Projected) -> None:
    queries = projected.queries
    assert await queries.trial_free(STUDIO, GAME)
    declined = projected.trial(approved=False)
    await agrees(projected)
    assert [row.order.id for row in await queries.trials(limit=10)] == [declined]
    projected.given(order_commands.DeclineTrial(order_id=declined))
    await agrees(projected)
    projected.at_ms += 1
    approved = projected.trial()
    await agrees(projected)
    assert [row.order.id for row in await queries.offered(STUDIO, limit=10)] == [approved]
    projected.claimed(approved)
    await agrees(projected)
    assert await queries.offered(STUDIO, limit=10) == []
    assert not await queries.trial_free(STUDIO, GAME)
    projected.at_ms += 3 * DAY_MS
    projected.given(slot_commands.SlotDue(slot_id=names.slot_id(approved, 1)))
    await agrees(projected)
    assert [row.order.id for row in await queries.offered(STUDIO, limit=10)] == [approved]


async def test_payments_the_account_and_its_ledger_beyond_what_redis_keeps(projected: Projected) -> None:
    queries = projected.queries
    opened = projected.given(account_commands.OpenPayment(amount_cents=2000, provider="test"))[0]
    assert isinstance(opened, account_events.PaymentOpened)
    payment_id = opened.payment.id
    await projected.apply()
    assert [one.status for one in await queries.payments(STUDIO, limit=10)] == ["pending"]
    projected.given(
        account_commands.CompletePayment(payment_id=payment_id, amount_cents=2000, external_id="x")
    )
    await agrees(projected)
    found = await queries.payment(payment_id)
    assert found is not None
    assert (found.status, found.external_id) == ("completed", "x")
    for number in range(LEDGER_HEAD + 20):
        projected.at_ms += number % 3 == 0
        projected.given(account_commands.AdjustAccount(amount_cents=1 + number, reason="more"))
    await agrees(projected)
    whole = sorted(projected.older.rows[""].values(), key=lambda row: (row.at_ms, row.id), reverse=True)
    before: Place | None = None
    read = []
    while rows := await queries.ledger(STUDIO, limit=7, before=before):
        read += rows
        before = Place(rows[-1].at_ms, rows[-1].id)
    assert read == whole
    asked = projected.older.asked
    assert await queries.ledger(STUDIO, limit=50) == whole[:50]
    assert projected.older.asked == asked


async def test_pages_hold_no_row_twice_while_rows_come_and_change(projected: Projected) -> None:
    projected.given(CREDIT)
    queries = projected.queries
    orders = [projected.active(7) for _ in range(3)]  # all at one moment
    projected.at_ms += 1
    orders.append(projected.active(7))
    await projected.apply()
    first = await queries.studio_slots(STUDIO, "open", limit=10)
    place = Place(first[-1].created_at_ms, first[-1].id)
    projected.at_ms += 1
    projected.active(5)
    projected.claimed(orders[0], "ann")
    await projected.apply()
    seen = [slot.id for slot in first]
    while rows := await queries.studio_slots(STUDIO, "open", limit=4, before=place):
        seen += [slot.id for slot in rows]
        place = Place(rows[-1].created_at_ms, rows[-1].id)
    assert len(set(seen)) == len(seen)
    assert len(seen) in {27, 28}  # the claimed one was on the first page, or left before it was read
    newest = await queries.game_orders(STUDIO, GAME, limit=2)
    place = Place(newest[-1].order.created_at_ms, newest[-1].order.id)
    older = await queries.game_orders(STUDIO, GAME, limit=9, before=place)
    found = [(row.order.created_at_ms, row.order.id) for row in (*newest, *older)]
    assert found == sorted(found, reverse=True)
    assert len(found) == 5


async def test_notes_and_spare_keys_change(projected: Projected) -> None:
    projected.given(CREDIT)
    order_id = projected.active(1, keys=keys(1))
    projected.given(
        order_commands.ChangePlaytest(order_id=order_id, notes_for_testers=None, keys=[key("spare")])
    )
    projected.claimed(order_id)
    projected.at_ms += 25 * HOUR_MS
    projected.given(slot_commands.SlotDue(slot_id=names.slot_id(order_id, 1)))
    await agrees(projected)
    _, (successor, _) = await projected.queries.order_and_slots(order_id, limit=10)
    assert (successor.status, await projected.queries.game_keys([successor])) == ("open", ["sealed spare"])


async def test_applied_again_nothing_changes_and_a_rebuild_is_equal(projected: Projected) -> None:
    projected.given(CREDIT)
    for status in SLOT_STATUSES:
        projected.slot_in(status)
        projected.at_ms += 1
    order_id = projected.active(selection_mode="manual", quantity=1)
    for name in ("ann", "bea"):
        projected.applied(order_id, name)
    projected.given(order_commands.ApproveApplication(application_id=names.application_id(order_id, 1)))
    projected.trial()
    await agrees(projected)
    assert (await projected.rebuilt(verify=True)).different == []
    half = len(projected.log.records[0]) // 2
    await projected.redis.hset(
        f"{projected.noun.name}:1:positions", mapping={"0:next": half, "0:src": half - 1}
    )
    await projected.redis.hdel(f"{projected.noun.name}:1:positions", "0:mark")
    again = RedisReader(projected.redis, projected.noun, log=projected.log)
    await again.assigned(0)
    for record in projected.log.records[0][half:]:
        await again.handle(record)
    await agrees(projected)
    assert (await projected.rebuilt(verify=True)).different == []
    assert (await projected.rebuilt(verify=False)).swapped
    await agrees(projected)


def test_a_slot_leaves_the_lists_of_every_status_that_the_table_gives_it() -> None:
    events: dict[str, list[type]] = {
        "claim": [slot_events.SlotReserved],
        "approve-application": [slot_events.SlotReserved],
        "review-due": [slot_events.SlotExpired],
        "submit": [slot_events.SlotSubmitted],
        "slot-due": [slot_events.SlotExpired],
        "abandon": [slot_events.SlotAbandoned],
        "block": [slot_events.SlotBlocked],
        "unblock": [slot_events.SlotUnblocked],
        "cancel-order": [slot_events.SlotCancelled],
        "cancel-slot": [slot_events.SlotCancelled],
        "block-due": [slot_events.SlotCancelled],
        "accept": [slot_events.SlotAccepted],
        "publish": [slot_events.SlotPublished],
        "reject": [slot_events.SlotRejected],
        "reject-with-retry": [slot_events.SlotRejected],
        "rate": [],
    }
    wanted: dict[type, set[str]] = {}
    for row in SLOTS:
        for event in events[row.command]:
            wanted.setdefault(event, set()).add(row.status)
    assert {event: set(statuses) for event, statuses in slots.BEFORE.items()} == wanted
