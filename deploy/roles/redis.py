"""The redis role: every noun's events into Redis, with outcomes and notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.nouns import deciding
from deploy.roles.following import application, follow
from projections.redis.client import connect
from projections.redis.reader import RedisReader

if TYPE_CHECKING:
    import asyncio

    from deploy.roles import Worker


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """A reader for each noun's events topic."""
    redis = connect(worker.settings.redis_url)
    worker.stack.push_async_callback(redis.aclose)
    readers = [
        (noun.events, RedisReader(redis, noun.projection, log=worker.tail))
        for noun in deciding(worker.settings)
    ]
    await follow(worker, application(worker), readers, stop)
