"""Rate limits of one process alone, for the time in which Redis can't count (its disk is full)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Final

_ROUNDING_MS: Final = 1e-6
HELD: Final = 20_000
"""Buckets held at most; the one that was asked longest ago is forgotten first."""

Buckets = list[str | float | bool]
"""Key, limit, period in ms and whether refusals count, of each bucket of a call."""
Decision = tuple[int, int, int, int, int]
"""Allowed, retry after, remaining, reset (both in ms), which bucket (from 1)."""


class LocalBuckets:
    """The generic cell rate algorithm, as the script of `rate_limit.lua` does it, in memory."""

    def __init__(self, monotonic: Callable[[], float], held: int = HELD) -> None:
        self._monotonic = monotonic
        self._held = held
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """When a bucket is whole again, in ms of the clock."""

    def take(self, asked: Buckets) -> Decision:
        """Count a call in all of its buckets, or in none where one refuses. Refused calls never count."""
        now = self._monotonic() * 1000
        first: Decision | None = None
        counted: list[tuple[str, float]] = []
        for number, at in enumerate(range(0, len(asked), 4), 1):
            key, limit, period_ms = str(asked[at]), float(asked[at + 1]), float(asked[at + 2])
            step = period_ms / limit
            burst_ms = max(period_ms, step)  # a limit below one a period still lets one through
            full_at = max(now, self._full_at.get(key, now)) + step
            if full_at - now > burst_ms + _ROUNDING_MS:
                return 0, max(1, ceil(full_at - now - burst_ms)), 0, ceil(full_at - step - now), number
            counted.append((key, full_at))
            if first is None:
                remaining = int((burst_ms - (full_at - now)) / step + _ROUNDING_MS)
                first = (1, 0, remaining, ceil(full_at - now), number)
        for key, full_at in counted:
            self._full_at[key] = full_at
            self._full_at.move_to_end(key)
        while len(self._full_at) > self._held:
            self._full_at.popitem(last=False)
        assert first is not None  # noqa: S101 - a call has a bucket
        return first
