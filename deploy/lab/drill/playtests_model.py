"""What playtests' events must amount to, folded by rules of its own: no code of the decider is used.

It reads each event as plain data, moves money and seats by what the contract says of that event, and
compares the values that the event carries with its own. What must hold is looked at after every event.
"""

from __future__ import annotations

from deploy.lab.drill.playtests_accounts import Order, Seat, Studio
from deploy.lab.drill.playtests_folding import Data
from deploy.lab.drill.playtests_slot_steps import SlotSteps


class Model(SlotSteps):
    """Steps of orders, applications and money beside those of slots."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = {
            f"playtests.{name}.v1": step
            for name, step in {
                "playtest-ordered": self._ordered,
                "playtest-paid": self._paid,
                "playtest-activated": self._activated,
                "playtest-changed": self._changed,
                "playtest-cancelled": self._cancelled,
                "playtest-completed": self._completed,
                "trial-approved": self._trial,
                "trial-declined": self._trial,
                "slot-reserved": self._reserved,
                "slot-submitted": self._submitted,
                "slot-accepted": self._accepted,
                "slot-published": self._published,
                "slot-rejected": self._rejected,
                "slot-expired": self._expired,
                "slot-abandoned": self._abandoned,
                "slot-cancelled": self._slot_cancelled,
                "slot-blocked": self._blocked,
                "slot-unblocked": self._unblocked,
                "application-made": self._made,
                "application-approved": self._approved,
                "application-rejected": self._not_pending,
                "application-withdrawn": self._not_pending,
                "applications-auto-rejected": self._auto_rejected,
                "payment-opened": self._opened,
                "payment-completed": self._payment_completed,
                "payment-failed": self._payment_failed,
                "account-adjusted": self._adjusted,
                "payout-sent": self._payout,
                "payout-failed": self._payout,
            }.items()
        }

    def _ordered(self, studio: Studio, data: Data) -> None:
        told = data["order"]
        trial = told.get("trial", "none") != "none"
        self._must(told["id"] not in studio.orders, "ordered twice")
        if trial:
            self._must(told["game_id"] not in studio.trials, "a second trial of the game")
            studio.trials.add(told["game_id"])
        studio.orders[told["id"]] = Order(
            game_id=told["game_id"],
            quantity=told["quantity"],
            cost=told["cost_per_slot_cents"],
            payout=told["payout_cents"],
            manual=told["selection_mode"] == "manual",
            public=told["visibility"] == "public",
            players=told["player_count"],
            targeting=told["targeting_type"],
            trial=trial,
            offered=not trial,
            keys=len(data["keys"]),
            next_key=min(told["quantity"], len(data["keys"])) + 1,
        )

    def _paid(self, studio: Studio, data: Data) -> None:
        order = studio.orders[data["order_id"]]
        total = order.cost * order.quantity
        self._must(order.status == "pending_payment", "paid in another status")
        self._must(studio.account.balance >= total, "paid with too little credit")
        studio.account.paid += total
        self._row(studio.account, data["movement"], -total)
        order.paid = order.held = total

    def _activated(self, studio: Studio, data: Data) -> None:
        order = studio.orders[data["order_id"]]
        self._must(order.status == "pending_payment", "activated in another status")
        order.status = "active"
        order.expires_ms = data["order"]["applications_expire_at_ms"] or 0
        for number, told in enumerate(data["slots"], 1):
            self._must((told["number"], told["status"]) == (number, "open"), "a new slot is not open")
            order.slots[number] = Seat("open", key=told.get("key_number") or 0)
        self._must(len(order.slots) == order.quantity, "not as many slots as ordered")

    def _changed(self, studio: Studio, data: Data) -> None:
        studio.orders[data["order_id"]].keys += len(data["keys"])

    def _cancelled(self, studio: Studio, data: Data) -> None:
        order = studio.orders[data["order_id"]]
        self._must(order.status in {"pending_payment", "active"}, "cancelled in another status")
        order.status = "cancelled"
        if data["trial_returned"]:
            studio.trials.discard(order.game_id)

    def _completed(self, studio: Studio, data: Data) -> None:
        order = studio.orders[data["order_id"]]
        self._must(order.status == "active", "completed in another status")
        order.status = "completed"

    def _trial(self, studio: Studio, data: Data) -> None:
        order = studio.orders[data["order_id"]]
        self._must(order.trial and not order.offered, "no trial, or one that was decided before")
        order.offered = data["order"]["trial"] == "approved"

    def _made(self, studio: Studio, data: Data) -> None:
        order, who = studio.orders[data["order_id"]], data["application"]["playtester_id"]
        self._must(order.manual and order.status == "active", "applied where none is taken")
        self._must(who not in order.applied, "applied twice")
        self._must(self._at_ms < order.expires_ms, "applied after the window")
        order.applied[who] = "pending"

    def _approved(self, studio: Studio, data: Data) -> None:
        self._not_pending(studio, data)
        order = studio.orders[data["order_id"]]
        self._must(self._at_ms < order.expires_ms, "approved after the window")
        order.approved = data["application"]["playtester_id"]
        still_open = sum(seat.status == "open" for seat in order.slots.values()) - 1
        self._must(data["slots_remaining"] == still_open, f"{still_open} slots remain")

    def _not_pending(self, studio: Studio, data: Data) -> None:
        order, told = studio.orders[data["order_id"]], data["application"]
        before = order.applied.get(told["playtester_id"])
        self._must(before == "pending", f"the application was {before}")
        order.applied[told["playtester_id"]] = told["status"]

    def _auto_rejected(self, studio: Studio, data: Data) -> None:
        applied = studio.orders[data["order_id"]].applied
        pending = {who for who, status in applied.items() if status == "pending"}
        told = {one[1] for one in data["applications"]}
        self._must(told == pending, f"{len(told)} rejected at once, {len(pending)} were pending")
        applied.update(dict.fromkeys(told, "auto_rejected"))

    def _opened(self, studio: Studio, data: Data) -> None:
        payment = data["payment"]
        self._must(payment["id"] not in studio.payments, "opened twice")
        studio.payments[payment["id"]] = "pending"

    def _payment_completed(self, studio: Studio, data: Data) -> None:
        self._ended(studio, data, "completed")
        amount = data["payment"]["amount_cents"]
        studio.account.topped_up += amount
        self._row(studio.account, data["movement"], amount)

    def _payment_failed(self, studio: Studio, data: Data) -> None:
        self._ended(studio, data, "failed")

    def _ended(self, studio: Studio, data: Data, status: str) -> None:
        payment = data["payment"]["id"]
        self._must(studio.payments.get(payment) == "pending", "a payment ended twice")
        studio.payments[payment] = status

    def _adjusted(self, studio: Studio, data: Data) -> None:
        amount = data["movement"]["amount_cents"]
        studio.account.adjusted += amount
        self._row(studio.account, data["movement"], amount)

    def _payout(self, studio: Studio, data: Data) -> None:
        panelist, sent = studio.panel[data["playtester_id"]], data["payout"]["status"] == "sent"
        amount = data["payout"]["amount_cents"]
        self._row(panelist, data["movement"], -amount if sent else amount)
        self._must(panelist.balance >= 0, "more was paid out than earned")
