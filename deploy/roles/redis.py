"""The redis role: every noun's events into Redis, with outcomes and wake-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.redis.client import connect
from projections.redis.reader import RedisReader
from projections.studio.projection import STUDIO

if TYPE_CHECKING:
    import asyncio

    from deploy.roles import Worker

PROJECTIONS = (STUDIO,)


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """A reader for each noun's events topic."""
    redis = connect(worker.settings.redis_url)
    worker.stack.push_async_callback(redis.aclose)
    readers = [(noun.topic, RedisReader(redis, noun, log=worker.tail)) for noun in PROJECTIONS]
    await worker.follow(worker.application(), readers, stop)
