"""The ClickHouse role: telemetry and live-ops into tables, exactly once in effect, and live counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.clock import now_ms
from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.noun_tables import NounTables
from projections.liveops.tables import LIVEOPS_TABLES
from projections.redis.client import connect
from projections.telemetry.live_counters import RedisLive
from projections.telemetry.reader import TelemetryReader
from schemas.liveops.noun import LIVEOPS_EVENTS
from schemas.telemetry.noun import TELEMETRY
from streams.runtime.application import last_heartbeat_age_ms

if TYPE_CHECKING:
    import asyncio

    from deploy.roles import Worker


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Bring the tables up to date, then project."""
    configured = worker.settings
    client = ClickHouse(configured.clickhouse_url, configured.clickhouse_database)
    worker.stack.push_async_callback(client.close)
    await migrations.apply(client)
    redis = connect(configured.redis_url)
    worker.stack.push_async_callback(redis.aclose)
    app = worker.application(in_bulk=True)
    reader = TelemetryReader(
        client,
        topic=TELEMETRY.name,
        partitions=worker.topic(TELEMETRY).partitions,
        tail=worker.tail,
        appender=worker.appender,
        live=RedisLive(redis),
        heartbeat_age_ms=lambda: last_heartbeat_age_ms(app),
        bucket_ms=configured.telemetry_bucket_ms,
    )
    tables = NounTables(client, LIVEOPS_TABLES, tail=worker.tail, clock_ms=now_ms)
    liveops = worker.topic(LIVEOPS_EVENTS)
    await worker.follow(app, [(worker.topic(TELEMETRY), reader), (liveops, tables)], stop)
