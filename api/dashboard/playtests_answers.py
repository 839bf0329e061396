"""What the routes under `/dashboard/data/playtests` answer; rows are S2's."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from schemas.playtests.batch_views import BatchStatus, DistributionTarget, RedemptionMode
from schemas.playtests.responses import Balance, Stats

DataT = TypeVar("DataT")


class Page(msgspec.Struct, Generic[DataT], frozen=True):
    """Up to 50 rows as S2 answers them; `cursor` leads to the page after, null on the last one."""

    data: DataT
    cursor: str | None


class Credit(msgspec.Struct, frozen=True):
    """The studio's credit, and its summary."""

    balance: Balance
    stats: Stats


class BatchFigures(msgspec.Struct, frozen=True):
    """A key batch. `keys` counts all of them, the others by status; times are unix milliseconds."""

    id: str
    name: str
    status: BatchStatus
    mode: RedemptionMode
    target: DistributionTarget
    created_at: int
    expires_at: int | None
    keys: int
    available: int
    reserved: int
    redeemed: int
    revoked: int


class BatchPanel(msgspec.Struct, frozen=True):
    """The game's newest key batches, 50 at most, and how many there are."""

    batches: list[BatchFigures]
    total: int


class SessionKeyAnswer(msgspec.Struct, frozen=True):
    """A key for S2's `Authorization: Bearer`, and when it expires (unix milliseconds)."""

    key: str
    expires_at: int
