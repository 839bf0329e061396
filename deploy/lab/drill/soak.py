"""Holds a rate for minutes and fits each process's resident memory: a flat line is the aim."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.lab.bench.ingest import load
from deploy.lab.bench.processes import parts, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from deploy.lab.bench.load import Order, Result

LOOK_SECONDS: Final = 2.0
WARM_SHARE: Final = 0.3
"""The first part of the time, in which caches and heaps fill, is not fitted."""
MEBIBYTE: Final = 1024 * 1024


class Memory(msgspec.Struct, frozen=True):
    """One process's memory: first and last look in MiB, and how it grew after the warm-up."""

    part: str
    first_mib: float
    last_mib: float
    slope_mib_per_minute: float


async def soak(home: Path, order: Order, tell: Callable[[str], None]) -> tuple[Result, list[Memory]]:
    """Load as ordered and look at every process's memory every two seconds.

    Raises NoStackError where no stack runs, OrderRefusedError where the order is out of bounds.
    """
    seen: dict[tuple[str, int], list[tuple[float, float]]] = {}
    begun = time.monotonic()
    loading = asyncio.create_task(load(order))
    reported = begun
    try:
        while not loading.done():
            now = time.monotonic()
            for part, pid in parts(home).items():
                if size := resident_bytes(pid):
                    seen.setdefault((part, pid), []).append((now - begun, size / MEBIBYTE))
            if now - reported > 30.0:
                reported = now
                tell(f"{now - begun:.0f} of {order.seconds:.0f} s")
            await asyncio.wait({loading}, timeout=LOOK_SECONDS)
    finally:
        if not loading.done():
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
    warm = order.seconds * WARM_SHARE
    return loading.result(), [
        Memory(part, looks[0][1], looks[-1][1], slope([look for look in looks if look[0] >= warm]) * 60)
        for (part, _), looks in seen.items()
    ]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Least-squares slope of y over x; 0 for fewer than two points. Pure."""
    count = len(points)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
