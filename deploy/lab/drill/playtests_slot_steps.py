"""What events of slots must amount to: statuses, deadlines, successors, and where a seat's money goes."""

from __future__ import annotations

from typing import Final

from deploy.lab.drill.playtests_accounts import Order, Seat, Studio
from deploy.lab.drill.playtests_folding import Data, Folding

HOUR_MS: Final = 3_600_000
ALONE_HOURS: Final = 24
TOGETHER_HOURS: Final = 72


class SlotSteps(Folding):
    """One step for each kind of event."""

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
