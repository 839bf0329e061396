"""The appender on a broken network to Kafka: late, reset in the middle of a record, silent.

Everything acknowledged is in the log exactly once and at the acknowledged offset; what was not may be there
once or not at all, and nothing is there in half.
"""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.stack.kafka import kafka_part
from deploy.stack.ports import free_port
from deploy.stack.program import RunningProgram
from schemas.log import LogUnavailable
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from tests.faults.toxic import toxic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.faults.toxic import Toxic

pytestmark = pytest.mark.stack
TOPIC = "spoiled"
TIMEOUT_SECONDS = 3.0


@asynccontextmanager
async def kafka_behind(proxy: Toxic, home: Path, port: int) -> AsyncIterator[None]:
    """A broker that tells its clients the proxy's port instead of its own."""
    spec = kafka_part(home, port)
    properties = home / "kafka" / "server.properties"

    def prepare() -> None:
        assert spec.prepare is not None
        spec.prepare()
        text = properties.read_text()
        proxied = f"advertised.listeners=PLAINTEXT://127.0.0.1:{proxy.port}\n"
        properties.write_text(text.replace(f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n", proxied))

    part = await RunningProgram.start(dataclasses.replace(spec, prepare=prepare), home / "logs")
    try:
        await part.wait_ready()
        admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{proxy.port}")
        await admin.start()
        try:
            await admin.create_topics([NewTopic(TOPIC, 1, 1)])
        finally:
            await admin.close()
        yield
    finally:
        part.kill()
        await part.process.wait()


class Writer:
    """Appends numbered records one after the other and remembers each acknowledgement."""

    def __init__(self, appender: KafkaAppender) -> None:
        self._appender = appender
        self.acknowledged: dict[int, int] = {}
        self.unknown: set[int] = set()
        self.number = 0

    async def append(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            value = b"%d:" % self.number + b"x" * 2_000 + b":%d" % self.number
            try:
                appended = await self._appender.append(TOPIC, 0, value)
            except LogUnavailable:
                self.unknown.add(self.number)
            else:
                self.acknowledged[self.number] = appended.offset

    async def append_until_acknowledged(self, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            before = len(self.acknowledged)
            while len(self.acknowledged) == before:
                await self.append(1)


async def test_every_acknowledged_record_is_in_the_log_once(tmp_path: Path) -> None:
    port = free_port()
    async with toxic(port) as proxy, kafka_behind(proxy, tmp_path, port):
        bootstrap = f"127.0.0.1:{proxy.port}"
        appender = KafkaAppender(bootstrap, timeout_s=TIMEOUT_SECONDS)
        await appender.start()
        writer = Writer(appender)
        try:
            await writer.append(20)
            proxy.latency_seconds = 0.05
            await writer.append(5)
            proxy.latency_seconds = 0.0
            for bytes_through in (100, 1_500, 5_000, 30_000):
                proxy.reset_after_bytes = bytes_through
                await writer.append(20)
                await writer.append_until_acknowledged(60)
            proxy.swallow = True
            await writer.append(2)
            assert {writer.number, writer.number - 1} <= writer.unknown
            proxy.swallow = False
            proxy.reset_all()
            await writer.append_until_acknowledged(60)
            await writer.append(20)
        finally:
            await appender.stop()
        tail = KafkaTail(bootstrap)
        try:
            records = [record async for record in tail.read(TOPIC, 0, 0)]
        finally:
            await tail.stop()
    at: dict[int, list[int]] = {}
    for record in records:
        number = int(record.value.split(b":")[0])
        assert record.value.endswith(b":%d" % number)
        at.setdefault(number, []).append(record.offset)
    assert {number: offsets for number, offsets in at.items() if len(offsets) > 1} == {}
    assert {number: at.get(number) for number in writer.acknowledged} == {
        number: [offset] for number, offset in writer.acknowledged.items()
    }
    assert set(at) <= set(writer.acknowledged) | writer.unknown
