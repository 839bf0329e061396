"""What the stores could take at best: bare appends of the same records, bare inserts of the same rows.

Measured in the same run as the load, into scratch places (a topic, a database) that are dropped
afterwards.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, cast

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.lab.bench.processes import cpu_seconds
from projections.clickhouse.client import ClickHouse, identifier
from schemas.telemetry.noun import TELEMETRY
from schemas.telemetry.record import EntryKind, decode_record
from schemas.topics import RECORD_BYTES_MAX, topic_settings
from streams.runtime.partition_reads import KafkaTail

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from schemas.log import LogRecord

SAMPLE_BYTES_MAX: Final = 48 * 1024 * 1024
IN_FLIGHT: Final = 8


class Ceiling(msgspec.Struct, kw_only=True):
    """A store's bare figure. `units` are events for appends and rows for inserts; CPU is the store's own."""

    what: str
    units: int
    seconds: float
    cpu_seconds: float
    bytes_sent: int

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.seconds if self.seconds else 0.0

    @property
    def cpu_us(self) -> float:
        """CPU of the store for one unit, in microseconds."""
        return self.cpu_seconds / self.units * 1e6 if self.units else 0.0


async def end_offsets(bootstrap: str, partitions: int, topic: str = TELEMETRY.name) -> dict[int, int]:
    """The topic's next offset in each of its partitions."""
    tail = KafkaTail(bootstrap)
    try:
        return {number: await tail.end_offset(topic, number) for number in range(partitions)}
    finally:
        await tail.stop()


async def records_between(
    bootstrap: str, begin: dict[int, int], end: dict[int, int], topic: str = TELEMETRY.name
) -> list[tuple[bytes, int]]:
    """Records with S4 items and how many, as the gateway wrote them; at most 48 MiB of them."""
    tail = KafkaTail(bootstrap)
    found: list[tuple[bytes, int]] = []
    size = 0
    try:
        for partition, last in end.items():
            reading = cast(
                "AsyncGenerator[LogRecord]", tail.read(topic, partition, begin.get(partition, 0), last)
            )
            async with aclosing(reading) as records:  # left early, it must close its connection now
                async for record in records:
                    entries = decode_record(record.value).entries
                    items = sum(entry.item_count for entry in entries if entry.kind == EntryKind.S4_ITEMS)
                    if items:
                        found.append((record.value, items))
                        size += len(record.value)
                    if size > SAMPLE_BYTES_MAX:
                        break
    finally:
        await tail.stop()
    return found


async def bare_append(
    bootstrap: str, records: list[tuple[bytes, int]], seconds: float, kafka_pid: int
) -> Ceiling:
    """Append the records again and again for `seconds`: plain aiokafka, acks=all, eight in flight."""
    topic = f"bench-{uuid.uuid4().hex[:12]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", linger_ms=0, max_request_size=RECORD_BYTES_MAX + 65_536
    )
    try:
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=topic_settings(TELEMETRY))])
        await producer.start()
        done = Ceiling(what="append to Kafka", units=0, seconds=0.0, cpu_seconds=0.0, bytes_sent=0)
        before, begun = cpu_seconds({"kafka": kafka_pid}), time.perf_counter()

        async def appender(number: int) -> None:
            at = number
            while time.perf_counter() < begun + seconds:
                value, items = records[at % len(records)]
                at += IN_FLIGHT
                await producer.send_and_wait(topic, value, partition=0)
                done.units += items
                done.bytes_sent += len(value)

        await asyncio.gather(*(appender(number) for number in range(IN_FLIGHT)))
        done.seconds = time.perf_counter() - begun
        done.cpu_seconds = cpu_seconds({"kafka": kafka_pid})["kafka"] - before["kafka"]
        return done
    finally:
        await producer.stop()
        await admin.delete_topics([topic])
        await admin.close()


async def bare_insert(
    source: ClickHouse, url: str, game_id: str, *, batch: dict[str, int], seconds: float, clickhouse_pid: int
) -> Ceiling:
    """Insert one batch of the load's rows, again and again, as RowBinary into copies of the tables.

    `batch` says how many rows of each table make a batch.
    """
    scratch = ClickHouse(url, f"bench_{uuid.uuid4().hex[:12]}")
    done = Ceiling(what="insert into ClickHouse", units=0, seconds=0.0, cpu_seconds=0.0, bytes_sent=0)
    try:
        await scratch.command(f"CREATE DATABASE {scratch.database}", in_database=False)
        copies = [await _copy(source, scratch, table, game_id, rows) for table, rows in batch.items()]
        copies = [copy for copy in copies if copy[2]]
        before, begun = cpu_seconds({"clickhouse": clickhouse_pid}), time.perf_counter()
        number = 0
        while copies and time.perf_counter() < begun + seconds:
            for table, columns, rows, body in copies:
                await scratch.insert(table, columns, body, form="RowBinary", token=f"bench:{table}:{number}")
                done.units += rows
                done.bytes_sent += len(body)
            number += 1
        done.seconds = time.perf_counter() - begun
        done.cpu_seconds = cpu_seconds({"clickhouse": clickhouse_pid})["clickhouse"] - before["clickhouse"]
        return done
    finally:
        await scratch.command(f"DROP DATABASE IF EXISTS {scratch.database}", in_database=False)
        await scratch.close()


async def _copy(
    source: ClickHouse, scratch: ClickHouse, table: str, game_id: str, limit: int
) -> tuple[str, list[str], int, bytes]:
    """An empty copy of the table, and up to `limit` of the game's rows."""
    live = f"{source.database}.{identifier(table)}"
    await scratch.command(f"CREATE TABLE {scratch.database}.{identifier(table)} AS {live}", in_database=False)
    columns = [
        str(name)
        for (name,) in await source.rows(
            "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String}"
            " AND default_kind NOT IN ('MATERIALIZED', 'ALIAS') ORDER BY position",
            {"database": source.database, "table": table},
        )
    ]
    chosen = f"FROM {live} WHERE game_id = {{game:String}} LIMIT {int(limit)}"
    ((rows,),) = await source.rows(
        f"SELECT count() FROM (SELECT 1 {chosen})",  # noqa: S608 - checked identifiers and a number
        {"game": game_id},
    )
    names = ", ".join(identifier(column) for column in columns)
    body = await source.raw(
        f"SELECT {names} {chosen} FORMAT RowBinary",
        {"game": game_id},
    )
    return table, columns, rows, body
