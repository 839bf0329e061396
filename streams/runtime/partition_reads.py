"""Reads a partition from an offset to an end, outside any consumer group: folds, rebuilds, verification."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from schemas.log import LogRecord, LogUnavailable
from schemas.topics import RECORD_BYTES_MAX
from streams.runtime.brokers import Brokers, at
from streams.runtime.log_identity import topic_id

_PROGRESS_SECONDS: Final = 30.0
_POLL_MS: Final = 1000
_RECORDS_PER_POLL: Final = 500


class KafkaTail:
    """A `schemas.log.LogTail` on a Kafka cluster. One connection for questions, one more while reading.

    Every method raises `LogUnavailable` when the cluster does not answer in time.
    """

    def __init__(self, bootstrap: Brokers | str, *, client_id: str = "questlog-tail") -> None:
        self._brokers: Final = at(bootstrap)
        self._settings: dict[str, Any] = {**self._brokers.reader(), "client_id": client_id}
        self._questions: AIOKafkaConsumer | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Connect now instead of at the first question."""
        await self._consumer()

    async def stop(self) -> None:
        """Close the connection. Reads that are under way close theirs by themselves."""
        consumer, self._questions = self._questions, None
        if consumer is not None:
            await consumer.stop()

    async def end_offset(self, topic: str, partition: int) -> int:
        """The offset the next record will get."""
        where = TopicPartition(topic, partition)
        consumer = await self._consumer()
        return await self._ask(consumer.end_offsets([where]), where)

    async def begin_offset(self, topic: str, partition: int) -> int:
        """The first offset that is still kept."""
        where = TopicPartition(topic, partition)
        consumer = await self._consumer()
        return await self._ask(consumer.beginning_offsets([where]), where)

    async def offset_at(self, topic: str, partition: int, at_ms: int) -> int:
        """The first offset whose record the log took at `at_ms` (unix milliseconds) or later, or the end."""
        where = TopicPartition(topic, partition)
        consumer = await self._consumer()
        try:
            found = (await consumer.offsets_for_times({where: at_ms}))[where]
        except (KafkaError, TimeoutError) as error:
            raise LogUnavailable(f"no offset of {topic}[{partition}]: {error!r}") from error
        return await self.end_offset(topic, partition) if found is None else int(found.offset)

    async def log_id(self, topic: str) -> str:
        """Which log this is (Kafka's topic id): a topic that was created again has another one."""
        consumer = await self._consumer()
        try:
            return await topic_id(consumer._client, topic)  # noqa: SLF001 - no public way to ask this
        except (KafkaError, TimeoutError) as error:
            raise LogUnavailable(f"the id of {topic} can't be had: {error!r}") from error

    async def read(
        self, topic: str, partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        """Every record from offset `begin` to before `end` (by default the end as of now), in order.

        Raises `LogUnavailable` after 30 s without progress, and when records at `begin` are no longer kept.
        Yields to the event loop between records.
        """
        stop_at = await self.end_offset(topic, partition) if end is None else end
        if begin >= stop_at:
            return
        where = TopicPartition(topic, partition)
        consumer = AIOKafkaConsumer(
            **self._settings,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=RECORD_BYTES_MAX,
            fetch_max_wait_ms=100,
            max_poll_records=_RECORDS_PER_POLL,
        )
        try:
            await consumer.start()
            consumer.assign([where])
            consumer.seek(where, begin)
            async for record in _records(consumer, where, stop_at):
                yield record
        except KafkaError as error:
            raise LogUnavailable(f"{topic}[{partition}] can't be read from {begin}: {error!r}") from error
        finally:
            await consumer.stop()

    async def _consumer(self) -> AIOKafkaConsumer:
        async with self._starting:
            if self._questions is None:
                consumer = AIOKafkaConsumer(**self._settings, enable_auto_commit=False)
                try:
                    await consumer.start()
                except BaseException as error:  # a caller that is cancelled leaves none open either
                    await consumer.stop()
                    if isinstance(error, KafkaError):
                        raise LogUnavailable(f"no Kafka: {await self._brokers.trouble()}") from error
                    raise
                self._questions = consumer
            return self._questions

    async def _ask(self, question: Any, where: TopicPartition) -> int:
        try:
            answer: dict[TopicPartition, int] = await question
        except (KafkaError, TimeoutError) as error:
            raise LogUnavailable(f"no offset of {where.topic}[{where.partition}]: {error!r}") from error
        return answer[where]


async def _records(
    consumer: AIOKafkaConsumer, where: TopicPartition, stop_at: int
) -> AsyncIterator[LogRecord]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PROGRESS_SECONDS
    while await consumer.position(where) < stop_at:
        batch = (await consumer.getmany(where, timeout_ms=_POLL_MS)).get(where, ())
        if not batch and loop.time() > deadline:
            raise LogUnavailable(
                f"{where.topic}[{where.partition}] gave nothing for {_PROGRESS_SECONDS:.0f} s"
            )
        for index, record in enumerate(batch):
            if record.offset >= stop_at:
                return
            if index % 50 == 0:
                await asyncio.sleep(0)
            yield log_record(record)
        if batch:
            deadline = loop.time() + _PROGRESS_SECONDS


def log_record(record: ConsumerRecord) -> LogRecord:
    """A record as the rooms see it. Topics have LogAppendTime, which is the record's timestamp."""
    return LogRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        appended_at_ms=record.timestamp,
        key=record.key,
        value=record.value,
    )
