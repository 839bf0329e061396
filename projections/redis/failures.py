"""Where readers fail: a hash `failures`, `<role>/<topic>/<partition>` -> JSON.

It lives outside every projection's generation: no rebuild touches it. Losing it starts the counts again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import msgspec

from projections.redis.client import AWAY
from schemas.edge.ports import StoreUnavailable
from schemas.failures import Failing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from redis.asyncio import Redis

KEY: Final = "failures"
_decoder: Final = msgspec.json.Decoder(Failing)


class RedisFailures:
    """A `FailureStore`: as many entries as there are partitions that are read, at most."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def all(self) -> Sequence[Failing]:
        """Every entry, by role, topic and partition."""
        try:
            held = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(KEY))
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        entries = [_decoder.decode(value) for value in held.values()]
        return sorted(entries, key=lambda entry: (entry.role, entry.topic, entry.partition))

    async def put(self, failing: Failing) -> None:
        """Keep an entry in place of the one of the same role, topic and partition."""
        try:
            await self._redis.hset(KEY, _field(failing), msgspec.json.encode(failing))
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error

    async def remove(self, failing: Failing) -> None:
        """Forget an entry. Called twice: nothing more."""
        try:
            await self._redis.hdel(KEY, _field(failing))
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error


def _field(failing: Failing) -> str:
    return f"{failing.role}/{failing.topic}/{failing.partition}"
