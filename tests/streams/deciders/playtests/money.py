"""What must hold of a playtests state after every event, read from the state alone."""

from __future__ import annotations

from collections import Counter

from schemas.playtests.batch_views import BatchCounts
from schemas.playtests.states import LIVE
from streams.deciders.playtests.batch_state import Batch
from streams.deciders.playtests.state import OrderState, PlaytestsState, StudioState


def check(state: PlaytestsState) -> None:
    """The contract's invariant, and that what is counted is what there is."""
    for studio in state.studios.values():
        assert studio.account.balance_cents >= 0
        for panel in studio.playtesters.values():
            assert panel.playtester.balance_cents >= 0
        for known in studio.orders.values():
            check_order(known)
        for batch in studio.batches.values():
            check_batch(batch)
        check_links(studio)


def check_order(known: OrderState) -> None:
    order, money, counts = known.order, known.progress.money, known.progress.slots
    assert money.paid_cents == (
        money.held_cents + money.payout_cents + money.fee_cents + money.credited_cents
    )
    assert known.progress.activated_at_ms == order.activated_at_ms
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
    assert bool(known.keys) <= bool(live or order.status == "pending_payment")
    check_keys(known)


def check_batch(batch: Batch) -> None:
    """What is counted is there; a code is kept while it can be handed out; invites have keys of their own."""
    states = [key.state for key in batch.keys.values()]
    counted = Counter[str](state.status for state in states)
    assert batch.counts == BatchCounts(keys=len(states), **counted)
    assert sorted(batch.keys) == list(range(1, len(states) + 1))
    assert dict(batch.numbers) == {state.id: state.number for state in states}
    available = [state.number for state in states if state.status == "available"]
    assert batch.next_number == min(available, default=len(states) + 1)
    for key in batch.keys.values():
        assert bool(key.code) == (key.state.status in {"available", "reserved"})
        assert (key.state.redemption is not None) >= (key.state.status == "redeemed")
    held = [invite.key_id for invite in batch.invites.values()]
    assert len(held) == len(set(held))


def check_links(studio: StudioState) -> None:
    """One device a handle, one handle a device, and a key was redeemed with the handle."""
    redeemed = {
        key.state.id: key.state.redemption
        for batch in studio.batches.values()
        for key in batch.keys.values()
        if key.state.redemption is not None
    }
    for game in studio.games.values():
        assert dict(game.devices) == {link.device_id: handle for handle, link in game.links.items()}
        for handle, link in game.links.items():
            redemption = redeemed[link.key_id]
            assert redemption is not None
            assert redemption.handle == link.handle
            assert link.handle.lower() == handle
            assert game.handles[handle] == link.key_id


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
