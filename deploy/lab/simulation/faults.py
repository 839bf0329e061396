"""What goes wrong, and when: all of it drawn from one seed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Final

EPOCH_MS: Final = 1_800_000_000_000
SHARES: Final = {
    "append refused": 0.01,
    "acknowledgement lost": 0.02,
    "notification lost": 0.05,
    "store away": 0.01,
    "object store away": 0.03,
    "transcriber failed": 0.3,
}
"""Chance of each at every opportunity, while faults are on."""
KILLS_EVERY_S: Final = (0.5, 4.0)


class Faults:
    """Delays and dice of one simulation. `on` false lets everything come to rest."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a repeatable history
        self.on = True
        self.counted: Counter[str] = Counter()
        self.passed_ms = 0
        """What has passed beside the loop's time: for every clock at once."""

    def happens(self, what: str) -> bool:
        """Whether a fault comes now."""
        if not self.on or self.dice.random() >= SHARES[what]:
            return False
        self.counted[what] += 1
        return True

    async def delay(self, what: str) -> None:
        """Every step to the outside takes a time of its own: that is what orders the others."""
        del what
        rare = self.on and self.dice.random() < 0.02
        await asyncio.sleep(self.dice.expovariate(1 / 0.3) if rare else self.dice.uniform(0.0002, 0.004))

    def gateway_ms(self) -> int:
        """A gateway's clock: it steps back and runs ahead while faults are on."""
        return self.now_ms() + (self.dice.randrange(-2_000, 2_000) if self.on else 0)

    def now_ms(self) -> int:
        """Virtual unix milliseconds, the log's and the store's."""
        return EPOCH_MS + self.passed_ms + int(asyncio.get_running_loop().time() * 1000)
