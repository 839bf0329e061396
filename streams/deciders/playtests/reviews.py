"""What an owner says of a submission: accepted, rejected, rated; and its publication."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.envelope import CommandRejected
from schemas.playtests import slot_commands as ask
from schemas.playtests import slot_events as ev
from schemas.playtests.limits import SUBMIT_ALONE_MS
from schemas.playtests.views import Playtester, Rating, Rejection, SlotStatus
from streams.deciders.noun import Request, Verdict
from streams.deciders.playtests.draft import (
    Draft,
    complete_if_over,
    progress_after,
    progress_moved,
    slot_state,
)
from streams.deciders.playtests.seats import end
from streams.deciders.playtests.slots import Found, find
from streams.deciders.playtests.state import PlaytestsState, Slot


def accept(state: PlaytestsState, request: Request, command: ask.AcceptSlot) -> Verdict:
    """The playtester earns the payout, the rest of the cost is the fee."""
    draft = Draft(state, request)
    found = find(draft, command.slot_id, "accept")
    if isinstance(found, CommandRejected):
        return found
    known, number, slot = found
    order = known.order
    to: SlotStatus = "publishing" if order.visibility == "public" else "accepted"
    money, cost, payout = known.progress.money, order.cost_per_slot_cents, order.payout_cents
    progress = progress_after(
        known,
        {"submitted": -1, to: 1},
        replace(
            money,
            held_cents=money.held_cents - cost,
            payout_cents=money.payout_cents + payout,
            fee_cents=money.fee_cents + cost - payout,
        ),
    )
    panel = draft.playtester(slot.playtester_id or "")
    earning = None
    if payout:
        earning = draft.earning(panel, "payout_earned", payout, order_id=order.id, slot_id=command.slot_id)
    playtester = replace(
        panel.playtester,
        accepted_count=panel.playtester.accepted_count + 1,
        balance_cents=panel.playtester.balance_cents + payout,
    )
    if command.rating is not None:
        playtester = _rated(playtester, 0, command.rating)
    draft.emit(
        ev.SlotAccepted(
            slot=slot_state(order.id, number, replace(slot, status=to)),
            progress=progress,
            playtester=playtester,
            earning=earning,
            rating=command.rating,
            **draft.of(order),
        )
    )
    complete_if_over(draft, order, progress)
    return draft.decided()


def reject(state: PlaytestsState, request: Request, command: ask.RejectSlot) -> Verdict:
    """The seat is credited, or the same playtester tries again with the same key."""
    draft = Draft(state, request)
    found = find(draft, command.slot_id, "reject-with-retry" if command.allow_retry else "reject")
    if isinstance(found, CommandRejected):
        return found
    rejection = Rejection(created_at_ms=request.at_ms, reason=command.reason)
    if command.allow_retry:
        _retry(draft, found, rejection)
    else:
        end(draft, found[0], found[1], ev.SlotRejected, "rejected", rejection=rejection)
    return draft.decided()


def _retry(draft: Draft, found: Found, rejection: Rejection) -> None:
    known, number, slot = found
    order = known.order
    deadline_at_ms = draft.at_ms + SUBMIT_ALONE_MS
    successor = Slot(
        "reserved",
        draft.at_ms,
        SUBMIT_ALONE_MS,
        deadline_at_ms,
        deadline_at_ms,
        slot.playtester_id,
        number,
        slot.key_number,
    )
    draft.emit(
        ev.SlotRejected(
            slot=slot_state(order.id, number, replace(slot, status="rejected")),
            progress=progress_after(known, {"submitted": -1, "rejected": 1, "reserved": 1}),
            successor=slot_state(order.id, len(known.slots) + 1, successor),
            credit=None,
            rejection=rejection,
            allow_retry=True,
            **draft.of(order),
        )
    )


def rate(state: PlaytestsState, request: Request, command: ask.RateSlot) -> Verdict:
    """The last rating of a slot counts."""
    draft = Draft(state, request)
    found = find(draft, command.slot_id, "rate")
    if isinstance(found, CommandRejected):
        return found
    known, number, slot = found
    panel = draft.playtester(slot.playtester_id or "")
    draft.emit(
        ev.SlotRated(
            slot_id=command.slot_id,
            slot_number=number,
            rating=command.rating,
            playtester=_rated(panel.playtester, slot.rating, command.rating),
            **draft.of(known.order),
        )
    )
    return draft.decided()


def publish(state: PlaytestsState, request: Request, command: ask.PublishSlot) -> Verdict:
    """An effect has copied the recording. Otherwise, or again: nothing."""
    draft = Draft(state, request)
    found = find(draft, command.slot_id, "publish")
    if isinstance(found, CommandRejected):
        return found if found.status == 404 else ()
    known, number, slot = found
    draft.emit(
        ev.SlotPublished(
            slot=slot_state(known.order.id, number, replace(slot, status="accepted")),
            progress=progress_moved(known, "publishing", "accepted"),
            public_key="" if slot.playtester_id in draft.studio.forgotten else command.public_key,
            **draft.of(known.order),
        )
    )
    return draft.decided()


def _rated(playtester: Playtester, before: int, rating: Rating) -> Playtester:
    return replace(
        playtester,
        rating_total=playtester.rating_total - before + rating.score,
        rating_count=playtester.rating_count + (not before),
    )
