"""Appends telemetry: what arrives while a record of a partition is in flight becomes its next record.

Source: the telemetry path of the design. One request is one entry and is never split; its future resolves
when Kafka has acknowledged the record that holds it. Alone it goes out at once; under load every fixed cost
is shared.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final
from zlib import crc32

from schemas.log import Appended, Appender, LogUnavailable
from schemas.telemetry.noun import TELEMETRY
from schemas.telemetry.record import TelemetryEntry, encode_record
from streams.gateway.metrics import GatewayMetrics

_log: Final = logging.getLogger(__name__)

RECORD_BODY_BYTES_MAX: Final = 12 * 1024 * 1024
"""Bodies gathered into one record; the largest request is 4 MiB, the log's limit 16."""
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
WAITING_ENTRIES_MAX: Final = 20_000
_ENTRY_OVERHEAD: Final = 256


class _Queue:
    """What waits for one partition."""

    __slots__ = ("bytes", "entries", "futures", "partition", "sender")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.entries: list[TelemetryEntry] = []
        self.futures: list[asyncio.Future[Appended]] = []
        self.bytes = 0
        self.sender: asyncio.Task[None] | None = None


class TelemetryAppending:
    """Gathers entries into records of the telemetry topic, one record in flight for each partition."""

    def __init__(
        self,
        appender: Appender,
        *,
        partitions: int,
        metrics: GatewayMetrics,
        record_bytes_max: int = RECORD_BODY_BYTES_MAX,
        waiting_entries_max: int = WAITING_ENTRIES_MAX,
        waiting_bytes_max: int = WAITING_BYTES_MAX,
    ) -> None:
        self._appender = appender
        self._record_bytes_max = record_bytes_max
        self._waiting_entries_max = waiting_entries_max
        self._waiting_bytes_max = waiting_bytes_max
        self._queues = [_Queue(partition) for partition in range(partitions)]
        self._metrics = metrics
        self._waiting_bytes = 0
        self._waiting_entries = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def partition_of(self, *key: str) -> int:
        """The partition of a key, the same in every gateway and for ever as long as the count stays."""
        if len(self._queues) == 1:
            return 0
        return crc32("\x00".join(key).encode()) % len(self._queues)

    async def append(self, partition: int, entry: TelemetryEntry) -> Appended:
        """Append one entry and wait for Kafka's acknowledgement of the record that holds it.

        Raises `LogUnavailable`: when too much is waiting the entry was not sent; else it is unknown.
        """
        size = len(entry.body) + _ENTRY_OVERHEAD
        if (
            self._waiting_bytes + size > self._waiting_bytes_max
            or self._waiting_entries >= self._waiting_entries_max
        ):
            raise LogUnavailable("refused: too much is waiting for the log")
        queue = self._queues[partition]
        loop = self._loop
        if loop is None:  # asked once: CPython 3.11 makes a system call of it
            loop = self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Appended] = loop.create_future()
        queue.entries.append(entry)
        queue.futures.append(future)
        queue.bytes += size
        self._waiting_bytes += size
        self._waiting_entries += 1
        if queue.sender is None:
            queue.sender = loop.create_task(self._send(queue))
        return await future

    async def drained(self) -> None:
        """Wait until everything taken has been answered: the end of a shutdown."""
        senders = [queue.sender for queue in self._queues if queue.sender is not None]
        if senders:
            await asyncio.wait(senders)

    async def _send(self, queue: _Queue) -> None:
        try:
            while queue.entries:
                entries, futures, size = _take(queue, self._record_bytes_max)
                try:
                    appended = await self._append_record(queue.partition, entries)
                except LogUnavailable as error:
                    self._left(len(entries), size)
                    _fail(futures, error)
                    # What waits behind would wait as long again: its clients do better to come back later.
                    self._left(len(queue.entries), queue.bytes)
                    rest, queue.entries, queue.futures, queue.bytes = queue.futures, [], [], 0
                    _fail(rest, LogUnavailable("refused: the log does not acknowledge"))
                    continue
                self._left(len(entries), size)
                for future in futures:
                    if not future.done():
                        future.set_result(appended)
        finally:
            queue.sender = None

    async def _append_record(self, partition: int, entries: list[TelemetryEntry]) -> Appended:
        value = encode_record(entries)
        self._metrics.record(len(entries), len(value))
        try:
            return await self._appender.append(TELEMETRY.name, partition, value)
        except LogUnavailable as error:
            self._metrics.unacknowledged()
            _log.warning("telemetry[%d]: %d requests not acknowledged: %s", partition, len(entries), error)
            raise
        except Exception as error:
            self._metrics.unacknowledged()
            _log.exception("telemetry[%d]: appending failed", partition)
            raise LogUnavailable(f"appending failed: {error!r}") from error

    def _left(self, entries: int, size: int) -> None:
        self._waiting_entries -= entries
        self._waiting_bytes -= size


def _take(
    queue: _Queue, record_bytes_max: int
) -> tuple[list[TelemetryEntry], list[asyncio.Future[Appended]], int]:
    """Take as many entries as fit one record, in order; at least one."""
    if queue.bytes <= record_bytes_max:
        taken = queue.entries, queue.futures, queue.bytes
        queue.entries, queue.futures, queue.bytes = [], [], 0
        return taken
    count, size = 0, 0
    for entry in queue.entries:
        entry_size = len(entry.body) + _ENTRY_OVERHEAD
        if count and size + entry_size > record_bytes_max:
            break
        count += 1
        size += entry_size
    entries, futures = queue.entries[:count], queue.futures[:count]
    del queue.entries[:count], queue.futures[:count]
    queue.bytes -= size
    return entries, futures, size


def _fail(futures: list[asyncio.Future[Appended]], error: LogUnavailable) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
