"""What a playtests partition knows: studios, each with its account, orders, panel and games.

Immutable, in persistent maps: a step forks one path of the tree. Structs are positional when packed, for
snapshots alone; another text of this module is another snapshot. `gc=False`: immutable things form no cycles.
A slot's or an application's id follows from its order's and its number, so none is kept; nor are the texts of
what has ended.
"""

from __future__ import annotations

from typing import Final

import msgspec
from immutables import Map

from schemas.playtests.account_views import Payment, Payout
from schemas.playtests.views import (
    ApplicationStatus,
    Order,
    Playtester,
    Progress,
    SlotStatus,
    TranscriptionStatus,
)
from streams.deciders.playtests.batch_state import Batch, Game


class Account(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A studio's credit."""

    sequence: int = 0
    balance_cents: int = 0
    movements: int = 0
    """Ledger rows so far."""


class Slot(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One slot of an order."""

    status: SlotStatus
    created_at_ms: int
    submit_within_ms: int
    """From a reservation to its deadline."""
    deadline_at_ms: int | None = None
    due_at_ms: int | None = None
    playtester_id: str | None = None
    previous: int = 0
    """The number of the slot whose seat it took; 0 for none."""
    key_number: int = 0
    """0 for none."""
    rating: int = 0
    """0 for none."""
    transcription: TranscriptionStatus | None = None


class Application(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One application to an order."""

    playtester_id: str
    status: ApplicationStatus
    created_at_ms: int
    response: str = ""
    """Sealed, while it is pending."""


class OrderState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An order with its slots and its pool."""

    order: Order
    sequence: int = 1
    progress: Progress = Progress()
    slots: Map[int, Slot] = Map()
    """By number, from 1 without gaps."""
    open: tuple[int, ...] = ()
    """Numbers of open slots, ascending: never more than the quantity."""
    holders: Map[str, int] = Map()
    """By playtester: the number of the last slot that they had here."""
    applications: Map[int, Application] = Map()
    """By number, from 1 without gaps."""
    applicants: Map[str, int] = Map()
    """By playtester: the number of their application."""
    pending: int = 0
    """Pending applications; there are none while no slot is open."""
    keys: tuple[str, ...] = ()
    """Sealed, key n at n - 1; none once the order has no live slot."""
    key_digests: bytes = b""
    """`KEY_DIGEST_BYTES` of each key that was ever given."""
    next_key: int = 1
    """The number of the first spare that is left."""


KEY_DIGEST_BYTES: Final = 16


class PlaytesterState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One of a studio's panel."""

    playtester: Playtester
    sequence: int = 0
    movements: int = 0
    """Ledger rows so far."""
    games: Map[str, int] = Map()
    """Games of which they ever had a slot: how many submissions were accepted."""
    payouts: Map[str, Payout] = Map()
    forgotten: bool = False


class Forgotten(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An id that nothing can be asked of any more: a forgotten person's, or the pseudonym in its place."""

    pseudonym: str
    sequence: int = 0
    """How many events the playtester of that id had had."""


class StudioState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Everything of one studio: one fold, so that one decision may touch all of it."""

    account: Account = Account()
    payments: Map[str, Payment] = Map()
    orders: Map[str, OrderState] = Map()
    playtesters: Map[str, PlaytesterState] = Map()
    trials: Map[str, str] = Map()
    """Games that have had their free trial: by which order."""
    games: Map[str, Game] = Map()
    """Games with linked handles."""
    batches: Map[str, Batch] = Map()
    """By `names.batch_aggregate`."""
    codes: Map[str, bool] = Map()
    """Fingerprints of every code that a batch of the studio ever had."""
    forgotten: Map[str, Forgotten] = Map()
    """By id, of playtesters and of devices; pseudonyms too."""


class PlaytestsState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One partition's state."""

    studios: Map[str, StudioState] = Map()
    time_ms: int = 0
    """The latest event's time: one clock for the partition."""
