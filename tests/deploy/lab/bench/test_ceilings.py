"""The ceilings on a real Kafka and a real ClickHouse."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.lab.bench import ceilings, mix
from deploy.lab.bench.processes import NoStackError, cpu_seconds, difference, parts, resident_bytes
from projections.clickhouse.client import ClickHouse
from schemas.telemetry.record import EntryKind, TelemetryEntry, encode_record

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.stack


def record(items: int) -> bytes:
    (body,) = mix.bodies("app", batch=items, count=1, now_ms=1_790_000_000_000, random=random.Random(1))
    entry = TelemetryEntry(
        kind=EntryKind.S4_ITEMS,
        request_id="r",
        studio_id="s",
        game_id="g",
        received_at_ms=0,
        item_count=items,
        country=None,
        region=None,
        city=None,
        body=body.data,
    )
    tick = TelemetryEntry(
        kind=EntryKind.TICK,
        request_id="t",
        studio_id="",
        game_id="",
        received_at_ms=0,
        item_count=0,
        country=None,
        region=None,
        city=None,
        body=b"",
    )
    return encode_record([entry, tick])


async def test_bare_append_sends_the_loads_own_records(kafka: str) -> None:
    topic = "ceilings-source"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
        await producer.start()
        first = await producer.send_and_wait(topic, record(10), partition=0)
        await producer.send_and_wait(topic, encode_record([]), partition=0)
        await producer.send_and_wait(topic, record(20), partition=0)
        end = await ceilings.end_offsets(kafka, 1, topic)
        records = await ceilings.records_between(kafka, {0: first.offset}, end, topic)
        assert [items for _, items in records] == [10, 20]
        done = await ceilings.bare_append(kafka, records, 0.3, os.getpid())
        assert done.units > 30
        assert done.rate > 0
        assert not [name for name in await admin.list_topics() if name.startswith("bench-")]
    finally:
        await producer.stop()
        await admin.close()


async def test_bare_insert_copies_the_tables_with_their_projections(clickhouse_url: str) -> None:
    live = ClickHouse(clickhouse_url, "bench_live")
    try:
        await live.command("CREATE DATABASE IF NOT EXISTS bench_live", in_database=False)
        await live.command(
            "CREATE OR REPLACE TABLE bench_live.events (game_id String, n UInt32,"
            " PROJECTION sums (SELECT game_id, count() GROUP BY game_id)) ENGINE = MergeTree ORDER BY n"
            " SETTINGS non_replicated_deduplication_window = 100"
        )
        await live.command("INSERT INTO bench_live.events SELECT 'g', number FROM numbers(1000)")
        await live.command("INSERT INTO bench_live.events SELECT 'other', number FROM numbers(1000)")
        done = await ceilings.bare_insert(
            live, clickhouse_url, "g", batch={"events": 700}, seconds=0.3, clickhouse_pid=os.getpid()
        )
        assert done.units >= 700
        assert done.units % 700 == 0
        assert await live.rows("SELECT count() FROM system.databases WHERE name LIKE 'bench\\_%\\_%'") == [
            [0]
        ]
        assert await live.rows("SELECT count() FROM events") == [[2000]]
    finally:
        await live.command("DROP DATABASE IF EXISTS bench_live", in_database=False)
        await live.close()


def test_cpu_of_a_process_grows_and_a_restart_starts_over() -> None:
    before = cpu_seconds({"me": os.getpid(), "gone": 2**22 + 1})
    sum(number * number for number in range(2_000_000))
    after = cpu_seconds({"me": os.getpid()})
    assert "gone" not in before
    assert difference(before, after)["me"] >= 0
    assert difference({"me": 5.0}, {"me": 1.0}) == {"me": 1.0}
    assert resident_bytes(os.getpid()) > 10_000_000
    assert resident_bytes(2**22 + 1) == 0


def test_a_home_without_a_stack_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoStackError, match=tmp_path.name):
        parts(tmp_path)
    (tmp_path / "status.json").write_text(
        json.dumps({"pid": os.getpid(), "parts": [{"name": "edge", "pid": 7}, {"name": "redis", "pid": 0}]})
    )
    assert parts(tmp_path) == {"edge": 7}
