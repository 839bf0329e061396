"""Asks a topic's projectors to wait while a block of code runs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from projections.clickhouse.positions import HOLD_MS, Positions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@contextlib.asynccontextmanager
async def held(
    positions: Positions,
    clock_ms: Callable[[], int],
    sleep: Callable[[float], Awaitable[None]],
    *,
    name: str = "rebuild",
) -> AsyncIterator[str]:
    """Hold the topic's projectors, renewed until the block is left, however it is left."""
    holder = f"{name}-{clock_ms()}"

    async def renew() -> None:
        while True:
            await sleep(HOLD_MS / 3000)
            await positions.hold(holder, clock_ms() + HOLD_MS, clock_ms())

    await positions.hold(holder, clock_ms() + HOLD_MS, clock_ms())
    renewal = asyncio.create_task(renew())
    try:
        yield holder
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
        await positions.hold(holder, 0, clock_ms() + 1)
