"""One topic's records on their way to the reader that takes effect of them: in order, each once.

A reader whose partitions are independent gets a lane for each: while one waits for Kafka the others go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

import msgspec

from schemas.log import LogReader, LogRecord, LogTail, WorksLong, WritesLater
from schemas.log_positions import PositionRefused, bounds
from schemas.topics import Topic
from streams.runtime import metrics
from streams.runtime.failures import Failures

LANE_RECORDS: Final = 8
"""Records that wait in a lane; the caller that adds more waits with them."""

Guard = Callable[[str], AbstractContextManager[None]]
"""Ends the process for what leaves its block."""


class PartitionHealth(msgspec.Struct, frozen=True):
    """How far one partition is: `position` is the next offset to handle, `lag` None before it is known."""

    topic: str
    partition: int
    position: int
    lag: int | None


class Binding:
    """One topic and the reader that takes effect of its records."""

    def __init__(
        self,
        topic: Topic,
        reader: LogReader,
        guard: Guard,
        *,
        lanes: bool,
        failures: Failures | None = None,
    ) -> None:
        self.topic = topic
        self.reader = reader
        self.positions: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self._guard = guard
        self._failures = failures or Failures("")
        self._writes_later = reader if isinstance(reader, WritesLater) else None
        self._works_long = reader if isinstance(reader, WorksLong) else None
        self._begins: dict[int, int] = {}
        self._lanes: dict[int, Lane] = {}
        self._together = None if lanes else asyncio.Lock()
        self._locks: dict[int, asyncio.Lock] = {}
        self._seconds = metrics.HANDLE_SECONDS.labels(topic.name)
        self._counters: dict[int, tuple[Any, Any, Any]] = {}

    @property
    def works_long(self) -> bool:
        """Whether the reader works on a record that takes minutes."""
        return self._works_long is not None and self._works_long.works_long

    async def assigned(self, partition: int, tail: LogTail) -> int:
        """Let the reader fold, and check that its position is in the log."""
        async with self._lock(partition):
            try:
                position = await self.reader.assigned(partition)
            except Exception as error:
                await self._failures.failed(self.topic.name, partition, begin=-1, offset=-1, error=error)
                raise
            _, end = await bounds(tail, self.topic.name, partition, position, where="the reader")
            self.ends[partition] = end
            self.positions[partition] = self._begins[partition] = position
            await self._failures.begun(self.topic.name, partition, position)
            return position

    async def revoked(self, partition: int) -> None:
        """Let the reader forget; records still in a buffer are dropped from here on."""
        async with self._lock(partition):
            lane = self._lanes.get(partition)
            if lane is not None:
                lane.empty()
            if self.positions.pop(partition, None) is not None:
                self.ends.pop(partition, None)
                metrics.forget(self.topic.name, partition)
                await self.reader.revoked(partition)

    async def offer(self, record: LogRecord) -> None:
        """Handle a record, or leave it to its partition's lane and return."""
        if self._together is not None:
            await self.handle(record)
            return
        lane = self._lanes.get(record.partition)
        if lane is None:
            lane = self._lanes[record.partition] = Lane(self, record.partition, self._guard)
        await lane.records.put(record)

    async def close(self) -> None:
        """Let records under way finish; those that wait in lanes are left to the partition's next owner."""
        for partition, lane in self._lanes.items():
            async with self._lock(partition):
                lane.task.cancel()

    async def handle(self, record: LogRecord) -> None:
        """Take effect of a record if it is the next one; drop it if it was; raise if one is missing."""
        async with self._lock(record.partition):
            expected = self.positions.get(record.partition)
            records, size, skipped = self._counted(record.partition)
            if expected is None or record.offset < expected:
                skipped.inc()
                return
            if record.offset > expected:
                raise PositionRefused(
                    f"{record.topic}[{record.partition}]: {record.offset} came where {expected} was expected"
                )
            begun = time.perf_counter()
            try:
                await self.reader.handle(record)
            except Exception as error:
                error.add_note(f"while handling {record.topic}[{record.partition}]@{record.offset}")
                await self._failed(record.partition, record.offset, error)
                raise
            self._seconds.observe(time.perf_counter() - begun)
            records.inc()
            size.inc(len(record.value))
            self.positions[record.partition] = record.offset + 1

    async def idle(self, now_ms: int) -> None:
        """Tick the reader, unless it has nothing."""
        if self.positions:
            async with self._together or contextlib.nullcontext():
                try:
                    await self.reader.idle(now_ms)
                except Exception as error:
                    for partition, position in self._unwritten():
                        await self._failed(partition, position - 1, error)
                    raise
            for partition, position in list(self.positions.items()):
                written = self._writes_later.written(partition) if self._writes_later else None
                await self._failures.handled(self.topic.name, partition, position, written=written)

    async def _failed(self, partition: int, offset: int, error: Exception) -> None:
        begin = self._begins.get(partition, -1)
        await self._failures.failed(self.topic.name, partition, begin=begin, offset=offset, error=error)

    def _unwritten(self) -> list[tuple[int, int]]:
        """The partitions that handled records since they began, and how far; all where none did."""
        moved = [one for one in self.positions.items() if one[1] > self._begins.get(one[0], 0)]
        return moved or list(self.positions.items())

    def health(self) -> list[PartitionHealth]:
        """Each partition's position, by the last look at the log's end."""
        return [
            PartitionHealth(
                self.topic.name,
                partition,
                position,
                max(0, self.ends[partition] - position) if partition in self.ends else None,
            )
            for partition, position in sorted(self.positions.items())
        ]

    def _lock(self, partition: int) -> asyncio.Lock:
        if self._together is not None:
            return self._together
        return self._locks.setdefault(partition, asyncio.Lock())

    def _counted(self, partition: int) -> tuple[Any, Any, Any]:
        counters = self._counters.get(partition)
        if counters is None:
            labels = (self.topic.name, str(partition))
            counters = self._counters[partition] = (
                metrics.RECORDS.labels(*labels),
                metrics.RECORD_BYTES.labels(*labels),
                metrics.SKIPPED.labels(*labels),
            )
        return counters


class Lane:
    """One partition's records in line, and the task that handles them."""

    def __init__(self, binding: Binding, partition: int, guard: Guard) -> None:
        self.records: asyncio.Queue[LogRecord] = asyncio.Queue(LANE_RECORDS)
        self.task = asyncio.create_task(self._run(binding, partition, guard))

    def empty(self) -> None:
        """Drop what waits."""
        while not self.records.empty():
            self.records.get_nowait()

    async def _run(self, binding: Binding, partition: int, guard: Guard) -> None:
        with guard(f"the reader of {binding.topic.name}[{partition}]"):
            while True:
                await binding.handle(await self.records.get())
