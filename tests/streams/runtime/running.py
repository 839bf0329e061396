"""Runs a role in this process against the real Kafka, with a reader that remembers."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.log import LogRecord
from schemas.topics import Topic, topic_settings
from streams.runtime.application import create_application
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from streams.runtime.reader import Role

PATIENCE_S = 30.0


async def create_topic(kafka: str, partitions: int = 1) -> Topic:
    """A topic of the test's own, with the settings of all our topics."""
    topic = Topic(name=f"test-{uuid.uuid4().hex[:12]}", partitions=partitions, description="a test's")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic.name, partitions, 1, topic_configs=topic_settings(topic))])
    finally:
        await admin.close()
    return topic


async def fill(kafka: str, topic: Topic, values: list[bytes], partition: int = 0) -> None:
    """Append values as one record each."""
    appender = KafkaAppender(kafka)
    await asyncio.gather(*[appender.append(topic.name, partition, value) for value in values])
    await appender.stop()


class Remembering:
    """A `LogReader` that begins where it is told and keeps what it is given."""

    def __init__(self, begin: int = 0) -> None:
        self.begin = begin
        self.records: list[LogRecord] = []
        self.assigned_partitions: list[int] = []
        self.revoked_partitions: list[int] = []
        self.ticks = 0
        self.effect: Callable[[LogRecord], Awaitable[None]] | None = None

    async def assigned(self, partition: int) -> int:
        self.assigned_partitions.append(partition)
        return self.begin

    async def handle(self, record: LogRecord) -> None:
        if self.effect is not None:
            await self.effect(record)
        self.records.append(record)

    async def idle(self, now_ms: int) -> None:
        assert now_ms > 0
        self.ticks += 1

    async def revoked(self, partition: int) -> None:
        self.revoked_partitions.append(partition)

    @property
    def offsets(self) -> list[int]:
        return [record.offset for record in self.records]


class Running:
    """A role while it runs. `exits` are the codes with which the process would have ended."""

    def __init__(self, role: Role, stop: asyncio.Event) -> None:
        self.role = role
        self.stop = stop
        self.exits: list[int] = []
        self.task: asyncio.Task[None] | None = None


async def until(true: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
    """Wait for a condition; fails when it does not come."""
    async with asyncio.timeout(patience_s):
        while not true():  # noqa: ASYNC110 - conditions of many kinds, in tests only
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(
    kafka: str, home: Path, topic: Topic, reader: Any, *, role: str | None = None, **settings: Any
) -> AsyncIterator[Running]:
    """A role that reads the topic; stopped at the end."""
    app = create_application(
        role or f"test-{uuid.uuid4().hex[:8]}", instance="0", bootstrap=kafka, data_dir=home, **settings
    )
    tail = KafkaTail(kafka)
    exits: list[int] = []
    stop = asyncio.Event()
    run = Running(Role(app, [(topic, reader)], tail=tail, exit_process=exits.append), stop)
    run.exits = exits
    run.task = asyncio.ensure_future(run.role.run(stop))
    try:
        yield run
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await run.task
        await tail.stop()
