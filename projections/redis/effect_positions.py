"""Positions of readers whose effects are commands: kept after the effect, so that a crash repeats it.

They live outside every projection's generation: no rebuild touches them. Losing them repeats everything.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import cast

from redis.asyncio import Redis

from projections.redis.client import AWAY
from schemas.edge.ports import StoreUnavailable


class RedisPositions:
    """One reader's positions, a hash `effects:<reader>`: `<log id>/<partition>` -> `next offset:src`."""

    def __init__(self, redis: Redis, reader: str) -> None:
        self._redis = redis
        self._key = f"effects:{reader}"

    async def load(self, log_id: str, partition: int) -> tuple[int, int]:
        """Next offset and last accepted `src`; (0, -1) where nothing is held. Raises StoreUnavailable."""
        try:
            held = await cast("Awaitable[bytes | None]", self._redis.hget(self._key, f"{log_id}/{partition}"))
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        offset, _, src = (held or b"0:-1").partition(b":")
        return int(offset), int(src)

    async def save(self, log_id: str, partition: int, offset: int, src: int) -> None:
        """Hold it. Raises StoreUnavailable."""
        try:
            await self._redis.hset(self._key, f"{log_id}/{partition}", f"{offset}:{src}")
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
