"""Appends telemetry: what arrives while a record of a partition is in flight becomes its next record.

Source: the telemetry path of the design. One request is one part and is never split; its future resolves
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
from schemas.telemetry.record import TelemetryPart, encode_record
from streams.gateway.metrics import GatewayMetrics

_log: Final = logging.getLogger(__name__)

RECORD_BODY_BYTES_MAX: Final = 12 * 1024 * 1024
"""Bodies gathered into one record; the largest request is 4 MiB, the log's limit 16."""
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
WAITING_PARTS_MAX: Final = 20_000
_PART_OVERHEAD: Final = 256


class _Queue:
    """What waits for one partition."""

    __slots__ = ("bytes", "futures", "partition", "parts", "sender")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.parts: list[TelemetryPart] = []
        self.futures: list[asyncio.Future[Appended]] = []
        self.bytes = 0
        self.sender: asyncio.Task[None] | None = None


class TelemetryAppending:
    """Gathers parts into records of the telemetry topic, one record in flight for each partition."""

    def __init__(
        self,
        appender: Appender,
        *,
        partitions: int,
        metrics: GatewayMetrics,
        record_bytes_max: int = RECORD_BODY_BYTES_MAX,
        waiting_parts_max: int = WAITING_PARTS_MAX,
        waiting_bytes_max: int = WAITING_BYTES_MAX,
    ) -> None:
        self._appender = appender
        self._record_bytes_max = record_bytes_max
        self._waiting_parts_max = waiting_parts_max
        self._waiting_bytes_max = waiting_bytes_max
        self._queues = [_Queue(partition) for partition in range(partitions)]
        self._metrics = metrics
        self._waiting_bytes = 0
        self._waiting_parts = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def partition_of(self, *key: str) -> int:
        """The partition of a key, the same in every gateway and for ever as long as the count stays."""
        if len(self._queues) == 1:
            return 0
        return crc32("\x00".join(key).encode()) % len(self._queues)

    async def append(self, partition: int, part: TelemetryPart) -> Appended:
        """Append one part and wait for Kafka's acknowledgement of the record that holds it.

        Raises `LogUnavailable`: when too much is waiting the part was not sent; else it is unknown.
        """
        size = len(part.body) + _PART_OVERHEAD
        if (
            self._waiting_bytes + size > self._waiting_bytes_max
            or self._waiting_parts >= self._waiting_parts_max
        ):
            raise LogUnavailable("refused: too much is waiting for the log")
        queue = self._queues[partition]
        loop = self._loop
        if loop is None:  # asked once: CPython 3.11 makes a system call of it
            loop = self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Appended] = loop.create_future()
        queue.parts.append(part)
        queue.futures.append(future)
        queue.bytes += size
        self._waiting_bytes += size
        self._waiting_parts += 1
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
            while queue.parts:
                parts, futures, size = _take(queue, self._record_bytes_max)
                try:
                    appended = await self._append_record(queue.partition, parts)
                except LogUnavailable as error:
                    self._left(len(parts), size)
                    _fail(futures, error)
                    # What waits behind would wait as long again: its clients do better to come back later.
                    self._left(len(queue.parts), queue.bytes)
                    rest, queue.parts, queue.futures, queue.bytes = queue.futures, [], [], 0
                    _fail(rest, LogUnavailable("refused: the log does not acknowledge"))
                    continue
                self._left(len(parts), size)
                for future in futures:
                    if not future.done():
                        future.set_result(appended)
        finally:
            queue.sender = None

    async def _append_record(self, partition: int, parts: list[TelemetryPart]) -> Appended:
        value = encode_record(parts)
        self._metrics.record(len(parts), len(value))
        try:
            return await self._appender.append(TELEMETRY.name, partition, value)
        except LogUnavailable as error:
            self._metrics.unacknowledged()
            _log.warning("telemetry[%d]: %d requests not acknowledged: %s", partition, len(parts), error)
            raise
        except Exception as error:
            self._metrics.unacknowledged()
            _log.exception("telemetry[%d]: appending failed", partition)
            raise LogUnavailable(f"appending failed: {error!r}") from error

    def _left(self, parts: int, size: int) -> None:
        self._waiting_parts -= parts
        self._waiting_bytes -= size


def _take(
    queue: _Queue, record_bytes_max: int
) -> tuple[list[TelemetryPart], list[asyncio.Future[Appended]], int]:
    """Take as many parts as fit one record, in order; at least one."""
    if queue.bytes <= record_bytes_max:
        taken = queue.parts, queue.futures, queue.bytes
        queue.parts, queue.futures, queue.bytes = [], [], 0
        return taken
    count, size = 0, 0
    for part in queue.parts:
        part_size = len(part.body) + _PART_OVERHEAD
        if count and size + part_size > record_bytes_max:
            break
        count += 1
        size += part_size
    parts, futures = queue.parts[:count], queue.futures[:count]
    del queue.parts[:count], queue.futures[:count]
    queue.bytes -= size
    return parts, futures, size


def _fail(futures: list[asyncio.Future[Appended]], error: LogUnavailable) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
