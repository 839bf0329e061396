"""Connections that can be told to stop at any moment, on a real Redis."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from projections.redis.client import connect
from projections.redis.outcomes import RedisOutcomes

TURNS = 60
"""A subscription stands after about thirty turns of the loop; none of them may lose a cancellation."""


async def listen(redis: Redis) -> None:
    await RedisOutcomes(redis, "studio").listen("gateway", lambda _: None, lambda: None, asyncio.Event())


async def ask(redis: Redis) -> None:
    while True:
        await redis.get("nothing")


@pytest.mark.stack
@pytest.mark.parametrize("work", [listen, ask])
async def test_what_is_cancelled_ends_whenever_it_is_cancelled(
    redis_url: str, work: Callable[[Redis], Awaitable[None]]
) -> None:
    forgotten = []
    for turns in range(TURNS):
        redis = connect(redis_url)
        task = asyncio.ensure_future(work(redis))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=20)
        if not done:
            forgotten.append(turns)
            task.cancel()
            await asyncio.wait([task], timeout=1)
        await redis.aclose()
    assert forgotten == []


async def test_canary_this_pythons_wait_for_forgets_a_cancellation() -> None:
    """Where this fails, the ban on `asyncio.wait_for` and CancellableConnection can go."""

    async def waits(inner: asyncio.Future[Any]) -> None:
        await asyncio.wait_for(inner, 5)  # noqa: TID251 - the canary

    inner: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(waits(inner))
    await asyncio.sleep(0)
    inner.set_result(None)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() == (sys.version_info >= (3, 12))
