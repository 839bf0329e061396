"""The register of exports in Redis: one at a time, so many in a day."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from projections.redis.client import connect
from projections.redis.export_register import RedisExportRegister
from schemas.edge.ports import ExportsUsedUp

pytestmark = pytest.mark.stack
DAY_MS = 86_400_000
NOW_MS = 20_000 * DAY_MS + 3_600_000


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    for key in await client.keys("export:*"):
        await client.delete(key)
    await client.aclose()


async def end(register: RedisExportRegister, redis: Redis, export_id: str) -> None:
    await register.confirm(export_id)
    await register.finish(export_id)
    await redis.delete("export:recent")


async def test_a_day_has_so_many_exports(redis: Redis) -> None:
    register = RedisExportRegister(redis, a_day=2)
    for export_id in ("one", "two"):
        assert await register.begin(export_id, NOW_MS) == export_id
        assert await register.begin("another", NOW_MS) == export_id  # the one that is on counts once
        await end(register, redis, export_id)
    with pytest.raises(ExportsUsedUp) as refused:
        await register.begin("three", NOW_MS)
    assert refused.value.retry_after_s == 23 * 3600
    assert await register.begin("four", NOW_MS + 23 * 3_600_000) == "four"
