"""Facts of Faust, mode and aiokafka that the runtime leans on or guards against, one test each.

An upgrade that changes one turns it red: then read what changed, and change `streams/runtime` before the pin.
The letters are those of the lab notes on Faust.
"""

from __future__ import annotations

import asyncio
import inspect
import time
import uuid
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import faust.streams
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition, conn
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka as driver
from intervaltree import IntervalTree

from schemas.topics import RECORD_BYTES_MAX
from streams.runtime import patches, tokens
from streams.runtime.application import create_application
from tests.streams.runtime.running import Remembering, create_topic, fill, running, until

patches.apply()


@pytest.mark.parametrize("package", list(patches.PINNED))
def test_versions_are_the_ones_the_patches_are_proven_for(package: str) -> None:
    assert version(package) == patches.PINNED[package]


def test_a12_the_compiled_stream_iterator_is_there() -> None:
    assert vars(faust.streams)["_CStreamIterator"] is not None


def new_offset(committed: int | None, acked: list[int]) -> int | None:
    where = faust.types.TP("t", 0)
    consumer: Any = SimpleNamespace(
        _acked={where: acked},
        _acked_index=defaultdict(set, {where: set(acked)}),
        _gap=defaultdict(IntervalTree),
        _committed_offset={where: committed},
    )
    result: int | None = Consumer._new_offset(consumer, where)
    return result


def test_a1_a_commit_can_pass_a_record_in_flight_so_positions_come_from_the_stores() -> None:
    assert new_offset(2585, [2586, 2587, 2588, 2589]) == 2590
    assert new_offset(None, [1, 2, 3]) == 4
    assert new_offset(0, [5, 6, 7]) == 8


def test_a1_in_order_and_without_gaps_it_is_right() -> None:
    assert new_offset(3, [3, 4, 5]) == 6


@pytest.mark.stack
async def test_a2_an_agents_exception_acknowledges_its_record(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka)
    await fill(kafka, topic, [b"0", b"1", b"2"])
    group = f"canary-{uuid.uuid4().hex[:8]}"
    app = create_application(
        group, instance="0", bootstrap=kafka, data_dir=tmp_path, broker_commit_interval=0.1
    )
    seen: list[bytes] = []

    async def read(stream: Any) -> None:
        async for value in stream:
            seen.append(value)
            if value == b"1":
                raise ZeroDivisionError

    app.agent(app.topic(topic.name, value_type=bytes))(read)
    await app.start()
    await until(lambda: b"2" in seen)
    await asyncio.sleep(0.5)
    await app.stop()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, group_id=f"questlog-{group}", enable_auto_commit=False
    )
    await consumer.start()
    assert await consumer.committed(TopicPartition(topic.name, 0)) == 3
    await consumer.stop()


def test_a4_upstreams_producer_is_not_idempotent_by_itself() -> None:
    source = inspect.getsource(driver)
    assert 'return {"acks": "all", "enable_idempotence": True}\n        return {}' in source
    producer = driver.Producer.__new__(driver.Producer)
    assert producer._settings_extra() == {"acks": "all", "enable_idempotence": True}


@pytest.mark.stack
async def test_a7_a_missing_topic_is_neither_created_nor_read(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka)
    missing = type(topic)(name=f"missing-{uuid.uuid4().hex[:8]}", partitions=1, description="")
    reader = Remembering()
    async with running(kafka, tmp_path, missing, reader) as run:
        await until(lambda: run.role.app.consumer_generation_id > 0)
        await asyncio.sleep(1)
        assert reader.assigned_partitions == []
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    assert missing.name not in await consumer.topics()
    await consumer.stop()


def test_an_answer_to_a_token_is_ignored_upstream() -> None:
    """Where this fails, what `streams.runtime.tokens` puts in its place can go."""
    source = inspect.getsource(conn.OAuthAuthenticator)
    assert "async def step(self, payload):\n        if self._token_sent:\n            return None\n" in source
    assert conn.OAuthAuthenticator.step is tokens._answered_step


def test_a9_the_fetch_wait_is_hard_coded_upstream() -> None:
    assert "fetch_max_wait_ms=1500" in inspect.getsource(driver)
    source = inspect.getsource(AIOKafkaConsumer)
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in source
    assert "fetch_min_bytes=self._fetch_min_bytes" in source
    assert "client_rack=self._client_rack" in source
    assert "client_rack" not in inspect.getsource(driver)


@pytest.mark.stack
async def test_a9_our_consumer_waits_and_fetches_as_we_say(kafka: str, tmp_path: Path) -> None:
    topic = await create_topic(kafka)
    async with running(kafka, tmp_path, topic, Remembering()) as run:
        await until(lambda: run.role.health()["assigned"])
        consumer = run.role.app.consumer._thread._consumer  # type: ignore[attr-defined]
        assert consumer._fetcher._fetch_max_wait_ms == patches.FETCH_MAX_WAIT_MS
        assert consumer._fetcher._max_partition_fetch_bytes == RECORD_BYTES_MAX
        assert consumer._group_instance_id == run.role.app.conf.consumer_group_instance_id


def test_a10_upstream_pauses_a_full_partition_and_sleeps_a_second_when_all_are_paused() -> None:
    source = inspect.getsource(Consumer._wait_next_records)
    assert "await self.sleep(1)" in source
    assert Consumer.on_buffer_full is patches._keep_fetching


async def test_heartbeats_are_seen_where_aiokafka_sends_them() -> None:
    assert "success = await self._do_heartbeat()" in inspect.getsource(GroupCoordinator._heartbeat_routine)
    answers = iter([True, False])

    async def send(_request: Any) -> Any:
        code = 0 if next(answers) else 27  # rebalance in progress is a good heartbeat too
        return SimpleNamespace(error_code=code)

    group = f"canary-{uuid.uuid4().hex}"
    coordinator: Any = SimpleNamespace(
        group_id=group, generation=1, member_id="m", _send_req=send, request_rejoin=lambda: None
    )
    assert patches.heartbeat_age_s(group) == float("inf")
    assert await GroupCoordinator._do_heartbeat(coordinator)
    first = time.monotonic() - patches.heartbeat_age_s(group)
    assert await GroupCoordinator._do_heartbeat(coordinator)
    assert time.monotonic() - patches.heartbeat_age_s(group) >= first


async def test_a_refused_heartbeat_is_no_heartbeat() -> None:
    async def send(_request: Any) -> Any:
        return SimpleNamespace(error_code=25)  # unknown member: the group has gone on without us

    group = f"canary-{uuid.uuid4().hex}"
    coordinator: Any = SimpleNamespace(
        group_id=group, generation=1, member_id="m", _send_req=send, reset_generation=lambda: None
    )
    assert not await GroupCoordinator._do_heartbeat(coordinator)
    assert patches.heartbeat_age_s(group) == float("inf")


def test_seeding_rests_on_the_order_signal_then_seek() -> None:
    source = inspect.getsource(Recovery._resume_streams)
    signal, seek = source.index("on_rebalance_complete.send()"), source.index("consumer.perform_seek()")
    resume = source.index("flow_control.resume()")
    assert signal < seek < resume


def test_seeding_rests_on_a_commit_that_says_when_the_group_moved_on() -> None:
    source = inspect.getsource(driver.AIOKafkaConsumerThread._commit)
    assert 'if "already rebalanced" in str(exc):\n                return False' in source


def test_stopping_rests_on_waiting_for_the_record_at_hand() -> None:
    source = inspect.getsource(faust.App._stop_consumer)
    assert source.index("_stop_fetcher") < source.index("_consumer_wait_empty")
