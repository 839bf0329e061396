"""The redis role: every noun's events into Redis, with outcomes and notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.nouns import deciding
from deploy.redis_stores import open_stores, shares
from deploy.roles.consumer_groups import application, follow
from projections.redis.layout_reader import LayoutReader
from streams.several_readers import together

if TYPE_CHECKING:
    import asyncio

    from deploy.roles import Worker


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """A reader for each noun's events topic and store: those of groups take the same records at once."""
    stores = open_stores(worker.settings)
    worker.stack.push_async_callback(stores.aclose)
    readers = [
        (
            noun.events,
            together(
                [
                    LayoutReader(redis, share, log=worker.tail)
                    for redis, share in shares(stores, noun.projection)
                ]
            ),
        )
        for noun in deciding(worker.settings)
    ]
    await follow(worker, application(worker), readers, stop)
