"""Projectors that die at a write as killed processes do, and are followed by others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from projections.clickhouse.client import ClickHouse
from tests.projections.telemetry.projecting import apply

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from tests.projections.telemetry.support import MemoryLog


class Dies(BaseException):  # as a killed process: nobody can catch it
    pass


class DyingClickHouse(ClickHouse):
    """The real client of a process that dies before or after its nth write."""

    def __init__(self, url: str, database: str, *, writes: int, after: bool) -> None:
        super().__init__(url, database)
        self._left = [writes]  # shared with the client of the system database
        self._after = after

    async def insert(self, *arguments: Any, **more: Any) -> None:
        await self._write(super().insert(*arguments, **more))

    async def command(self, sql: str, *arguments: Any, **more: Any) -> None:
        done = super().command(sql, *arguments, **more)
        await (self._write(done) if sql.startswith("INSERT") else done)

    async def _write(self, write: Coroutine[Any, Any, None]) -> None:
        self._left[0] -= 1
        if self._left[0] < 0 and not self._after:
            write.close()
            raise Dies
        await write
        if self._left[0] < 0:
            raise Dies


async def deaths(url: str, database: str, log: MemoryLog, steps: Sequence[int], *, after: bool) -> int:
    """Let one projector after the other take the log in and die at such a write; how many died."""
    died = 0
    for writes in steps:
        dying = DyingClickHouse(url, database, writes=writes, after=after)
        try:
            await apply(dying, log)
        except Dies:
            died += 1
        finally:
            await dying.close()
    return died
