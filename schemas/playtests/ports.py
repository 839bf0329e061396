"""What edges and process managers ask of playtests' read side, as Protocols that `deploy` injects.

Every method raises `schemas.edge.ports.StoreUnavailable` instead of guessing: while the store is away, or
behind the log as it was when the store restarted. Times are unix milliseconds. By id a row is found whichever
studio it is of: the caller compares `studio_id`.

Lists come newest first by (time, id), which never changes. `before` is the place after which they go on: rows
whose (time, id) is below it. At most `limit` rows come; who wants to know whether there are more asks for
one more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Literal, Protocol

import msgspec

from schemas.playtests.account_views import LedgerRow, Payment, Payout
from schemas.playtests.batch_views import Batch, BatchCounts, Invite, KeyState, Link
from schemas.playtests.views import Application, Money, Order, Playtester, Slot, SlotStatus

LEDGER_HEAD: Final = 100
"""Ledger rows of a studio, and of a playtester, that Redis keeps; older ones are in ClickHouse."""


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a row stands in its list."""

    at_ms: int
    id: str


class OrderRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order with what is counted over its slots."""

    order: Order
    money: Money
    slots: dict[SlotStatus, int]
    """A status that no slot has may be missing."""


class NoticeRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that a playtester is told; nothing is mailed."""

    id: str
    type: str
    """The wire name's word of what happened: `application-rejected`, `slot-rejected`, …"""
    order_id: str
    at_ms: int
    slot_id: str | None = None
    application_id: str | None = None
    message: str | None = None
    """What the owner wrote, verbatim."""


