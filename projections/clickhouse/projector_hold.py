"""Asks a topic's projectors to wait while a block of code runs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from projections.clickhouse.positions import HOLD_MS, Positions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


HOLD_KEPT_MS: Final = 10 * 365 * 86_400_000


class Hold:
    """A hold under way. While `kept` it does not end with the block, nor with the process."""

    def __init__(self, positions: Positions, holder: str, clock_ms: Callable[[], int]) -> None:
        self.holder: Final = holder
        self.kept = False
        self._positions = positions
        self._clock_ms = clock_ms

    async def keep(self) -> None:
        """Hold until the next hold of the topic is released, whatever becomes of this process."""
        self.kept = True
        await self.renew(HOLD_KEPT_MS)

    async def renew(self, for_ms: int = HOLD_MS) -> None:
        """Hold for so long from now on."""
        now_ms = self._clock_ms()
        await self._positions.hold(self.holder, now_ms + for_ms, now_ms)

    async def release(self) -> None:
        """Let the projectors go on, unless the hold is kept."""
        if not self.kept:
            await self._positions.hold(self.holder, 0, self._clock_ms() + 1)


@contextlib.asynccontextmanager
async def held(
    positions: Positions,
    clock_ms: Callable[[], int],
    sleep: Callable[[float], Awaitable[None]],
    *,
    name: str = "rebuild",
) -> AsyncIterator[Hold]:
    """Hold the topic's projectors, renewed until the block is left, however it is left."""
    hold = Hold(positions, f"{name}-{clock_ms()}", clock_ms)

    async def renew() -> None:
        while True:
            await sleep(HOLD_MS / 3000)
            await hold.renew(HOLD_KEPT_MS if hold.kept else HOLD_MS)

    await hold.renew()
    renewal = asyncio.create_task(renew())
    try:
        yield hold
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
        await hold.release()
