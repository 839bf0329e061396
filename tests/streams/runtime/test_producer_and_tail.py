from __future__ import annotations

import asyncio
import gc

import msgspec
import pytest
from aiokafka.errors import OutOfOrderSequenceNumber

from deploy.stack.ports import free_port
from schemas.log import LogUnavailable
from schemas.log_positions import Cursor, Position, PositionRefused, begin
from schemas.topics import RECORD_BYTES_MAX
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from tests.faults.lost_records import delete_records
from tests.streams.runtime.running import create_topic, fill

pytestmark = pytest.mark.stack


async def test_an_append_says_where_and_when(kafka: str) -> None:
    topic = await create_topic(kafka)
    appender = KafkaAppender(kafka)
    first = await appender.append(topic.name, 0, b"a", b"key")
    second = await appender.append(topic.name, 0, b"b")
    assert (first.offset, second.offset) == (0, 1)
    assert first.appended_at_ms > 1_700_000_000_000
    assert appender.in_flight_bytes == 0
    await appender.stop()


async def test_a_topic_is_read_to_its_end(kafka: str) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, [b"%d" % number for number in range(1200)])
    tail = KafkaTail(kafka)
    assert await tail.begin_offset(topic.name, 0) == 0
    assert await tail.end_offset(topic.name, 0) == 1200
    everything = [record.offset async for record in tail.read(topic.name, 0, 0)]
    assert everything == list(range(1200))
    some = [record.offset async for record in tail.read(topic.name, 0, 100, 110)]
    assert some == list(range(100, 110))
    assert [record async for record in tail.read(topic.name, 0, 1200)] == []
    await tail.stop()


async def test_offsets_that_are_not_kept_are_refused(kafka: str) -> None:
    topic = await create_topic(kafka)
    tail = KafkaTail(kafka)
    with pytest.raises(LogUnavailable, match="can't be read from 5"):
        [record async for record in tail.read(topic.name, 0, 5, 6)]
    await tail.stop()


async def test_a_position_is_compared_with_what_kafka_still_has(kafka: str) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, [b"%d" % number for number in range(5)])
    tail = KafkaTail(kafka)
    cursor = Cursor((await begin(tail, topic.name, 0, Position(), where="a test")).position)
    async for record in tail.read(topic.name, 0, 0, 4):
        assert cursor.accept(record, record.offset)
    await delete_records(kafka, topic.name, 0, before=3)
    for held, why in (
        (Position(), "begins at 3"),
        (Position(2, 1, "a-b"), "begins at 3"),
        (Position(6), "ends at 5"),
        (Position(4, 3, "a-b"), "another one"),
        (msgspec.structs.replace(cursor.position, log_id="another"), "another log"),
    ):
        with pytest.raises(PositionRefused, match=f"a test holds .*{why}.*questlog repair"):
            await begin(tail, topic.name, 0, held, where="a test")
    unmarked = msgspec.structs.replace(cursor.position, mark="")
    for held in (cursor.position, unmarked):
        start = await begin(tail, topic.name, 0, held, where="a test")
        assert (start.position, start.end, start.marked) == (cursor.position, 5, held is unmarked)
    assert not (await begin(tail, topic.name, 0, Position(3, 2, "a-b"), where="a test")).marked
    await tail.stop()


async def test_a_log_has_an_identity(kafka: str) -> None:
    one, other = await create_topic(kafka), await create_topic(kafka)
    tail = KafkaTail(kafka)
    identity = await tail.log_id(one.name)
    assert len(identity) == 36
    assert await tail.log_id(one.name) == identity
    assert await tail.log_id(other.name) != identity
    with pytest.raises(LogUnavailable):
        await tail.log_id("no-such-topic")
    await tail.stop()


async def test_many_at_once_keep_within_the_budget(kafka: str) -> None:
    topic = await create_topic(kafka)
    appender = KafkaAppender(kafka, in_flight_bytes_max=10_000)
    results = await asyncio.gather(
        *[appender.append(topic.name, 0, bytes(4000)) for _ in range(10)], return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, LogUnavailable)]
    assert 0 < len(refused) < 10
    assert "refused" in str(refused[0])
    assert appender.in_flight_bytes == 0
    await appender.stop()


async def test_a_record_over_the_limit_is_the_callers_mistake(kafka: str) -> None:
    appender = KafkaAppender(kafka)
    with pytest.raises(ValueError, match="larger"):
        await appender.append("any", 0, bytes(RECORD_BYTES_MAX + 100_000))


async def test_without_kafka_an_append_is_refused_and_a_question_unanswered() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with pytest.raises(LogUnavailable, match="refused"):
        await KafkaAppender(nowhere).append("t", 0, b"x")
    with pytest.raises(LogUnavailable):
        await KafkaTail(nowhere).end_offset("t", 0)


async def test_a_missing_topic_does_not_acknowledge(kafka: str) -> None:
    appender = KafkaAppender(kafka, timeout_s=2)
    with pytest.raises(LogUnavailable):
        await appender.append("no-such-topic", 0, b"x")
    await appender.stop()


async def test_a_producer_that_lost_its_place_is_replaced(kafka: str) -> None:
    topic = await create_topic(kafka)
    appender = KafkaAppender(kafka)
    await appender.append(topic.name, 0, b"before")
    lost = appender._producer
    assert lost is not None
    send = lost.send

    async def out_of_order(*_args: object, **_kwargs: object) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_exception(OutOfOrderSequenceNumber())
        return future

    lost.send = out_of_order  # what aiokafka's issue 1017 shows after broker trouble
    with pytest.raises(LogUnavailable):
        await appender.append(topic.name, 0, b"lost")
    lost.send = send
    assert (await appender.append(topic.name, 0, b"after")).offset == 1
    assert appender._producer is not lost
    await appender.stop()


@pytest.mark.parametrize("turns", [1, 3, 10])
@pytest.mark.parametrize("kind", [KafkaAppender, KafkaTail])
async def test_who_is_cancelled_while_connecting_leaves_no_connection_open(
    kafka: str, kind: type[KafkaAppender | KafkaTail], turns: int
) -> None:
    client = kind(kafka)
    starting = asyncio.ensure_future(client.start())
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await client.stop()
    del client, starting
    gc.collect()  # an unclosed one warns, and warnings are errors
