"""What happens to orders, as operations: rows, game keys, the lists that they are in, and trials."""

from __future__ import annotations

from typing import Any, Final

from projections.playtests import keys
from projections.playtests.setting import Setting, Step, encode
from projections.playtests.slots import open_slot
from projections.redis.operations import delete_field, set_field
from schemas.codec import Message
from schemas.playtests import order_events as ev
from schemas.playtests.views import Order


def _ordered(setting: Setting, event: ev.PlaytestOrdered) -> None:
    order = event.order
    setting.listed(
        f"orders:{event.studio_id}/{event.game_id}", keys.place(order.created_at_ms, order.id), there=True
    )
    _keys(setting, order.id, 1, event.keys)
    if order.trial != "none":
        setting.add(set_field(f"used-trials:{event.studio_id}", event.game_id, order.id))
    setting.ordered[order.id] = order


def _keys(setting: Setting, order_id: str, first: int, sealed: list[str]) -> None:
    key = f"keys:{order_id}"
    setting.add(*(set_field(key, str(number), text) for number, text in enumerate(sealed, first)))


def _changed(setting: Setting, event: Any) -> None:
    """An order and what is counted over it, as they are now."""
    setting.ordered[event.order_id] = event.order
    setting.progressed[event.order_id] = (event, event.progress)


def _activated(setting: Setting, event: ev.PlaytestActivated) -> None:
    for slot in event.slots:
        open_slot(setting, event, slot)
    _changed(setting, event)


def _more_keys(setting: Setting, event: ev.PlaytestChanged) -> None:
    _keys(setting, event.order_id, event.first_key_number, event.keys)
    _changed(setting, event)


def _cancelled(setting: Setting, event: ev.PlaytestCancelled) -> None:
    if event.trial_returned:
        setting.add(delete_field(f"used-trials:{event.studio_id}", event.game_id))
    _changed(setting, event)


def settle(setting: Setting) -> None:
    """Set what the last event of each order said of it, and put it into its lists."""
    for order_id, order in setting.ordered.items():
        setting.add(set_field(keys.order_key(order_id), "order", encode(order)))
        if order.activated_at_ms is not None:
            place, active = keys.place(order.activated_at_ms, order_id), order.status == "active"
            setting.listed(f"active:{order.studio_id}", place, there=active)
            if order.trial != "none":
                setting.listed(keys.TRIALS, place, there=active and order.trial == "pending")
    for event, progress in setting.progressed.values():
        order_id, studio_id = event.order_id, event.studio_id
        setting.add(set_field(keys.order_key(order_id), "progress", encode(progress)))
        setting.due(keys.due_member("review", studio_id, order_id, event.game_id), progress.due_at_ms)
        if progress.activated_at_ms is not None:
            offered = progress.slots.open > 0 and _is_offered(setting.ordered.get(order_id))
            place = keys.place(progress.activated_at_ms, order_id)
            setting.listed(f"offered:{studio_id}", place, there=offered)


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
