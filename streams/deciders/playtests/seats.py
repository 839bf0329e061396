"""What becomes of a seat whose slot ends unaccepted: an open successor, or credit."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schemas.playtests import slot_events as ev
from schemas.playtests.account_views import LedgerRow
from schemas.playtests.views import Money, SlotState, SlotStatus
from streams.deciders.playtests.draft import Draft, complete_if_over, progress_after, slot_state
from streams.deciders.playtests.state import OrderState, Slot
from streams.deciders.playtests.terms import submit_within_ms


def end(
    draft: Draft,
    known: OrderState,
    number: int,
    kind: type[ev.SlotEnding],
    to: SlotStatus,
    *,
    may_reopen: bool = False,
    **of_event: Any,
) -> None:
    """End a slot; its seat reopens where it may and can, else its cost is credited. Completes the order."""
    slot = known.slots[number]
    ended = replace(slot, status=to, due_at_ms=None)
    successor, credit = None, None
    moves: dict[SlotStatus, int] = {slot.status: -1, to: 1}
    money = known.progress.money
    if may_reopen and _reopens(draft, known):
        successor = _open_successor(draft, known, number)
        moves["open"] = 1
    else:
        money, credit = credited(draft, known, number)
    progress = progress_after(known, moves, money)
    draft.emit(
        kind(
            slot=slot_state(known.order.id, number, ended),
            progress=progress,
            successor=successor,
            credit=credit,
            **draft.of(known.order),
            **of_event,
        )
    )
    complete_if_over(draft, known.order, progress)


def credited(draft: Draft, known: OrderState, number: int) -> tuple[Money, LedgerRow | None]:
    """The money of a slot comes back; a trial's is none."""
    money, cost = known.progress.money, known.order.cost_per_slot_cents
    if not cost:
        return money, None
    slot = slot_state(known.order.id, number, known.slots[number])
    row = draft.movement("credit", cost, order_id=known.order.id, slot_id=slot.id)
    back = replace(money, held_cents=money.held_cents - cost, credited_cents=money.credited_cents + cost)
    return back, row


def _reopens(draft: Draft, known: OrderState) -> bool:
    """While the order is active, a manual window open and, where keys were given, a spare left."""
    order = known.order
    if order.status != "active":
        return False
    expires_at_ms = order.applications_expire_at_ms
    if expires_at_ms is not None and draft.at_ms >= expires_at_ms:
        return False
    return not known.keys or known.next_key <= len(known.keys)


def _open_successor(draft: Draft, known: OrderState, number: int) -> SlotState:
    successor = Slot(
        status="open",
        created_at_ms=draft.at_ms,
        submit_within_ms=submit_within_ms(known.order),
        previous=number,
        key_number=known.next_key if known.keys else 0,
    )
    return slot_state(known.order.id, len(known.slots) + 1, successor)
