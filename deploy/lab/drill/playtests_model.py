"""What playtests' events must amount to, folded by rules of its own: no code of the decider is used.

It reads each event as plain data, moves money and seats by what the contract says of that event, and
compares the values that the event carries with its own. What must hold is looked at after every event.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.drill.playtests_accounts import Account, Order, Panelist, Seat, Studio

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.envelope import Event

HOUR_MS: Final = 3_600_000
ALONE_HOURS: Final = 24
TOGETHER_HOURS: Final = 72
LIVE: Final = frozenset({"open", "reserved", "submitted", "blocked"})
Data = dict[str, Any]


class Model:
    """All studios of a log. `problems` says what did not hold, and after which event."""

    def __init__(self) -> None:
        self.studios: dict[str, Studio] = defaultdict(Studio)
        self.problems: list[str] = []
        self.events = 0
        self._where = ""
        self._at_ms = 0
        self._steps: dict[str, Callable[[Studio, Data], None]] = {
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

    def fold(self, where: str, event: Event) -> None:
        """Take an event in; `where` says which it is, for `problems`. Others than these move nothing."""
        step = self._steps.get(event.type)
        if step is None:
            return
        data: Data = msgspec.msgpack.decode(event.data)
        self.events += 1
        self._where, self._at_ms = f"{where} {event.type}", event.at_ms
        studio = self.studios[data["studio_id"]]
        try:
            step(studio, data)
            self._look(studio, data)
        except (KeyError, TypeError, ValueError) as error:
            self._must(False, f"can't follow: {error!r}")  # noqa: FBT003 - it never holds

    def _must(self, holds: bool, what: str) -> None:  # noqa: FBT001 - a condition
        if not holds:
            self.problems.append(f"{self._where}: {what}")

    def _look(self, studio: Studio, data: Data) -> None:
        """The invariants of the studio's account and of the order that the event is of."""
        account = studio.account
        self._must(account.balance == account.expected, "the balance is not what came in less what was paid")
        self._must(account.balance >= 0, "the balance is negative")
        order = studio.orders.get(data.get("order_id", ""))
        if order is None:
            return
        counts = Counter(seat.status for seat in order.slots.values())
        live = sum(counts[status] for status in LIVE)
        spread = (order.held, order.paid_out, order.fees, order.credited)
        self._must(
            order.paid == sum(spread) and min(spread) >= 0, "paid is not held + payouts + fees + credit"
        )
        if order.status != "pending_payment":
            self._must(order.held == live * order.cost, "held is not the cost of the live slots")
            self._must((order.status == "completed") <= (live == 0), "completed with a live slot")
        self._must(live <= order.quantity, f"{live} live slots, {order.quantity} were ordered")
        progress = data.get("progress")
        if progress is not None:
            told = progress.get("money", {})
            names = ("held_cents", "payout_cents", "fee_cents", "credited_cents")
            self._must(tuple(told.get(name, 0) for name in names) == spread, f"money is told as {told}")
            self._must(
                Counter(progress.get("slots", {})) == +counts, f"slots are {dict(counts)}, not as told"
            )

    def _row(self, account: Account | Panelist, row: Data, amount: int) -> None:
        """A ledger row: the next one, of this amount, with the balance after it."""
        account.move(amount)
        told = (row["number"], row["amount_cents"], row["balance_cents"])
        own = (account.movements, amount, account.balance)
        self._must(told == own, f"the ledger row is {told}, not {own}")

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

    def _step(
        self, studio: Studio, data: Data, status: str, *before: str, deadline: bool = False
    ) -> tuple[Order, Seat]:
        """A slot goes from one of some statuses to another; with `deadline` it must not have come."""
        order, told = studio.orders[data["order_id"]], data["slot"]
        seat = order.slots[told["number"]]
        self._must(seat.status in before, f"the slot was {seat.status}")
        self._must(told["status"] == status, f"the slot is told as {told['status']}")
        self._must(not deadline or self._at_ms < seat.deadline_ms, "after the deadline")
        seat.status = status
        return order, seat

    def _reserved(self, studio: Studio, data: Data) -> None:
        order, seat = self._step(studio, data, "reserved", "open")
        who = data["slot"]["playtester_id"]
        self._must(order.status == "active", "reserved while the order is not active")
        self._must(order.offered, "reserved while the trial is not approved")
        self._must(who not in order.holders, "a second slot of one playtester")
        played = studio.panel[who].played
        self._must(order.targeting != "new" or order.game_id not in played, "no new playtester of the game")
        past = order.targeting != "past" or played.get(order.game_id, 0) > 0
        self._must(past, "no past playtester of the game")
        lower = [number for number, one in order.slots.items() if one.status == "open"]
        self._must(not lower or data["slot"]["number"] < min(lower), "a lower slot was open")
        self._must(not order.manual or order.approved == who, "reserved without an approved application")
        order.approved = ""
        order.holders.add(who)
        seat.who = who
        played.setdefault(order.game_id, 0)
        self._within(data, seat, TOGETHER_HOURS if order.manual or order.players > 1 else ALONE_HOURS)

    def _within(self, data: Data, seat: Seat, hours: int) -> None:
        seat.deadline_ms, seat.hours = self._at_ms + hours * HOUR_MS, hours
        told = (data["slot"] if data.get("successor") is None else data["successor"])["deadline_at_ms"]
        self._must(told == seat.deadline_ms, f"the deadline is not {hours} h after it")

    def _submitted(self, studio: Studio, data: Data) -> None:
        self._step(studio, data, "submitted", "reserved", deadline=True)

    def _accepted(self, studio: Studio, data: Data) -> None:
        public = studio.orders[data["order_id"]].public
        order, seat = self._step(studio, data, "publishing" if public else "accepted", "submitted")
        order.held -= order.cost
        order.paid_out += order.payout
        order.fees += order.cost - order.payout
        panelist = studio.panel[seat.who]
        panelist.played[order.game_id] = panelist.played.get(order.game_id, 0) + 1
        if order.payout:
            self._row(panelist, data["earning"], order.payout)
        self._must(
            data["playtester"]["balance_cents"] == panelist.balance, "the playtester's balance differs"
        )

    def _published(self, studio: Studio, data: Data) -> None:
        self._step(studio, data, "accepted", "publishing")

    def _rejected(self, studio: Studio, data: Data) -> None:
        order, seat = self._step(studio, data, "rejected", "submitted")
        if not data["allow_retry"]:
            self._seat_goes(studio, order, seat, data, reopens=False)
            return
        told = data["successor"]
        self._must(data["credit"] is None, "tried again and credited")
        same = (told["status"], told["playtester_id"], told.get("key_number") or 0)
        self._must(same == ("reserved", seat.who, seat.key), "the retry is not the same playtester's")
        retry = Seat("reserved", who=seat.who, key=seat.key, previous=data["slot"]["number"])
        self._add(order, told, retry)
        self._within(data, retry, ALONE_HOURS)

    def _expired(self, studio: Studio, data: Data) -> None:
        if data["reason"] == "window_over":
            order, seat = self._step(studio, data, "expired", "open")
            self._must(self._at_ms >= order.expires_ms, "before the window was over")
            self._seat_goes(studio, order, seat, data, reopens=False)
            return
        order, seat = self._step(studio, data, "expired", "reserved")
        self._must(self._at_ms >= seat.deadline_ms, "before the deadline")
        self._seat_goes(studio, order, seat, data, reopens=True)

    def _abandoned(self, studio: Studio, data: Data) -> None:
        order, seat = self._step(studio, data, "cancelled", "reserved", deadline=True)
        self._seat_goes(studio, order, seat, data, reopens=True)

    def _slot_cancelled(self, studio: Studio, data: Data) -> None:
        before = ("open", "blocked") if data["reason"] == "order_cancelled" else ("blocked",)
        order, seat = self._step(studio, data, "cancelled", *before)
        self._seat_goes(studio, order, seat, data, reopens=False)

    def _seat_goes(self, studio: Studio, order: Order, seat: Seat, data: Data, *, reopens: bool) -> None:
        """To an open successor where the contract reopens it, else back as credit."""
        window = not order.manual or self._at_ms < order.expires_ms
        spare = not order.keys or order.next_key <= order.keys
        if reopens and order.status == "active" and window and spare:
            told = data["successor"]
            self._must(told is not None and data["credit"] is None, "the seat was not handed on")
            self._must(told["status"] == "open", "the successor is not open")
            key = order.next_key if order.keys else 0
            self._must((told.get("key_number") or 0) == key, "the successor's key is not the next spare")
            order.next_key += bool(order.keys)
            self._add(order, told, Seat("open", key=key, previous=data["slot"]["number"]))
            return
        self._must(data["successor"] is None, f"a {seat.status} slot was handed on")
        if order.cost:
            studio.account.credited += order.cost
            order.held -= order.cost
            order.credited += order.cost
            self._row(studio.account, data["credit"], order.cost)

    def _add(self, order: Order, told: Data, seat: Seat) -> None:
        self._must(told["number"] == len(order.slots) + 1, "the successor's number is not the next")
        order.slots[told["number"]] = seat

    def _blocked(self, studio: Studio, data: Data) -> None:
        self._step(studio, data, "blocked", "reserved", deadline=True)

    def _unblocked(self, studio: Studio, data: Data) -> None:
        _, seat = self._step(studio, data, "reserved", "blocked")
        self._within(data, seat, seat.hours)

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
