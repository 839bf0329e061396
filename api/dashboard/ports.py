"""What the dashboard is given by the composition root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from schemas.edge.ports import Directory, KeyHashes

if TYPE_CHECKING:
    from collections.abc import Sequence


class DashboardDirectory(Directory, KeyHashes, Protocol):
    """Credentials by key and by hash, studios and games; at most 1 s old."""


class LiveMinute(msgspec.Struct, frozen=True):
    """What arrived in one minute, by the log's clock. `minute` is unix seconds of its start."""

    minute: int
    events: int


class LiveSource(Protocol):
    """Live counters. Raises StoreUnavailable."""

    async def events_per_minute(self, game_id: str, minutes: int) -> Sequence[LiveMinute]:
        """The last minutes that had any events, in order, the running one included."""
        ...


class ProjectionLag(msgspec.Struct, frozen=True, kw_only=True):
    """How far one projection is behind one log. Records of lag, and seconds where the source knows them.

    `state` is `ready`, `behind` (catching up) or `down` (nothing known: lag fields are None then).
    """

    name: str
    state: str
    lag_records: int | None
    lag_seconds: float | None


class LagSource(Protocol):
    """What /readyz shows. Never raises for a part that is away: that part is `down`."""

    async def projections(self) -> Sequence[ProjectionLag]:
        """Every projection, in a stable order."""
        ...
