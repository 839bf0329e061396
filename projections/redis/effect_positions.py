"""Positions of readers whose effects are commands: kept after the effect, so that a crash repeats it.

They live outside every projection's generation: no rebuild touches them. Losing them repeats everything.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import cast

from redis.asyncio import Redis

from projections.redis.client import AWAY
from schemas.edge.ports import StoreUnavailable
from schemas.log_positions import Position


def positions_key(reader: str) -> str:
    """The hash that holds a reader's positions."""
    return f"effects:{reader}"


class RedisPositions:
    """One reader's positions, a hash `effects:<reader>`: `<log id>/<partition>` -> `next offset:src:mark`."""

    def __init__(self, redis: Redis, reader: str) -> None:
        self._redis = redis
        self._key = positions_key(reader)

    async def load(self, log_id: str, partition: int) -> Position:
        """The reader's position; the log's start where none is stored. Raises StoreUnavailable."""
        try:
            held = await cast("Awaitable[bytes | None]", self._redis.hget(self._key, f"{log_id}/{partition}"))
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        return Position.of(held)

    async def save(self, log_id: str, partition: int, position: Position) -> None:
        """Hold it. Raises StoreUnavailable."""
        try:
            await self._redis.hset(self._key, f"{log_id}/{partition}", position.text)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
