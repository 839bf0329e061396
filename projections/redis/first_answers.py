"""Answers that no command gives, in Redis: a retry under the same key gets the first one.

Losing it loses no data: a retry is then answered anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from projections.redis.client import AWAY
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

KEPT_S: Final = 24 * 60 * 60
"""As long as keyed outcomes."""
_PREFIX: Final = "answer:"


class RedisFirstAnswers:
    """Raises StoreUnavailable while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def known(self, command_id: str) -> bytes | None:
        """What was answered first under an id; None where nothing was."""
        try:
            kept: Any = await self._redis.get(_PREFIX + command_id)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        return None if kept is None else bytes(kept)

    async def first(self, command_id: str, answer: bytes) -> bytes:
        """What was answered first under an id: this, unless there is another."""
        try:
            kept: Any = await self._redis.set(_PREFIX + command_id, answer, ex=KEPT_S, nx=True, get=True)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        return answer if kept is None else bytes(kept)