class Participation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a playtester has taken part in, as far as offers depend on it."""

    games: frozenset[str] = frozenset()
    """Of which they ever had a slot."""
    accepted_games: frozenset[str] = frozenset()
    """For which a submission of theirs was accepted."""


class PlaytestReads(Protocol):
    """S2's reads, in Redis but for old ledger rows: a client that got its answer reads its own write here."""

    async def order(self, order_id: str) -> OrderRow | None:
        """An order."""
        ...

    async def orders(self, order_ids: Collection[str]) -> dict[str, Order]:
        """Several by their ids, without their money and slots; those that there are."""
        ...

    async def game_orders(
        self, studio_id: str, game_id: str, *, limit: int, before: Place | None = None
    ) -> list[OrderRow]:
        """A game's orders, by (created_at_ms, id)."""
        ...

    async def trial_free(self, studio_id: str, game_id: str) -> bool:
        """Whether the game may still have its free trial."""
        ...

    async def order_and_slots(
        self, order_id: str, *, limit: int, before: Place | None = None
    ) -> tuple[Order | None, list[Slot]]:
        """An order and a page of its slots by (created_at_ms, id), both read at one moment."""
        ...

    async def slot(self, slot_id: str) -> Slot | None:
        """A slot."""
        ...

    async def game_keys(self, slots: Sequence[Slot]) -> list[str | None]:
        """Each slot's game key, sealed; None where it has none."""
        ...

    async def studio_slots(
        self, studio_id: str, status: SlotStatus, *, limit: int, before: Place | None = None
    ) -> list[Slot]:
        """A studio's slots of one status, by (created_at_ms, id)."""
        ...

    async def active_orders(self, studio_id: str) -> int:
        """How many orders of a studio are active."""
        ...

    async def slots_of_status(self, studio_id: str, status: SlotStatus) -> int:
        """How many slots of a studio have a status."""
        ...

    async def applications(self, order_id: str) -> list[Application]:
        """An order's whole pool (2,000 at most), in no order."""
        ...

    async def application(self, application_id: str) -> Application | None:
        """An application."""
        ...

    async def playtesters(self, studio_id: str, playtester_ids: Collection[str]) -> dict[str, Playtester]:
        """The playtesters of a studio's panel of whom something is stored."""
        ...

    async def orders_and_playtesters(
        self, studio_id: str, order_ids: Collection[str], playtester_ids: Collection[str]
    ) -> tuple[dict[str, Order], dict[str, Playtester]]:
        """As `orders` and `playtesters`, of one moment."""
        ...

    async def participation(self, studio_id: str, playtester_id: str) -> Participation:
        """What a playtester has taken part in."""
        ...

    async def joined(self, studio_id: str, playtester_id: str, order_ids: Collection[str]) -> frozenset[str]:
        """Those of the orders that the playtester ever had a slot of, or applied to."""
        ...

    async def offered(self, studio_id: str, *, limit: int, before: Place | None = None) -> list[OrderRow]:
        """Active orders of a studio with an open slot, by (activated_at_ms, id), for any playtester."""
        ...

    async def playtester_slots(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[Slot]:
        """A playtester's slots, by (created_at_ms, id)."""
        ...

    async def playtester_applications(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[Application]:
        """A playtester's applications, by (created_at_ms, id)."""
        ...

    async def earnings(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[LedgerRow]:
        """What a playtester earned and was paid, by (at_ms, id)."""
        ...

    async def notices(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[NoticeRow]:
        """What a playtester was told, by (at_ms, id)."""
        ...

    async def balance(self, studio_id: str) -> int:
        """A studio's credit in cents; 0 where it never had any."""
        ...

    async def payment(self, payment_id: str) -> Payment | None:
        """A top-up."""
        ...

    async def payments(self, studio_id: str, *, limit: int, before: Place | None = None) -> list[Payment]:
        """A studio's top-ups, by (created_at_ms, id)."""
        ...

    async def ledger(self, studio_id: str, *, limit: int, before: Place | None = None) -> list[LedgerRow]:
        """A studio's movements, by (at_ms, id)."""
        ...


class PlaytestLedgers(Protocol):
    """What ledgers have beyond what Redis keeps, in ClickHouse: it trails the log by what `/readyz` shows."""

    async def ledger(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[LedgerRow]:
        """A playtester's movements, a studio's where none is named, by (at_ms, id)."""
        ...


DueKind = Literal["slot", "block", "review", "batch"]


class DueRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What waits for time: a slot's deadline, a blocked slot, an order's review, a batch's end."""

    kind: DueKind
    studio_id: str
    game_id: str
    id: str
    """The slot's, the order's or the batch's."""
    due_at_ms: int


class DueReads(Protocol):
    """What time has brought, of all studios."""

    async def dues(self, now_ms: int, limit: int) -> list[DueRow]:
        """What is due, the longest due first. It leaves once its event is projected."""
        ...


class OperatorReads(Protocol):
    """What waits for the operator, or was done by them."""

    async def trials(self, *, limit: int, before: Place | None = None) -> list[OrderRow]:
        """Free trials of all studios that wait for their approval, by (activated_at_ms, id)."""
        ...

    async def owed(self, studio_id: str, limit: int) -> list[tuple[str, int]]:
        """A studio's playtesters with a balance to be paid out, and that in cents, the smallest first."""
        ...

    async def payouts(self, studio_id: str, *, limit: int, before: Place | None = None) -> list[Payout]:
        """What was sent to a studio's playtesters, by (sent_at_ms, id)."""
        ...


class BatchRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A batch with what is counted over its keys."""

    batch: Batch
    counts: BatchCounts


class RedeemLink(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a token belongs to: an invite, a public batch (neither invite nor key), or a redeemed key."""

    studio_id: str
    game_id: str
    batch_id: str
    invite_id: str = ""
    key_id: str = ""


class BatchReads(Protocol):
    """Key batches, in Redis: a client that got its answer reads its own write here."""

    async def batches(self, studio_id: str, game_id: str) -> list[BatchRow]:
        """A game's batches, oldest first."""
        ...

    async def batch(self, studio_id: str, game_id: str, batch_id: str) -> BatchRow | None:
        """One batch of a game."""
        ...

    async def batch_keys(self, studio_id: str, game_id: str, batch_id: str) -> list[KeyState]:
        """All keys of a batch, by number."""
        ...

    async def batch_invites(self, studio_id: str, game_id: str, batch_id: str) -> list[Invite]:
        """All invites of a batch, by (sent_at_ms, id)."""
        ...

    async def batch_invite(
        self, studio_id: str, game_id: str, batch_id: str, invite_id: str
    ) -> Invite | None:
        """One invite of a batch."""
        ...

    async def redeem_link(self, token_hash: str) -> RedeemLink | None:
        """What a link leads to; None for an unknown one, or a share link that was rotated."""
        ...

    async def claim(self, token_hash: str) -> RedeemLink | None:
        """The redeemed key that a claim token came with."""
        ...

    async def code(self, studio_id: str, fingerprint: str) -> tuple[str, str, KeyState] | None:
        """The game, the batch and the state of the key that has a code."""
        ...

    async def device(self, studio_id: str, game_id: str, device_id: str) -> Link | None:
        """The handle that a device is linked to."""
        ...
