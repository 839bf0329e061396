"""Reads a partition from an offset on without end, outside any consumer group and without Faust."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.log import LogRecord, LogUnavailable
from schemas.topics import RECORD_BYTES_MAX
from streams.runtime.brokers import Brokers, at
from streams.runtime.partition_reads import log_record

_POLL_MS: Final = 1000


async def follow(
    bootstrap: Brokers | str, topic: str, partition: int, begin: int
) -> AsyncIterator[LogRecord]:
    """Every record from offset `begin` on, as it comes. An outage of the broker only makes it wait.

    Raises `LogUnavailable` where the broker can't be reached at first, or records at `begin` are gone.
    """
    where = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(
        **at(bootstrap).reader(),
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=RECORD_BYTES_MAX,
        fetch_max_wait_ms=_POLL_MS,
    )
    try:
        await consumer.start()
        consumer.assign([where])
        consumer.seek(where, begin)
        while True:
            for record in (await consumer.getmany(where, timeout_ms=_POLL_MS)).get(where, ()):
                yield log_record(record)
    except KafkaError as error:
        raise LogUnavailable(f"{topic}[{partition}] can't be followed from {begin}: {error!r}") from error
    finally:
        await consumer.stop()
