"""What a rebuild of ClickHouse tables is given, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.table_sums import TableSum
    from schemas.log import LogRecord


class Progress(Protocol):
    """Receives the progress of a rebuild, in log records; `total` may grow."""

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` so far."""
        ...


class Builder(Protocol):
    """A projector that a rebuild feeds."""

    async def assigned(self, partition: int) -> int:
        """Begin a partition; the offset to begin with."""
        ...

    async def handle(self, record: LogRecord) -> None:
        """Take in a record."""
        ...

    async def flush(self, partition: int) -> int:
        """Write what was taken in; the partition's next offset."""
        ...

    async def revoked(self, partition: int) -> None:
        """End a partition."""
        ...


class RebuildFailed(Exception):
    """Nothing was swapped; the live tables are as they were. The message says why."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did. `positions` is where both sets were compared or swapped, by partition.

    `ends` is where the log ended then, or the same where nothing came after that changes a table. What lies
    between them is the live projector's: a rebuild never goes past it, and so past no record that stops it.
    """

    records: int
    positions: dict[int, int]
    ends: dict[int, int]
    swapped: bool
    live: dict[str, TableSum] = {}
    built: dict[str, TableSum] = {}
    forgotten: dict[int, int] = {}
    """Where the log begins, by partition, where it has forgotten what came before: that was copied."""
    uncompared: int = 0
    """Sessions whose insights a verification left out, since other rules made them."""

    @property
    def left(self) -> int:
        """Records of the log that are in neither set."""
        return sum(end - self.positions[partition] for partition, end in self.ends.items())

    @property
    def different(self) -> list[str]:
        """The tables that a verification found to differ."""
        return [table for table, own in self.live.items() if self.built[table] != own]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a noun's rebuild is about."""

    topic: str
    partitions: int
    builder: Builder
    """Writes to the second database."""
    tables: tuple[str, ...]
    """What is exchanged, in this order; then the topic's positions."""
    sums: Callable[[str, ClickHouse, dict[int, int]], Awaitable[dict[str, TableSum]]]
    """What is compared: each table of a database, of the rows before these positions.

    The first argument is the live database's name: what is left out of it is left out of both.
    """
    uncompared: Callable[[ClickHouse], Awaitable[int]] | None = None
    """How many sessions' insights of the live database `sums` leaves out, since other rules made them."""
    keep_forgotten: Callable[[ClickHouse, dict[int, int]], Awaitable[None]] | None = None
    """Copies from the live database what records before the log's begin said; None: without them no rebuild.

    The second argument is where each partition begins.
    """
    has_effect: Callable[[LogRecord], bool] = lambda _record: True
    """False for a record that changes no table: a projector need not have a position after it."""
