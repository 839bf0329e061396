"""The redis role: every noun's events into Redis, with outcomes and wake-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from deploy.topics import wanted_topics
from projections.liveops.projection import LIVEOPS
from projections.redis.client import connect
from projections.redis.reader import Projection, RedisReader
from projections.studio.projection import STUDIO

if TYPE_CHECKING:
    import asyncio

    from deploy.roles import Worker
    from deploy.settings import Settings


def projections(settings: Settings) -> tuple[Projection, ...]:
    """Every noun's projection, on this deployment's partition counts."""
    wanted = wanted_topics(settings.telemetry_partitions, settings.liveops_partitions)
    topics = {topic.name: topic for topic in wanted}
    return tuple(replace(noun, topic=topics[noun.topic.name]) for noun in (STUDIO, LIVEOPS))


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """A reader for each noun's events topic."""
    redis = connect(worker.settings.redis_url)
    worker.stack.push_async_callback(redis.aclose)
    readers = [
        (noun.topic, RedisReader(redis, noun, log=worker.tail)) for noun in projections(worker.settings)
    ]
    await worker.follow(worker.application(), readers, stop)
