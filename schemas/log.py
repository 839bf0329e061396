"""The log as the rooms see it: records, the reader's contract, the appender's contract. No Kafka client here.

`streams/runtime` drives a `LogReader` with Faust; tests and the rebuild drive the same reader from a plain
consumer or from a list.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

import msgspec


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One Kafka record. `appended_at_ms` is LogAppendTime, unix milliseconds."""

    topic: str
    partition: int
    offset: int
    appended_at_ms: int
    key: bytes | None
    value: bytes


class LogReader(Protocol):
    """What a role does with a topic's records, one partition at a time and in offset order.

    The runtime calls `assigned` once for each partition it gets, begins at the offset it returns (never at
    the consumer group's), then awaits `handle` for each record before the next one. Only after `handle` has
    returned may the record's offset be committed. Any exception that leaves a method ends the process: it
    is restarted by its supervisor and folds again. Nothing is repaired in place.
    """

    async def assigned(self, partition: int) -> int:
        """Fold or look up this partition's state; return the offset to begin at. Again after a rebalance."""
        ...

    async def handle(self, record: LogRecord) -> None:
        """Take effect. Called at least once for each record; drop by position what was applied before."""
        ...

    async def idle(self, now_ms: int) -> None:
        """Called about every 100 ms, never during `handle`, for time-driven ends such as batches."""
        ...

    async def revoked(self, partition: int) -> None:
        """Forget this partition's state. No effect may happen for it afterwards."""
        ...


@runtime_checkable
class WritesLater(Protocol):
    """A `LogReader` that writes what it has handled in batches, and knows how far it has."""

    def written(self, partition: int) -> int:
        """Everything before this offset has taken effect for good. Only of an assigned partition."""
        ...


@runtime_checkable
class WorksLong(Protocol):
    """A `LogReader` that may work on one record for minutes, and says while it does."""

    @property
    def works_long(self) -> bool:
        """Whether it does now: that its position stands is no sign of a defect meanwhile."""
        ...


class Appended(msgspec.Struct, frozen=True):
    """Where the log put a record: its acknowledged offset and LogAppendTime in unix milliseconds."""

    partition: int
    offset: int
    appended_at_ms: int


class Appender(Protocol):
    """Appends one record and returns when all in-sync replicas have it (acks=all, idempotent producer).

    Raises `LogUnavailable` when no acknowledgement came in time: the record may or may not be in the log.
    """

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        """Append and wait for the acknowledgement."""
        ...


class LogTail(Protocol):
    """Reads a partition's records from an offset to its end at the time of the call (folds, rebuilds)."""

    async def end_offset(self, topic: str, partition: int) -> int:
        """The offset the next record will get."""
        ...

    async def begin_offset(self, topic: str, partition: int) -> int:
        """The first offset that is still kept."""
        ...

    async def log_id(self, topic: str) -> str:
        """Which log this is: a topic that was deleted and created again has another id."""
        ...

    def read(
        self, topic: str, partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        """Every record from offset `begin` to before `end` (by default the end as of now), in order."""
        ...


class LogUnavailable(Exception):
    """The log did not acknowledge in time. Callers answer 503 with `Retry-After`."""


class RecordFailed(Exception):
    """A reader can't take in a record although nothing that it needs is away: a defect of the reader.

    It is one of the records `first` to `last` of the partition; where they are the same and it is known,
    `index` is the request in it.
    """

    def __init__(
        self, error: Exception, *, topic: str, partition: int, first: int, last: int, index: int | None = None
    ) -> None:
        records = f"record {first}" if first == last else f"one of the records {first} to {last}"
        which = records if index is None else f"request {index} of {records}"
        super().__init__(f"{topic}[{partition}]: {which} can't be taken in: {error!r}")
        self.topic = topic
        self.partition = partition
        self.first = first
        self.last = last
        self.index = index
