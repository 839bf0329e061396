"""A client of ClickHouse that dies at one of its writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from projections.clickhouse.client import ClickHouse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Died(Exception):
    """What a dying client raises."""


class Dying(ClickHouse):
    """Dies at the n-th write, before it or after it."""

    def arm(self, at: int, *, after: bool) -> Dying:
        self.at, self.after, self.writes = at, after, 0
        return self

    async def _dying(self, write: Callable[[], Awaitable[None]]) -> None:
        self.writes += 1
        if self.writes == self.at and not self.after:
            raise Died
        await write()
        if self.writes == self.at:
            raise Died

    async def insert(self, *args: Any, **named: Any) -> None:
        write = super().insert
        await self._dying(lambda: write(*args, **named))

    async def command(self, *args: Any, **named: Any) -> None:
        write = super().command
        await self._dying(lambda: write(*args, **named))
