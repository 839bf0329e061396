"""LayoutReader: follows a noun in this release's layout, and in the one before while that is read.

During an upgrade edges of two releases serve side by side, each from its own layout. Of each record the
layout before comes first and the own one answers: a client that has its answer finds it in both.
"""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from projections.redis.client import patiently
from projections.redis.layout import FormerKeys, find_former, is_kept
from projections.redis.reader import ApplyRefused, Projection, RedisReader
from schemas.log import LogReader, LogRecord, LogTail
from schemas.log_positions import PositionRefused, StoreRegressed

LOOK_MS: Final = 250
"""How often it looks whether the layout before is still wanted, or deletes some of what is not."""


class LayoutReader(LogReader):
    """A `LogReader` for one noun, with what older releases left of it."""

    def __init__(self, redis: Redis, projection: Projection, *, log: LogTail) -> None:
        self._redis = redis
        self._projection = projection
        self._log = log
        self._own = RedisReader(redis, projection, log=log)
        self._before: RedisReader | None = None
        """Keeps up the layout before."""
        self._gone: FormerKeys | None = None
        """What no process reads any more, until it is deleted."""
        self._positions: dict[int, tuple[int, int]] = {}
        """The next offset of each partition in the own layout and in the one before."""
        self._looked_ms = 0
        self._deleted_ms = 0

    @property
    def clean(self) -> bool:
        """Whether nothing of former layouts is left to follow or to delete."""
        return self._before is None and self._gone is None

    async def assigned(self, partition: int) -> int:
        """The lower of the positions in both layouts. Raises PositionRefused as `RedisReader` does."""
        before = await self._assigned_before(partition) if self._projection.former else None
        own = await self._own.assigned(partition)
        self._positions[partition] = (own, own if before is None else before)
        return min(self._positions[partition])

    async def handle(self, record: LogRecord) -> None:
        """Apply a record in the layouts that have not had it, the own one last."""
        own, before = self._positions[record.partition]
        after = record.offset + 1
        if self._before is not None and record.offset >= before:
            await self._keep_up(self._before, record)
        if record.offset >= own:
            await self._own.handle(record)
        self._positions[record.partition] = (max(own, after), max(before, after))

    async def idle(self, now_ms: int) -> None:
        """As `RedisReader`, for both; now and then delete some of what no process reads."""
        if self._before is not None:
            await self._idle_before(self._before, now_ms)
        await self._own.idle(now_ms)
        if self._gone is not None and self._own.ready and now_ms - self._deleted_ms >= LOOK_MS:
            self._deleted_ms = now_ms
            if await patiently(self._gone.forget_some):
                self._gone = None

    async def revoked(self, partition: int) -> None:
        """Forget the partition."""
        self._positions.pop(partition, None)
        await self._own.revoked(partition)
        if self._before is not None:
            await self._before.revoked(partition)

    async def _assigned_before(self, partition: int) -> int | None:
        """The position in the layout before; None where it is not kept up."""
        noun = self._projection
        kept = noun.kept
        kept_name = "" if kept is None else kept.name
        found = await patiently(lambda: find_former(self._redis, noun.name, kept_name, noun.former))
        self._gone = FormerKeys(self._redis, found.gone) if found.gone else None
        if kept is None or not found.kept:
            self._before = None
            return None
        if self._before is None:
            self._before = RedisReader(self._redis, kept, log=self._log, answers=False)
        try:
            return await self._before.assigned(partition)
        except PositionRefused:  # of another log, or a longer one: no process can keep it up to date
            await self._let_go()
            return None

    async def _keep_up(self, before: RedisReader, record: LogRecord) -> None:
        try:
            await before.handle(record)
        except ApplyRefused:
            if await self._is_wanted():
                raise
            await self._let_go()  # its keys are being deleted

    async def _idle_before(self, before: RedisReader, now_ms: int) -> None:
        if now_ms - self._looked_ms < LOOK_MS:
            return
        self._looked_ms = now_ms
        if not await self._is_wanted():
            await self._let_go()
            return
        try:
            await before.idle(now_ms)
        except StoreRegressed:
            if await self._is_wanted():
                raise
            await self._let_go()

    async def _is_wanted(self) -> bool:
        kept = self._projection.kept
        return kept is not None and await patiently(lambda: is_kept(self._redis, kept.name))

    async def _let_go(self) -> None:
        """Follow the own layout alone, and delete what is left of all others."""
        noun = self._projection
        self._before = None
        found = await patiently(lambda: find_former(self._redis, noun.name, "", noun.former))
        self._gone = FormerKeys(self._redis, found.gone) if found.gone else None
