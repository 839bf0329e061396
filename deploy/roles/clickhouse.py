"""The ClickHouse role: what nouns tell in the log into tables, exactly once in effect, and live counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.clickhouse_clients import clickhouse_of
from deploy.clock import now_ms
from deploy.nouns import tables_of
from deploy.redis_server import open_redis
from deploy.roles.consumer_groups import application, follow
from deploy.sealing import open_fingerprints
from projections.clickhouse import migrations
from projections.clickhouse.tables import Writing
from streams.runtime.application import last_heartbeat_age_ms

if TYPE_CHECKING:
    import asyncio

    from deploy.roles import Worker


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Bring the tables up to date, then project: a reader for each noun that has tables."""
    configured = worker.settings
    client = clickhouse_of(configured)
    worker.stack.push_async_callback(client.close)
    await migrations.apply(client)
    redis = open_redis(configured)
    worker.stack.push_async_callback(redis.aclose)
    app = application(worker, in_bulk=True)
    writing = Writing(
        client=client,
        redis=redis,
        tail=worker.tail,
        appender=worker.appender,
        clock_ms=now_ms,
        heartbeat_age_ms=lambda: last_heartbeat_age_ms(app),
        bucket_ms=configured.telemetry_bucket_ms,
        fingerprints=open_fingerprints(configured),
    )
    readers = [(topic, tables.reader(writing, topic)) for _, topic, tables in tables_of(configured)]
    await follow(worker, app, readers, stop)
