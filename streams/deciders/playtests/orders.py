"""Orders from their making to their cancelling, and free trials."""

from __future__ import annotations

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from schemas.envelope import CommandRejected
from schemas.playtests import names, order_events, slot_events
from schemas.playtests import order_commands as ask
from schemas.playtests.limits import KEYS_PER_SEAT_MAX, REVIEW_MS
from schemas.playtests.views import Money, Order, Progress, SlotCounts, SlotState
from streams.deciders.noun import Request, Verdict
from streams.deciders.playtests.applications import auto_reject
from streams.deciders.playtests.draft import Draft
from streams.deciders.playtests.eligibility import is_past_playtester
from streams.deciders.playtests.evolve_orders import key_digests
from streams.deciders.playtests.refusals import conflict, invalid, not_found, too_little_credit
from streams.deciders.playtests.seats import end
from streams.deciders.playtests.state import KEY_DIGEST_BYTES, OrderState, PlaytestsState
from streams.deciders.playtests.terms import review_due_at_ms


def order(state: PlaytestsState, request: Request, command: ask.OrderPlaytest) -> Verdict:
    """A new order, waiting for its payment; a trial is active at once."""
    draft = Draft(state, request)
    studio = draft.studio
    trial = command.is_free_public_trial
    if trial and request.game_id in studio.trials:
        return conflict("trial_used")
    targeted = command.targeted_playtester_id
    if targeted is not None and not is_past_playtester(studio, targeted, request.game_id):
        return invalid("targetedPlaytesterId", "must be a playtester with an accepted submission")
    fingerprints = [key.fingerprint for key in command.keys]
    if len(set(fingerprints)) < len(fingerprints):
        return invalid("keysForTesters", "must hold no key twice")
    drawn = command.order_id
    order_id = names.order_id(request.command_id) if isinstance(drawn, UnsetType) else drawn
    if order_id in studio.orders:  # of a key that was forgotten and used again, where the command draws none
        return conflict("wrong_status")
    made = Order(
        id=order_id,
        studio_id=request.studio_id,
        game_id=request.game_id,
        visibility=command.visibility,
        quantity=command.quantity,
        duration_minutes=command.duration_minutes,
        player_count=command.player_count,
        cost_per_slot_cents=0 if trial else command.cost_per_slot_cents,
        payout_cents=0 if trial else command.payout_cents,
        status="pending_payment",
        created_at_ms=request.at_ms,
        notes_for_testers=command.notes_for_testers,
        trial="pending" if trial else "none",
        targeting_type=command.targeting_type,
        past_playtester_scope=command.past_playtester_scope,
        targeted_playtester_id=targeted,
        selection_mode=command.selection_mode,
        qualifications=command.qualifications,
    )
    draft.emit(
        order_events.PlaytestOrdered(
            order=made,
            keys=[key.sealed for key in command.keys],
            key_fingerprints=fingerprints,
            **draft.of(made),
        )
    )
    if trial:
        _activate(draft, made, Money())
    elif command.pay_from_credit:
        return _paid(draft, made) or draft.decided()
    return draft.decided()


def change(state: PlaytestsState, request: Request, command: ask.ChangePlaytest) -> Verdict:
    """Other notes, more spare keys."""
    draft = Draft(state, request)
    known = draft.studio.orders.get(command.order_id)
    if known is None:
        return not_found("playtest")
    if known.order.status in {"completed", "cancelled"}:
        return conflict("wrong_status")
    problem = _keys_problem(known, command) if command.keys else None
    if problem is not None:
        return invalid("keysForTesters", problem)
    changed, changes = known.order, []
    if command.notes_for_testers is not UNSET and command.notes_for_testers != changed.notes_for_testers:
        changed = replace(changed, notes_for_testers=command.notes_for_testers)
        changes.append("notesForTesters")
    if command.keys:
        changes.append("keysForTesters")
    draft.emit(
        order_events.PlaytestChanged(
            order=changed,
            changed=changes,
            progress=known.progress,
            first_key_number=len(known.keys) + 1 if command.keys else 0,
            keys=[key.sealed for key in command.keys],
            key_fingerprints=[key.fingerprint for key in command.keys],
            **draft.of(changed),
        )
    )
    return draft.decided()


def pay(state: PlaytestsState, request: Request, command: ask.PayPlaytest) -> Verdict:
    """The total out of the credit, the slots open."""
    draft = Draft(state, request)
    known = draft.studio.orders.get(command.order_id)
    if known is None:
        return not_found("playtest")
    if known.order.status != "pending_payment":
        return conflict("wrong_status")
    return _paid(draft, known.order) or draft.decided()


def pay_if_wanted(draft: Draft, order_id: str) -> None:
    """Pay an order that still waits for it, where the credit suffices; else leave it."""
    known = draft.studio.orders.get(order_id)
    if known is not None and known.order.status == "pending_payment":
        _paid(draft, known.order)


