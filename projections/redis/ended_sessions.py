"""Which sessions of the dashboard were signed out, in Redis, shared by all processes.

Losing it loses no data: a session that was signed out is valid again until it expires, and its cookie is
gone from the browser that signed out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from projections.redis.client import AWAY
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PREFIX: Final = "dashboard:ended:"


class RedisEndedSessions:
    """Implements `schemas.edge.ports.EndedSessions`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def end(self, session: str, expires_at_ms: int) -> None:
        """Remember it until it would have expired. Doing it twice is fine."""
        try:
            await self._redis.set(_PREFIX + session, b"", pxat=expires_at_ms)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error

    async def ended(self, session: str) -> bool:
        """Whether it was ended, and would not have expired since."""
        try:
            return bool(await self._redis.exists(_PREFIX + session))
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
