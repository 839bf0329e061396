"""What playtests should do, told as simply as possible: dictionaries that are changed in place.

It knows orders of a small fixed kind (cost 20, payout 10), decides each command by itself and says what the
answer must be; ids are the decider's.
"""

from __future__ import annotations

import dataclasses

from tests.streams.deciders.playtests.given import COST, DAY_MS, HOUR_MS, PAYOUT

LIVE = {"open", "reserved", "submitted", "blocked"}


@dataclasses.dataclass
class Seat:
    """A slot."""

    status: str
    who: str = ""
    due_ms: int = 0
    hours: int = 24


@dataclasses.dataclass
class Ordered:
    """An order."""

    quantity: int
    manual: bool
    new_only: bool
    public: bool
    spares: int | None
    """None: no keys were given."""
    status: str = "pending_payment"
    expires_ms: int = 0
    slots: list[Seat] = dataclasses.field(default_factory=list)
    applied: dict[str, str] = dataclasses.field(default_factory=dict)
    paid: int = 0
    paid_out: int = 0
    fees: int = 0
    credited: int = 0

    @property
    def held(self) -> int:
        return COST * sum(slot.status in LIVE for slot in self.slots)

    def lowest_open(self) -> Seat | None:
        return next((slot for slot in self.slots if slot.status == "open"), None)

    def held_by(self, who: str) -> bool:
        return any(slot.who == who for slot in self.slots)


