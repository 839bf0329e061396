"""What the projection in Redis answers is what the decider's state says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.playtests import (
    account_commands,
    names,
)
from schemas.playtests.views import SLOT_STATUSES
from tests.streams.deciders.playtests.given import GAME, STUDIO

if TYPE_CHECKING:
    from schemas.playtests.views import Slot
    from tests.projections.playtests.support import Projected


CREDIT = account_commands.AdjustAccount(amount_cents=10_000_000, reason="test")


def same_slot(projected: Projected, found: Slot | None) -> None:
    """A slot that was read is the decider's."""
    assert found is not None
    known = projected.slot(found.id)
    assert (found.status, found.playtester_id, found.deadline_at_ms, found.due_at_ms) == (
        known.status,
        known.playtester_id,
        known.deadline_at_ms,
        known.due_at_ms,
    )


async def agrees(projected: Projected) -> None:
    """Every list and count says what the decider's state says."""
    await projected.apply()
    queries, studio = projected.queries, projected.studio
    slots_by_status: dict[str, list[tuple[int, str]]] = {status: [] for status in SLOT_STATUSES}
    dues: dict[tuple[str, str], int] = {}
    for order_id, known in studio.orders.items():
        row = await queries.order(order_id)
        assert row is not None
        assert (row.order, row.money, row.slots) == (
            known.order,
            known.progress.money,
            known.progress.slots.by_status(),
        )
        if known.progress.due_at_ms is not None:
            dues["review", order_id] = known.progress.due_at_ms
        for number, slot in known.slots.items():
            slot_id = names.slot_id(order_id, number)
            slots_by_status[slot.status].append((slot.created_at_ms, slot_id))
            same_slot(projected, await queries.slot(slot_id))
            if slot.due_at_ms is not None:
                dues["block" if slot.status == "blocked" else "slot", slot_id] = slot.due_at_ms
        pool = {one.id: one.status for one in await queries.applications(order_id)}
        assert pool == {
            names.application_id(order_id, number): one.status for number, one in known.applications.items()
        }
    for status in SLOT_STATUSES:
        wanted = sorted(slots_by_status[status], reverse=True)
        found = await queries.studio_slots(STUDIO, status, limit=1000)
        assert [(slot.created_at_ms, slot.id) for slot in found] == wanted
        assert await queries.slots_of_status(STUDIO, status) == len(wanted)
    orders = [known.order for known in studio.orders.values()]
    active = [one for one in orders if one.status == "active"]
    assert await queries.active_orders(STUDIO) == len(active)
    offered = {
        one.id
        for one in active
        if one.trial in {"none", "approved"} and studio.orders[one.id].progress.slots.open
    }
    assert {row.order.id for row in await queries.offered(STUDIO, limit=1000)} == offered
    trials = {one.id for one in active if one.trial == "pending"}
    assert {row.order.id for row in await queries.trials(limit=1000)} == trials
    assert await queries.trial_free(STUDIO, GAME) == (GAME not in studio.trials)
    rows = await queries.dues(2**52, 1000)
    assert {(row.kind, row.id): row.due_at_ms for row in rows} == dues
    assert await queries.balance(STUDIO) == studio.account.balance_cents
    panel = {one: known.playtester for one, known in studio.playtesters.items()}
    found_panel = await queries.playtesters(STUDIO, list(panel))
    assert all(found_panel[one] == panel[one] for one in found_panel)
