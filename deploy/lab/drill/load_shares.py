"""A load in shares: one for each step of a drill, so that it outlasts them however long they take."""

from __future__ import annotations

import asyncio
import math


class Shares:
    """`steps` equal shares and a last one, which `finish` lets go with whatever is left.

    The first may be taken at once; each `step` lets the next one go.
    """

    def __init__(self, total: int, steps: int) -> None:
        self.size = total / (steps + 1)
        """Of one share, in what `take` counts."""
        self._steps = steps
        self._let_go: float = 1
        self._taken = 0
        self._more = asyncio.Event()

    @property
    def finished(self) -> bool:
        """Whether all may be taken."""
        return math.isinf(self._let_go)

    def step(self) -> None:
        """Let another share go; the last one stays for `finish`."""
        self._let_go = min(self._let_go + 1, max(1, self._steps))
        self._more.set()

    def finish(self) -> None:
        """Let everything go."""
        self._let_go = math.inf
        self._more.set()

    async def take(self, count: int = 1) -> None:
        """Return once this much may go; in no order between callers."""
        while self._taken + count > self._let_go * self.size:
            self._more.clear()
            await self._more.wait()
        self._taken += count
