"""What happens to orders, as operations: rows, game keys, the lists that they are in, and trials."""

from __future__ import annotations

from typing import Any, Final

from projections.playtests import keys
from projections.playtests.context import Context, Step, encode
from projections.playtests.slots import open_slot
from projections.redis.operations import delete_field, set_field
from schemas.codec import Message
from schemas.playtests import order_events as ev
from schemas.playtests.views import Order


def _ordered(context: Context, event: ev.PlaytestOrdered) -> None:
    order = event.order
    context.listed(
        f"orders:{event.studio_id}/{event.game_id}", keys.place(order.created_at_ms, order.id), there=True
    )
    _keys(context, order.id, 1, event.keys)
    if order.trial != "none":
        context.add(set_field(f"used-trials:{event.studio_id}", event.game_id, order.id))
    context.ordered[order.id] = order


def _keys(context: Context, order_id: str, first: int, sealed: list[str]) -> None:
    key = f"keys:{order_id}"
    context.add(*(set_field(key, str(number), text) for number, text in enumerate(sealed, first)))


def _changed(context: Context, event: Any) -> None:
    """An order and what is counted over it, as they are now."""
    context.ordered[event.order_id] = event.order
    context.progressed[event.order_id] = (event, event.progress)


def _activated(context: Context, event: ev.PlaytestActivated) -> None:
    for slot in event.slots:
        open_slot(context, event, slot)
    _changed(context, event)


def _more_keys(context: Context, event: ev.PlaytestChanged) -> None:
    _keys(context, event.order_id, event.first_key_number, event.keys)
    _changed(context, event)


def _cancelled(context: Context, event: ev.PlaytestCancelled) -> None:
    if event.trial_returned:
        context.add(delete_field(f"used-trials:{event.studio_id}", event.game_id))
    _changed(context, event)


def settle(context: Context) -> None:
    """Set what the last event of each order said of it, and put it into its lists."""
    for order_id, order in context.ordered.items():
        context.add(set_field(keys.order_key(order_id), "order", encode(order)))
        if order.activated_at_ms is not None:
            place, active = keys.place(order.activated_at_ms, order_id), order.status == "active"
            context.listed(f"active:{order.studio_id}", place, there=active)
            if order.trial != "none":
                context.listed(keys.TRIALS, place, there=active and order.trial == "pending")
    for event, progress in context.progressed.values():
        order_id, studio_id = event.order_id, event.studio_id
        context.add(set_field(keys.order_key(order_id), "progress", encode(progress)))
        context.due(keys.due_member("review", studio_id, order_id, event.game_id), progress.due_at_ms)
        if progress.activated_at_ms is not None:
            offered = progress.slots.open > 0 and _is_offered(context.ordered.get(order_id))
            place = keys.place(progress.activated_at_ms, order_id)
            context.listed(f"offered:{studio_id}", place, there=offered)


def _is_offered(order: Order | None) -> bool:
    """Whether an order is open to playtesters. Where only its slots moved, it was and is."""
    return order is None or (order.status == "active" and order.trial in {"none", "approved"})


STEPS: Final[dict[type[Message], Step]] = {
    ev.PlaytestOrdered: _ordered,
    ev.PlaytestActivated: _activated,
    ev.PlaytestChanged: _more_keys,
    ev.PlaytestCancelled: _cancelled,
    ev.PlaytestCompleted: _changed,
    ev.TrialApproved: _changed,
    ev.TrialDeclined: _changed,
}
