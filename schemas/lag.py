"""How far projections are behind the log, as `/readyz` and the dashboard show it."""

from __future__ import annotations

import msgspec


class FailingAt(msgspec.Struct, frozen=True, kw_only=True):
    """A record at which a projection has failed several times in a row. Says nothing of its content."""

    partition: int
    offset: int
    failures: int


class ProjectionLag(msgspec.Struct, frozen=True, kw_only=True):
    """How far one projection is behind one log. Records of lag, and seconds where the source knows them.

    `state` is `ready`, `behind` (catching up), `failing` (it is stopped at the records in `failing` until
    an operator acts) or `down` (nothing known: lag fields are None then).
    """

    name: str
    state: str
    lag_records: int | None
    lag_seconds: float | None
    failing: tuple[FailingAt, ...] = ()
