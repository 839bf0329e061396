"""What must hold of a playtests state after every event, read from the state alone."""

from __future__ import annotations

from collections import Counter

from schemas.playtests.states import LIVE
from streams.deciders.playtests.state import OrderState, PlaytestsState


def check(state: PlaytestsState) -> None:
    """The contract's invariant, and that what is counted is what there is."""
    for studio in state.studios.values():
        assert studio.account.balance_cents >= 0
        for panel in studio.playtesters.values():
            assert panel.playtester.balance_cents >= 0
        for known in studio.orders.values():
            check_order(known)


def check_order(known: OrderState) -> None:
    order, money, counts = known.order, known.progress.money, known.progress.slots
    assert money.paid_cents == (
        money.held_cents + money.payout_cents + money.fee_cents + money.credited_cents
    )
    assert min(money.held_cents, money.payout_cents, money.fee_cents, money.credited_cents) >= 0
    statuses = Counter(slot.status for slot in known.slots.values())
    assert counts.by_status() == dict.fromkeys(counts.by_status(), 0) | statuses
    assert known.open == tuple(sorted(n for n, slot in known.slots.items() if slot.status == "open"))
    assert sorted(known.slots) == list(range(1, len(known.slots) + 1))
    live = sum(count for status, count in statuses.items() if status in LIVE)
    if order.status != "pending_payment":
        assert money.held_cents == live * order.cost_per_slot_cents
        assert (order.status == "completed") <= (live == 0)
    pending = [one for one in known.applications.values() if one.status == "pending"]
    assert known.pending == len(pending)
    check_keys(known)


def check_keys(known: OrderState) -> None:
    """A key is on one live slot at most, and never on two slots but for a retry."""
    held = Counter(
        slot.key_number for slot in known.slots.values() if slot.key_number and slot.status in LIVE
    )
    assert all(count == 1 for count in held.values())
    for slot in known.slots.values():
        if slot.key_number and slot.previous:
            before = known.slots[slot.previous]
            assert (slot.key_number == before.key_number) == (before.status == "rejected")
