"""Which export is on, in Redis, shared by all processes. Losing it loses no data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from projections.redis.client import AWAY
from schemas.edge.ports import ExportsUsedUp, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

RECENT_SECONDS: Final = 60
"""A call within this time of the last start is answered with that run's id."""
_CURRENT: Final = "export:current"
_RECENT: Final = "export:recent"
_PENDING: Final = "export:pending"
_BEGUN: Final = "export:begun:"
"""And the UTC day since 1970: how many began in it."""
_DAY_MS: Final = 86_400_000

_BEGIN: Final = """
local on = redis.call('GET', KEYS[1]) or redis.call('GET', KEYS[2])
if on then return on end
local begun = tonumber(redis.call('GET', KEYS[3]) or '0')
if begun >= tonumber(ARGV[3]) then return '' end
redis.call('SET', KEYS[3], begun + 1, 'EX', ARGV[4])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
"""
_END: Final = """
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return 1
"""
_CONFIRM: Final = """
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[1])
return 1
"""


class RedisExportRegister:
    """An `ExportRegister`. A start that is never confirmed lapses after a minute. Raises StoreUnavailable."""

    def __init__(self, redis: Redis, a_day: int) -> None:
        """`a_day` exports begin in a UTC day at most."""
        self._a_day = a_day
        self._begin = redis.register_script(_BEGIN)
        self._end = redis.register_script(_END)
        self._confirm = redis.register_script(_CONFIRM)
        self._redis = redis

    async def begin(self, export_id: str, now_ms: int) -> str:
        """Begin an export, or return the id of the one that is on or began within a minute."""
        day = now_ms // _DAY_MS
        keys = [_CURRENT, _RECENT, f"{_BEGUN}{day}"]
        rest_s = -(-((day + 1) * _DAY_MS - now_ms) // 1000)
        reply: bytes = await self._run(
            self._begin, keys, [export_id, RECENT_SECONDS, self._a_day, rest_s + RECENT_SECONDS]
        )
        if not reply:
            raise ExportsUsedUp(rest_s)
        return reply.decode()

    async def withdraw(self, export_id: str) -> None:
        """Undo `begin`."""
        await self._run(self._end, [_CURRENT, _RECENT], [export_id])

    async def confirm(self, export_id: str) -> None:
        """The runner may take it; it stays on until it is finished."""
        await self._run(self._confirm, [_CURRENT, _PENDING], [export_id])

    async def pending(self) -> str | None:
        """The confirmed export that waits to be run, or is being run."""
        try:
            value: Any = await self._redis.get(_PENDING)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        return None if value is None else str(value.decode())

    async def finish(self, export_id: str) -> None:
        """The run is over."""
        await self._run(self._end, [_CURRENT, _PENDING], [export_id])

    @staticmethod
    async def _run(script: Callable[..., Any], keys: list[str], arguments: list[str | int]) -> Any:
        try:
            return await script(keys=keys, args=arguments)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
