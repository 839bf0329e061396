"""What the playtests drill's model knows of studios, orders, slots and money: plain, changed in place."""

from __future__ import annotations

import dataclasses
from collections import defaultdict


@dataclasses.dataclass(slots=True)
class Seat:
    """A slot."""

    status: str
    who: str = ""
    key: int = 0
    deadline_ms: int = 0
    hours: int = 0
    previous: int = 0
    """The number of the slot that it follows; 0 for none."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Order:
    """An order with its slots by their numbers, its applications by playtester, its money in cents."""

    game_id: str
    quantity: int
    cost: int
    payout: int
    manual: bool
    public: bool
    players: int
    targeting: str | None
    trial: bool
    offered: bool
    """Whether playtesters may have it: a trial once it is approved."""
    keys: int
    next_key: int
    status: str = "pending_payment"
    expires_ms: int = 0
    slots: dict[int, Seat] = dataclasses.field(default_factory=dict)
    holders: set[str] = dataclasses.field(default_factory=set)
    applied: dict[str, str] = dataclasses.field(default_factory=dict)
    approved: str = ""
    """Whose application was approved by the event before."""
    paid: int = 0
    held: int = 0
    paid_out: int = 0
    fees: int = 0
    credited: int = 0


@dataclasses.dataclass(slots=True)
class Account:
    """A studio's credit, and what it is made of."""

    balance: int = 0
    movements: int = 0
    topped_up: int = 0
    adjusted: int = 0
    credited: int = 0
    paid: int = 0

    @property
    def expected(self) -> int:
        """The balance by what came in and went."""
        return self.topped_up + self.adjusted + self.credited - self.paid

    def move(self, amount: int) -> None:
        """The next row of its ledger."""
        self.balance += amount
        self.movements += 1


@dataclasses.dataclass(slots=True)
class Panelist:
    """A playtester: what was earned and not paid out, and how many submissions of each game were accepted."""

    balance: int = 0
    movements: int = 0
    played: dict[str, int] = dataclasses.field(default_factory=dict)

    def move(self, amount: int) -> None:
        """The next row of their ledger."""
        self.balance += amount
        self.movements += 1


@dataclasses.dataclass(slots=True)
class Studio:
    """One studio."""

    account: Account = dataclasses.field(default_factory=Account)
    orders: dict[str, Order] = dataclasses.field(default_factory=dict)
    payments: dict[str, str] = dataclasses.field(default_factory=dict)
    panel: defaultdict[str, Panelist] = dataclasses.field(default_factory=lambda: defaultdict(Panelist))
    trials: set[str] = dataclasses.field(default_factory=set)
