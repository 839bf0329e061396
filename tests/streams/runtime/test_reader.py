from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from schemas.log import LogRecord
from streams.runtime.application import last_heartbeat_age_ms
from tests.streams.runtime.running import Remembering, create_topic, fill, running, until

pytestmark = pytest.mark.stack


def values(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


@pytest.mark.parametrize("begin", [0, 7, 20])
async def test_reading_begins_where_the_reader_says(kafka: str, tmp_path: Path, begin: int) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, values(20))
    reader = Remembering(begin)
    async with running(kafka, tmp_path, topic, reader) as run:
        await until(lambda: reader.assigned_partitions and run.role.health()["assigned"])
        await fill(kafka, topic, [b"last"])
        await until(lambda: reader.records and reader.records[-1].value == b"last")
        assert run.exits == []
    assert reader.offsets == list(range(begin, 21))
    first = reader.records[0]
    assert (first.topic, first.partition, first.key) == (topic.name, 0, None)
    assert first.appended_at_ms > 1_700_000_000_000


async def test_the_groups_offset_never_decides(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, values(10))
    role = f"again-{topic.name}"
    for begin in (0, 3, 8):
        reader = Remembering(begin)
        async with running(kafka, tmp_path, topic, reader, role=role, broker_commit_interval=0.1):
            await until(lambda: reader.offsets and reader.offsets[-1] == 9)  # noqa: B023 - awaited here
        assert reader.offsets == list(range(begin, 10))


async def test_every_partition_is_read_in_order(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka, partitions=3)
    for partition in range(3):
        await fill(kafka, topic, values(30), partition)
    reader = Remembering()
    async with running(kafka, tmp_path, topic, reader):
        await until(lambda: len(reader.records) == 90)
    for partition in range(3):
        offsets = [record.offset for record in reader.records if record.partition == partition]
        assert offsets == list(range(30))


async def test_a_reader_ticks_between_records(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka)
    reader = Remembering()
    async with running(kafka, tmp_path, topic, reader) as run:
        await until(lambda: reader.ticks >= 3)
        assert run.role.health()["partitions"] == [
            {"topic": topic.name, "partition": 0, "position": 0, "lag": 0}
        ]


async def test_an_exception_ends_the_process_and_nothing_after_it_is_handled(
    kafka: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, values(5))
    reader = Remembering()

    async def fail(record: LogRecord) -> None:
        if record.offset == 2:
            raise ZeroDivisionError

    reader.effect = fail
    async with running(kafka, tmp_path, topic, reader) as run:
        await until(lambda: run.exits)
    assert run.exits[0] == 70
    assert reader.offsets[:2] == [0, 1]
    assert "ZeroDivisionError" in caplog.text


async def test_a_cancellation_inside_a_reader_ends_the_process(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, values(1))
    reader = Remembering()

    async def cancelled(_record: LogRecord) -> None:
        raise asyncio.CancelledError

    reader.effect = cancelled
    async with running(kafka, tmp_path, topic, reader) as run:
        await until(lambda: run.exits)
    assert run.exits[0] == 70


@pytest.mark.parametrize("begin", [6, -1])
async def test_a_position_outside_the_log_is_refused_and_names_the_repair(
    kafka: str, tmp_path: Path, begin: int, caplog: pytest.LogCaptureFixture
) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, values(5))
    async with running(kafka, tmp_path, topic, Remembering(begin)) as run:
        await until(lambda: run.exits)
    assert run.exits[0] == 70
    assert "questlog repair" in caplog.text


async def test_stopping_lets_the_record_at_hand_finish(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, values(3))
    reader = Remembering()
    entered = asyncio.Event()

    async def slow(_record: LogRecord) -> None:
        entered.set()
        await asyncio.sleep(0.5)

    reader.effect = slow
    async with running(kafka, tmp_path, topic, reader) as run:
        async with asyncio.timeout(30):
            await entered.wait()
        run.stop.set()
        assert run.task is not None
        async with asyncio.timeout(30):
            await run.task
        finished = list(reader.offsets)
    assert finished == [0]
    assert run.exits == []


async def test_a_slow_reader_with_a_small_buffer_is_never_left_waiting_for_a_timer(
    kafka: str, tmp_path: Path
) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, values(300))
    reader = Remembering()

    async def yield_once(_record: LogRecord) -> None:
        await asyncio.sleep(0.001)

    reader.effect = yield_once
    async with running(kafka, tmp_path, topic, reader, stream_buffer_maxsize=4, broker_max_poll_records=4):
        # Upstream sleeps a second each time a buffer of 4 is full: 75 seconds for these.
        await until(lambda: len(reader.records) == 300, patience_s=15)


async def test_a_record_of_fifteen_mebibytes_is_read(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, [b"small", b"x" * (15 * 1024 * 1024), b"small"])
    reader = Remembering()
    async with running(kafka, tmp_path, topic, reader):
        await until(lambda: len(reader.records) == 3)
    assert sorted(len(record.value) for record in reader.records) == [5, 5, 15 * 1024 * 1024]


async def test_a_heartbeat_has_an_age(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka)
    async with running(kafka, tmp_path, topic, Remembering()) as run:
        assert last_heartbeat_age_ms(run.role.app) == float("inf")
        await until(lambda: run.role.health()["assigned"])
        await asyncio.sleep(2.5)
        assert last_heartbeat_age_ms(run.role.app) < 2000


class SlowlyFolding(Remembering):
    """Folds until it is told that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.folded = asyncio.Event()

    async def assigned(self, partition: int) -> int:
        position = await super().assigned(partition)
        await self.folded.wait()
        return position


async def test_a_worker_is_settled_once_it_has_folded(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka)
    reader = SlowlyFolding()
    async with running(kafka, tmp_path, topic, reader) as run:
        await until(lambda: reader.assigned_partitions)
        assert not run.role.health()["settled"]
        reader.folded.set()
        await until(lambda: run.role.health()["settled"])
        assert run.role.health()["assigned"]


async def test_two_workers_share_the_partitions_and_one_takes_over(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka, partitions=2)
    role = f"pair-{topic.name}"
    first, second = Remembering(), Remembering()

    async def both(settings: dict[str, Any]) -> None:
        async with running(kafka, tmp_path, topic, first, role=role) as one:
            await until(lambda: len(one.role.health()["partitions"]) == 2)
            async with running(kafka, tmp_path, topic, second, role=role, **settings) as two:
                await until(
                    lambda: len(one.role.health()["partitions"]) == len(two.role.health()["partitions"]) == 1
                )
                assert first.revoked_partitions
            assert one.exits == []
            assert two.exits == []

    await both({"consumer_group_instance_id": f"{role}-1", "broker_client_id": f"{role}-1"})
