"""How playtests' events are folded by rules of their own, and what must hold after every one of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.drill.playtests_accounts import Account, Panelist, Studio

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.envelope import Event

LIVE: Final = frozenset({"open", "reserved", "submitted", "blocked"})
Data = dict[str, Any]


class Folding:
    """All studios of a log, and the steps of its events by their names. `problems` says what did not hold."""

    def __init__(self) -> None:
        self.studios: dict[str, Studio] = defaultdict(Studio)
        self.problems: list[str] = []
        self.events = 0
        self._where = ""
        self._at_ms = 0
        self._steps: dict[str, Callable[[Studio, Data], None]] = {}

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
