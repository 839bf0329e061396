"""Lanes: partitions don't wait for each other, each stays in order, one given up acts no more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from prometheus_client import REGISTRY

from schemas.log import LogRecord
from schemas.topics import Topic
from streams.runtime import metrics
from streams.runtime.binding import LANE_RECORDS, Binding
from tests.streams.deciders.memory_log import MemoryLog
from tests.streams.runtime.running import Remembering, until

TOPIC = Topic(name="t", partitions=2, description="a test's")


def record(partition: int, offset: int) -> LogRecord:
    return LogRecord(
        topic="t", partition=partition, offset=offset, appended_at_ms=1, key=None, value=b"%d" % offset
    )


class Held(Remembering):
    """Keeps partition 0 waiting until `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.begun: list[tuple[int, int]] = []
        self.effect = self._hold

    async def _hold(self, record: LogRecord) -> None:
        self.begun.append((record.partition, record.offset))
        if record.partition == 0:
            await self.go.wait()

    def handled(self, partition: int) -> list[int]:
        return [record.offset for record in self.records if record.partition == partition]


async def test_what_is_given_up_has_no_place_in_the_metrics() -> None:
    log = MemoryLog()
    binding = Binding(TOPIC, Remembering(), Failures().guard, lanes=False)
    await binding.assigned(0, log)
    for name, gauge in (("questlog_lag_records", metrics.LAG), ("questlog_position", metrics.POSITION)):
        gauge.labels("t", "0").set(7)
        assert REGISTRY.get_sample_value(name, {"topic": "t", "partition": "0"}) == 7
    await binding.revoked(0)
    for name in ("questlog_lag_records", "questlog_position"):
        assert REGISTRY.get_sample_value(name, {"topic": "t", "partition": "0"}) is None
    await binding.revoked(0)


class Failures:
    """What would have ended the process."""

    def __init__(self) -> None:
        self.met: list[str] = []

    @contextlib.contextmanager
    def guard(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - counted
            self.met.append(f"{what}: {error}")


@contextlib.asynccontextmanager
async def bound(reader: Held, failures: Failures, *, lanes: bool = True) -> AsyncIterator[Binding]:
    log = MemoryLog()
    for partition in range(TOPIC.partitions):
        for _ in range(50):
            await log.append("t", partition, b"x")
    binding = Binding(TOPIC, reader, failures.guard, lanes=lanes)
    for partition in range(TOPIC.partitions):
        await binding.assigned(partition, log)
    try:
        yield binding
    finally:
        reader.go.set()
        await binding.close()


async def test_one_partition_does_not_wait_for_another() -> None:
    reader, failures = Held(), Failures()
    async with bound(reader, failures) as binding:
        for offset in range(3):
            await binding.offer(record(0, offset))
            await binding.offer(record(1, offset))
        await until(lambda: reader.handled(1) == [0, 1, 2])
        assert reader.handled(0) == []
        reader.go.set()
        await until(lambda: reader.handled(0) == [0, 1, 2])
        assert {health.partition: health.position for health in binding.health()} == {0: 3, 1: 3}
    assert failures.met == []


async def test_without_lanes_it_does() -> None:
    reader = Held()
    async with bound(reader, Failures(), lanes=False) as binding:
        first = asyncio.ensure_future(binding.offer(record(0, 0)))
        second = asyncio.ensure_future(binding.offer(record(1, 0)))
        await until(lambda: reader.begun)
        await asyncio.sleep(0)
        assert (reader.begun, first.done(), second.done()) == ([(0, 0)], False, False)
        reader.go.set()
        await asyncio.gather(first, second)
        assert reader.begun == [(0, 0), (1, 0)]


async def test_a_full_lane_holds_back_who_brings_more() -> None:
    reader = Held()
    async with bound(reader, Failures()) as binding:
        for offset in range(LANE_RECORDS + 1):  # one is at hand
            await binding.offer(record(0, offset))
            await until(lambda: reader.begun)
        more = asyncio.ensure_future(binding.offer(record(0, LANE_RECORDS + 1)))
        await asyncio.sleep(0.01)
        assert not more.done()
        reader.go.set()
        await more
        await until(lambda: reader.handled(0) == list(range(LANE_RECORDS + 2)))


async def test_what_waits_for_a_partition_that_is_given_up_is_dropped() -> None:
    reader, failures = Held(), Failures()
    async with bound(reader, failures) as binding:
        for offset in range(4):
            await binding.offer(record(0, offset))
        await until(lambda: reader.begun)
        revoking = asyncio.ensure_future(binding.revoked(0))
        await asyncio.sleep(0)
        assert reader.revoked_partitions == []  # the record at hand is finished first
        reader.go.set()
        await revoking
        assert reader.handled(0) == [0]
        reader.begin = 1
        await binding.assigned(0, await log_of(2))
        await binding.offer(record(0, 1))
        await until(lambda: reader.handled(0) == [0, 1])
    assert failures.met == []


async def log_of(records: int) -> MemoryLog:
    log = MemoryLog()
    for _ in range(records):
        await log.append("t", 0, b"x")
    return log


async def test_the_record_at_hand_is_finished_at_the_end_and_no_other_begun() -> None:
    reader = Held()
    async with bound(reader, Failures()) as binding:
        for offset in range(3):
            await binding.offer(record(0, offset))
        await until(lambda: reader.begun)
        closing = asyncio.ensure_future(binding.close())
        await asyncio.sleep(0)
        reader.go.set()
        await closing
        await asyncio.sleep(0.01)
        assert reader.handled(0) == [0]


@pytest.mark.parametrize("offset", [1, 5])
async def test_a_missing_record_ends_the_process(offset: int) -> None:
    reader, failures = Held(), Failures()
    async with bound(reader, failures) as binding:
        await binding.offer(record(1, offset))
        await until(lambda: failures.met)
    assert failures.met == [f"the reader of t[1]: t[1]: {offset} came where 0 was expected"]
