"""What Redis holds in layouts of older releases: it is told, let go of, and waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from deploy.redis_layouts import HeldLayout, LayoutsHeld, forget_layouts, held_layouts
from deploy.settings import Settings
from projections.redis.client import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

pytestmark = pytest.mark.stack
DATABASE = "7"
GATES = ("ready:playtests", "reached:playtests", "fresh:playtests")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A database of the test's own, in which an older release has playtests."""
    client = connect(of(redis_url).redis_url)
    await client.flushdb()
    await client.set("generation:playtests", "1")
    for gate in GATES:
        await client.set(gate, "its run id")
    await client.set("ready:liveops", "its run id")
    yield client
    await client.flushdb()
    await client.aclose()


def of(redis_url: str) -> Settings:
    return Settings(redis_url=f"{redis_url.rsplit('/', 1)[0]}/{DATABASE}")


async def shut(redis: Redis) -> None:
    for _ in range(3000):
        if not await redis.exists(*GATES):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it stays open")


async def test_they_are_told_and_let_go_of_until_a_worker_has_deleted_them(
    redis: Redis, redis_url: str
) -> None:
    assert await held_layouts(of(redis_url)) == [HeldLayout("playtests", "playtests", served=True)]
    forgetting = asyncio.create_task(forget_layouts(of(redis_url), wait_s=30.0))
    await shut(redis)
    await redis.set("ready:playtests", "opened anew by a worker that was just looking")
    await shut(redis)
    assert not forgetting.done()
    assert await held_layouts(of(redis_url)) == [HeldLayout("playtests", "playtests", served=False)]
    await redis.delete("generation:playtests")  # as the worker does in the end
    assert await forgetting == ["playtests"]
    assert await held_layouts(of(redis_url)) == []
    assert await redis.get("ready:liveops") == b"its run id"
    assert await forget_layouts(of(redis_url), wait_s=30.0) == []


async def test_it_says_that_no_worker_deletes_them_and_need_not_wait(redis: Redis, redis_url: str) -> None:
    with pytest.raises(LayoutsHeld, match="Redis still holds playtests after 0 s: a `worker redis`"):
        await forget_layouts(of(redis_url), wait_s=0.01)
    await redis.set("ready:playtests", "again")
    assert await forget_layouts(of(redis_url), wait_s=0) == ["playtests"]
    assert not await redis.exists(*GATES)