class Model:
    """One studio with one game."""

    def __init__(self) -> None:
        self.balance = 0
        self.orders: list[Ordered] = []
        self.earned: dict[str, int] = {}
        self.played: set[str] = set()
        self.gone: set[str] = set()
        """Who is forgotten, and their pseudonyms."""

    def forget(self, who: str, pseudonym: str) -> int:
        """Everything of theirs is the pseudonym's, whom nothing is given."""
        if who in self.gone:
            return 200
        self.gone |= {who, pseudonym}
        for order in self.orders:
            for slot in order.slots:
                slot.who = pseudonym if slot.who == who else slot.who
            order.applied = {
                pseudonym if one == who else one: "withdrawn" if (one, status) == (who, "pending") else status
                for one, status in order.applied.items()
            }
        if who in self.earned:
            self.earned[pseudonym] = self.earned.pop(who)
        return 200

    def pay(self, order: Ordered, at_ms: int) -> int:
        if order.status != "pending_payment":
            return 409
        total = COST * order.quantity
        if self.balance < total:
            return 402
        self.balance -= total
        order.paid, order.status = total, "active"
        hours = 72 if order.manual else 24
        order.slots = [Seat("open", hours=hours) for _ in range(order.quantity)]
        order.expires_ms = at_ms + 7 * DAY_MS if order.manual else 0
        return 200

    def cancel(self, order: Ordered) -> int:
        if order.status not in {"pending_payment", "active"}:
            return 409
        order.status = "cancelled"
        for slot in order.slots:
            if slot.status in {"open", "blocked"}:
                self.credit(order, slot, "cancelled")
        self.reject_all(order)
        return 200

    def claim(self, order: Ordered, who: str, at_ms: int) -> int:
        if who in self.gone:
            return 404
        if not order.slots:  # never paid
            return 404
        if order.manual:
            return 400
        if order.status == "cancelled" or order.held_by(who) or (order.new_only and who in self.played):
            return 409
        return self.reserve(order, who, at_ms)

    def reserve(self, order: Ordered, who: str, at_ms: int) -> int:
        slot = order.lowest_open()
        if slot is None:
            return 409
        slot.status, slot.who, slot.due_ms = "reserved", who, at_ms + slot.hours * HOUR_MS
        self.played.add(who)
        return 200

    def apply(self, order: Ordered, who: str, at_ms: int) -> int:
        if who in self.gone:
            return 404
        if not order.slots:  # never paid
            return 404
        if not order.manual:
            return 400
        if order.status == "cancelled" or who in order.applied or at_ms >= order.expires_ms:
            return 409
        if (order.new_only and who in self.played) or order.lowest_open() is None:
            return 409
        order.applied[who] = "pending"
        return 200

    def approve(self, order: Ordered, who: str, at_ms: int) -> int:
        if order.applied[who] != "pending" or at_ms >= order.expires_ms:
            return 409
        if order.new_only and who in self.played:
            return 409
        self.reserve(order, who, at_ms)
        order.applied[who] = "approved"
        if order.lowest_open() is None:
            self.reject_all(order)
        return 200

    def leave(self, order: Ordered, who: str, to: str) -> int:
        if to == "withdrawn" and who in self.gone:
            return 404
        if order.applied[who] != "pending":
            return 409
        order.applied[who] = to
        return 200

    def reject_all(self, order: Ordered) -> None:
        for who, status in order.applied.items():
            if status == "pending":
                order.applied[who] = "auto_rejected"

    def review_due(self, order: Ordered, at_ms: int) -> int:
        if order.manual and order.status == "active" and at_ms >= order.expires_ms:
            self.reject_all(order)
            for slot in order.slots:
                if slot.status == "open":
                    self.credit(order, slot, "expired")
            self.finish(order)
        return 200

    def slot_due(self, order: Ordered, slot: Seat, at_ms: int) -> int:
        if slot.status == "reserved" and at_ms >= slot.due_ms:
            self.reopen(order, slot, "expired", at_ms)
        return 200

    def block_due(self, order: Ordered, slot: Seat, at_ms: int) -> int:
        if slot.status == "blocked" and at_ms >= slot.due_ms:
            self.credit(order, slot, "cancelled")
            self.finish(order)
        return 200

    def playtesters(self, order: Ordered, slot: Seat, who: str, what: str, at_ms: int) -> int:
        if slot.who != who or who in self.gone:
            return 404
        if slot.status != "reserved" or at_ms >= slot.due_ms:
            return 409
        if what == "submit":
            slot.status = "submitted"
        elif what == "block":
            slot.status, slot.due_ms = "blocked", at_ms + 7 * DAY_MS
        else:
            self.reopen(order, slot, "cancelled", at_ms)
        return 200

    def owners(self, order: Ordered, slot: Seat, what: str, at_ms: int) -> int:
        wanted = "blocked" if what in {"unblock", "cancel"} else "submitted"
        if slot.status != wanted or (what == "unblock" and at_ms >= slot.due_ms):
            return 409
        match what:
            case "unblock":
                slot.status, slot.due_ms = "reserved", at_ms + slot.hours * HOUR_MS
            case "cancel":
                self.credit(order, slot, "cancelled")
            case "accept":
                slot.status = "publishing" if order.public else "accepted"
                order.paid_out += PAYOUT
                order.fees += COST - PAYOUT
                self.earned[slot.who] = self.earned.get(slot.who, 0) + PAYOUT
            case "reject":
                self.credit(order, slot, "rejected")
            case _:
                slot.status = "rejected"
                order.slots.append(Seat("reserved", slot.who, at_ms + 24 * HOUR_MS))
        self.finish(order)
        return 200

    def reopen(self, order: Ordered, slot: Seat, to: str, at_ms: int) -> None:
        in_time = not order.manual or at_ms < order.expires_ms
        if order.status == "active" and in_time and order.spares != 0:
            slot.status = to
            order.slots.append(Seat("open", hours=72 if order.manual else 24))
            if order.spares:
                order.spares -= 1
        else:
            self.credit(order, slot, to)
            self.finish(order)

    def credit(self, order: Ordered, slot: Seat, to: str) -> None:
        slot.status = to
        order.credited += COST
        self.balance += COST

    def finish(self, order: Ordered) -> None:
        if order.status == "active" and not any(slot.status in LIVE for slot in order.slots):
            order.status = "completed"
