"""What follows from an order's terms alone. Pure."""

from __future__ import annotations

from schemas.playtests.limits import SUBMIT_ALONE_MS, SUBMIT_TOGETHER_MS
from schemas.playtests.views import Order, SlotCounts


def submit_within_ms(order: Order) -> int:
    """From a reservation to its deadline; a retry has `SUBMIT_ALONE_MS` instead."""
    together = order.player_count > 1 or order.selection_mode == "manual"
    return SUBMIT_TOGETHER_MS if together else SUBMIT_ALONE_MS


def review_due_at_ms(order: Order, slots: SlotCounts) -> int | None:
    """When a ReviewDue has something to do: manual selection alone, while slots are open."""
    return order.applications_expire_at_ms if order.status == "active" and slots.open else None
