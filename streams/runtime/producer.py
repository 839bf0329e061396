"""Appends records to Kafka: idempotent, acks=all, bounded; an unknown outcome is raised as one."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber, ProducerFenced, UnknownProducerId
from aiokafka.structs import RecordMetadata

from schemas.log import Appended, LogUnavailable
from schemas.topics import RECORD_BYTES_MAX
from streams.runtime.brokers import Brokers, at

_log: Final = logging.getLogger(__name__)

_RECORD_OVERHEAD: Final = 512
_REQUEST_BYTES_MAX: Final = RECORD_BYTES_MAX + 64 * 1024
_LOST_ITS_PLACE: Final = (OutOfOrderSequenceNumber, ProducerFenced, UnknownProducerId)
"""aiokafka can't go on after these (its issue 1017): the producer is replaced by a new one."""


class KafkaAppender:
    """A `schemas.log.Appender`. Any number of callers at once; one caller's awaited appends keep their order.

    A batch that aiokafka has taken is never given up, so what timed out may still be written later: it stays
    in the in-flight budget until Kafka answers, and a full budget refuses at once instead of queueing.
    """

    def __init__(
        self,
        bootstrap: Brokers | str,
        *,
        client_id: str = "questlog",
        timeout_s: float = 12.0,
        in_flight_bytes_max: int = 64 * 1024 * 1024,
        compression: str | None = None,
    ) -> None:
        self._brokers: Final = at(bootstrap)
        self._settings: dict[str, Any] = {
            **self._brokers.client(),
            "client_id": client_id,
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": 0,
            "max_request_size": _REQUEST_BYTES_MAX,
            "request_timeout_ms": int(timeout_s * 1000),
            "compression_type": compression,
            "metadata_max_age_ms": 15_000,
        }
        self._timeout_s = timeout_s
        self._in_flight_bytes_max = in_flight_bytes_max
        self._in_flight_bytes = 0
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def in_flight_bytes(self) -> int:
        """Bytes taken and not yet answered by Kafka, those whose caller has given up included."""
        return self._in_flight_bytes

    async def start(self) -> None:
        """Connect. Raises `LogUnavailable` when there is no Kafka; may be called again."""
        await self._started()

    async def stop(self) -> None:
        """Send what is taken (at most `timeout_s`), then close."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._close(producer)
        if self._closing:
            await asyncio.wait(self._closing)

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        """Append one record and wait for all in-sync replicas.

        Raises `LogUnavailable` when no acknowledgement came within `timeout_s`, the budget is full, or Kafka
        refuses: unless the message says `refused`, the record may or may not be in the log.
        """
        size = len(value) + len(key or b"") + _RECORD_OVERHEAD
        if size > _REQUEST_BYTES_MAX:
            raise ValueError(f"a record of {size} bytes is larger than {RECORD_BYTES_MAX}")
        if self._in_flight_bytes + size > self._in_flight_bytes_max:
            raise LogUnavailable("refused: too much is waiting for Kafka")
        acknowledged = await self._taken(size, topic=topic, partition=partition, value=value, key=key)
        await asyncio.wait((acknowledged,), timeout=self._timeout_s)
        if not acknowledged.done():
            raise LogUnavailable(f"{topic}[{partition}] did not acknowledge within {self._timeout_s:.0f} s")
        error = acknowledged.exception()
        if error is not None:
            raise LogUnavailable(f"{topic}[{partition}]: {error!r}") from error
        metadata: RecordMetadata = acknowledged.result()
        return Appended(partition, metadata.offset, metadata.timestamp)

    async def _taken(self, size: int, **record: Any) -> asyncio.Future[RecordMetadata]:
        """Give a record to aiokafka; its bytes are in flight until the future is done."""
        self._in_flight_bytes += size
        producer = self._producer
        try:
            producer = producer or await self._started()
            acknowledged: asyncio.Future[RecordMetadata] = await producer.send(**record)
        except BaseException as error:
            self._in_flight_bytes -= size
            if isinstance(error, _LOST_ITS_PLACE):
                self._replace(producer)
            if isinstance(error, KafkaError):
                raise LogUnavailable(f"{record['topic']}[{record['partition']}]: {error!r}") from error
            raise

        def done(future: asyncio.Future[RecordMetadata]) -> None:
            self._in_flight_bytes -= size
            if not future.cancelled() and isinstance(future.exception(), _LOST_ITS_PLACE):
                self._replace(producer)

        acknowledged.add_done_callback(done)
        return acknowledged

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._settings)
                try:
                    await producer.start()
                except BaseException as error:  # a caller that is cancelled leaves none open either
                    await producer.stop()
                    if isinstance(error, KafkaError):
                        why = await self._brokers.trouble()
                        raise LogUnavailable(f"refused: no Kafka: {why}") from error
                    raise
                self._producer = producer
            return self._producer

    def _replace(self, producer: AIOKafkaProducer | None) -> None:
        if producer is not None and self._producer is producer:
            _log.warning("the producer lost its place in the log; a new one takes over")
            self._producer = None
            closing = asyncio.ensure_future(self._close(producer))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _close(self, producer: AIOKafkaProducer) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await producer.stop()
        except (TimeoutError, KafkaError) as error:
            _log.warning("the producer did not close cleanly: %r", error)