def cancel(state: PlaytestsState, request: Request, command: ask.CancelPlaytest) -> Verdict:
    """Open and blocked slots are credited; reserved and submitted ones run to their end."""
    draft = Draft(state, request)
    known = draft.studio.orders.get(command.order_id)
    if known is None:
        return not_found("playtest")
    if known.order.status not in {"pending_payment", "active"}:
        return conflict("wrong_status")
    _cancel(draft, known)
    return draft.decided()


def approve_trial(state: PlaytestsState, request: Request, command: ask.ApproveTrial) -> Verdict:
    """A trial is offered."""
    draft = Draft(state, request)
    known = _pending_trial(draft, command.order_id)
    if isinstance(known, CommandRejected):
        return known
    approved = replace(known.order, trial="approved")
    draft.emit(order_events.TrialApproved(order=approved, progress=known.progress, **draft.of(approved)))
    return draft.decided()


def decline_trial(state: PlaytestsState, request: Request, command: ask.DeclineTrial) -> Verdict:
    """A trial is not, and its game may have another."""
    draft = Draft(state, request)
    known = _pending_trial(draft, command.order_id)
    if isinstance(known, CommandRejected):
        return known
    declined = replace(known.order, trial="declined")
    draft.emit(order_events.TrialDeclined(order=declined, progress=known.progress, **draft.of(declined)))
    _cancel(draft, draft.studio.orders[command.order_id])
    return draft.decided()


def _pending_trial(draft: Draft, order_id: str) -> OrderState | CommandRejected:
    known = draft.studio.orders.get(order_id)
    if known is None:
        return not_found("playtest")
    if known.order.trial != "pending" or known.order.status != "active":
        return conflict("wrong_status")
    return known


def _keys_problem(known: OrderState, command: ask.ChangePlaytest) -> str | None:
    if not known.key_digests:
        return "can only be added to a playtest that was ordered with keys"
    old = () if isinstance(command.old_fingerprints, UnsetType) else command.old_fingerprints
    digests = [key_digests([key.fingerprint]) for key in command.keys]
    former = {key_digests([one]) for fingerprints in old for one in fingerprints}
    held = known.key_digests
    before = {held[at : at + KEY_DIGEST_BYTES] for at in range(0, len(held), KEY_DIGEST_BYTES)}
    if len(before.union(digests)) < len(before) + len(digests) or not before.isdisjoint(former):
        return "must hold no key twice, and none that the playtest has had"
    spares_max = (KEYS_PER_SEAT_MAX - 1) * known.order.quantity
    spares = len(known.keys) - known.next_key + 1 + len(digests)
    return f"would make {spares} spare keys; at most {spares_max} are kept" if spares > spares_max else None


def _paid(draft: Draft, unpaid: Order) -> CommandRejected | None:
    total = unpaid.cost_per_slot_cents * unpaid.quantity
    balance_cents = draft.studio.account.balance_cents
    if balance_cents < total:
        return too_little_credit(balance_cents, total)
    money = Money(paid_cents=total, held_cents=total)
    draft.emit(
        order_events.PlaytestPaid(
            progress=Progress(money=money),
            movement=draft.movement("paid", -total, order_id=unpaid.id),
            **draft.of(unpaid),
        )
    )
    _activate(draft, unpaid, money)
    return None


def _activate(draft: Draft, made: Order, money: Money) -> None:
    manual = made.selection_mode == "manual"
    active = replace(
        made,
        status="active",
        activated_at_ms=draft.at_ms,
        applications_expire_at_ms=draft.at_ms + REVIEW_MS if manual else None,
    )
    has_keys = bool(draft.studio.orders[made.id].keys)
    slots = [
        SlotState(
            id=names.slot_id(made.id, number),
            number=number,
            status="open",
            created_at_ms=draft.at_ms,
            key_number=number if has_keys else None,
        )
        for number in range(1, made.quantity + 1)
    ]
    counts = SlotCounts(open=made.quantity)
    due_at_ms = review_due_at_ms(active, counts)
    draft.emit(
        order_events.PlaytestActivated(
            order=active,
            slots=slots,
            progress=Progress(money=money, slots=counts, due_at_ms=due_at_ms, activated_at_ms=draft.at_ms),
            **draft.of(active),
        )
    )


def _cancel(draft: Draft, known: OrderState) -> None:
    order_id = known.order.id
    cancelled = replace(known.order, status="cancelled")
    draft.emit(
        order_events.PlaytestCancelled(
            order=cancelled,
            progress=replace(known.progress, due_at_ms=None),
            trial_returned=known.order.trial != "none" and bool(known.open),
            **draft.of(cancelled),
        )
    )
    for number in sorted(known.slots):
        if known.slots[number].status in {"open", "blocked"}:
            end(
                draft,
                draft.studio.orders[order_id],
                number,
                slot_events.SlotCancelled,
                "cancelled",
                reason="order_cancelled",
            )
    auto_reject(draft, draft.studio.orders[order_id], "order_cancelled")
