"""What Redis shows of orders, slots, applications and money, against the drill's model."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.playtests import keys
from schemas.playtests import names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from deploy.lab.drill.playtests_accounts import Order, Studio
    from deploy.lab.drill.playtests_model import Model

_decode: Final = msgspec.msgpack.decode
Lists = dict[str, set[str]]
"""By key: the ids that a list must hold."""


def rows_of_orders(model: Model, values: Mapping[str, Any], dues: set[str]) -> list[str]:
    """Rows and lists that are not the model's; what waits for time must have a deadline, or be of `dues`."""
    found, lists, due = list[str](), defaultdict[str, set[str]](set), set(dues)
    for studio_id, studio in model.studios.items():
        found += _of_money(studio_id, studio, values)
        for order_id, order in studio.orders.items():
            found += _of_order(order_id, order, values)
            _listed(lists, studio_id, order_id, order)
            due |= _dues(studio_id, order_id, order)
    kinds = ("orders:", "active:", "offered:", "slots:", "status:", "own-slots:", "trials")
    for key in {*lists, *(name for name in values if name.startswith(kinds))}:
        shown = {member[keys.PLACE_CHARACTERS :] for member in map(_text, values.get(key, {}))}
        if shown != lists[key]:
            found.append(f"{key} lists {shown - lists[key]} too many and not {lists[key] - shown}")
    waiting = set(values.get(keys.DUES, {}))
    if waiting != due:
        found.append(f"waits for time although ended {waiting - due}, has a deadline {due - waiting}")
    return found


def _text(member: str | bytes) -> str:
    return member.decode() if isinstance(member, bytes) else member


def _of_money(studio_id: str, studio: Studio, values: Mapping[str, Any]) -> Iterator[str]:
    balance = int(values.get(f"account:{studio_id}", {}).get("balance", 0))
    if balance != studio.account.balance:
        yield f"{studio_id} has {balance}, the model {studio.account.balance}"
    owed = {_text(who): int(cents) for who, cents in values.get(f"owed:{studio_id}", {}).items()}
    own = {who: one.balance for who, one in studio.panel.items() if one.balance}
    if owed != own:
        yield f"{studio_id} owes {owed}, the model says {own}"
    for payment_id, status in studio.payments.items():
        shown = _decode(values[f"payment:{payment_id}"]["row"])["status"]
        if shown != status:
            yield f"payment {payment_id} is shown as {shown}, the model has {status}"
    trials = set(values.get(f"used-trials:{studio_id}", {}))
    if trials != studio.trials:
        yield f"{studio_id} shows the trials of {trials}, the model of {studio.trials}"


def _of_order(order_id: str, order: Order, values: Mapping[str, Any]) -> Iterator[str]:
    row = values[keys.order_key(order_id)]
    shown = _decode(row["order"])["status"]
    if shown != order.status:
        yield f"{order_id} is shown as {shown}, the model has {order.status}"
    for number, seat in order.slots.items():
        slot_id = names.slot_id(order_id, number)
        state = _decode(values[keys.slot_rows(slot_id)][slot_id])
        told = state["status"], state.get("playtester_id") or "", state.get("key_number") or 0
        if told != (seat.status, seat.who, seat.key):
            yield f"{slot_id} is shown as {told}, the model has {seat}"
    pool = [_decode(one) for one in values.get(keys.pool_key(order_id), {}).values()]
    applied = {one["playtester_id"]: one["status"] for one in pool}
    waiting = [who for who, status in order.applied.items() if status == "pending"]
    if waiting and not any(seat.status == "open" for seat in order.slots.values()):
        yield f"{order_id} has no open slot, and {waiting} wait for one"
    if applied != order.applied:
        yield f"{order_id} shows the applications {applied}, the model has {order.applied}"


def _listed(lists: Lists, studio_id: str, order_id: str, order: Order) -> None:
    lists[f"orders:{studio_id}/{order.game_id}"].add(order_id)
    open_slots: Collection[int] = [n for n, seat in order.slots.items() if seat.status == "open"]
    if order.status == "active":
        lists[f"active:{studio_id}"].add(order_id)
        if order.offered and open_slots:
            lists[f"offered:{studio_id}"].add(order_id)
        if order.trial and not order.offered:
            lists[keys.TRIALS].add(order_id)
    for number, seat in order.slots.items():
        slot_id = names.slot_id(order_id, number)
        lists[f"slots:{order_id}"].add(slot_id)
        lists[keys.status_key(studio_id, seat.status)].add(slot_id)
        if seat.who:
            lists[keys.of_playtester("own-slots", studio_id, seat.who)].add(slot_id)


def _dues(studio_id: str, order_id: str, order: Order) -> set[str]:
    found = set()
    for number, seat in order.slots.items():
        if seat.status in {"reserved", "blocked"}:
            kind = "slot" if seat.status == "reserved" else "block"
            found.add(f"{kind}/{studio_id}/{names.slot_id(order_id, number)}/{order.game_id}")
    if order.manual and any(seat.status == "open" for seat in order.slots.values()):
        found.add(f"review/{studio_id}/{order_id}/{order.game_id}")
    return found
