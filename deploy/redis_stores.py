"""Opens a deployment's Redis: the common one, and those of `QUESTLOG_REDIS_GROUPS`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from deploy.redis_server import open_redis
from projections.redis.stores import Group, RedisStores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis.asyncio import Redis

    from deploy.settings import Settings
    from projections.redis.reader import Projection


def open_stores(settings: Settings, *, timeout_s: float = 2.0, connections: int = 32) -> RedisStores:
    """Clients of every Redis, as `open_redis` makes them; nothing connects before it is used. Close it."""
    open_one = partial(open_redis, settings, timeout_s=timeout_s, connections=connections)
    common = open_one()
    return RedisStores(
        common, [common if url == settings.redis_url else open_one(url) for url in settings.redis_groups]
    )


def shares(stores: RedisStores, projection: Projection) -> Iterator[tuple[Redis, Projection]]:
    """Each of a noun's stores, and the projection of the share of its records that belongs there."""
    every = stores.of(projection).all
    for index, store in enumerate(every):
        yield store.redis, replace(projection, group=Group(index, len(every)))
