"""Processes of a stack are killed in turn under a load, a share of it after each; how long they were away."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import Redis

from deploy.lab.drill.checks import Verdict
from deploy.lab.drill.faults import GIVE_UP_SECONDS, PAUSE_SECONDS, Recovery
from deploy.lab.drill.stack import DrillFailedError

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from deploy.lab.drill.load_shares import Shares
    from deploy.lab.drill.stack import OwnStack

Back = Callable[[float], Awaitable[bool]]
"""Whether what was killed is back within so many seconds, once it is."""
EMPTY: Final = "redis (emptied)"
RECOVERY_SECONDS: Final = {"kafka": 20.0, EMPTY: 20.0}
RECOVERY_SECONDS_ELSE: Final = 10.0


class Killing:
    """Kills `victims`, in their order in the first round and then as the dice have it.

    `canary` returns once a new write was answered and can be read.
    """

    def __init__(
        self,
        stack: OwnStack,
        victims: Sequence[str],
        dice: random.Random,
        tell: Callable[[str], None],
        canary: Callable[[], Awaitable[None]],
    ) -> None:
        self._stack = stack
        self._victims = list(victims)
        self._dice = dice
        self._tell = tell
        self._canary = canary
        self.recoveries: list[Recovery] = []

    async def in_turn(self, kills: int, playing: asyncio.Task[Any], shares: Shares) -> None:
        """So many kills. Raises DrillFailedError where the load ends before them, or as it does."""
        for number in range(kills):
            if number and number % len(self._victims) == 0:
                self._dice.shuffle(self._victims)
            if playing.done():
                playing.result()
                raise DrillFailedError("the load ended before the kills did")
            await asyncio.sleep(self._dice.uniform(*PAUSE_SECONDS))
            recovery = await self._kill(self._victims[number % len(self._victims)])
            self.recoveries.append(recovery)
            took = "not in time" if recovery.seconds is None else f"{recovery.seconds:.1f} s"
            self._tell(f"kill {number + 1}/{kills}: {recovery.part}, back after {took}")
            shares.step()
        shares.finish()

    async def _kill(self, target: str) -> Recovery:
        back = await self._hit(target)
        begun = time.monotonic()

        async def until_ready() -> float | None:
            return time.monotonic() - begun if await back(GIVE_UP_SECONDS) else None

        async def until_answered() -> float | None:
            try:
                async with asyncio.timeout(GIVE_UP_SECONDS):
                    await self._canary()
            except TimeoutError:
                return None
            return time.monotonic() - begun

        return Recovery(target, *await asyncio.gather(until_answered(), until_ready()))

    async def _hit(self, target: str) -> Back:
        """Kill it; what waits for it to be back is returned."""
        part = "redis" if target == EMPTY else target
        if not await self._stack.wait_restarted(part, 0, GIVE_UP_SECONDS):  # it may have ended with another
            raise DrillFailedError(f"{part} did not come to run within {GIVE_UP_SECONDS:.0f} s to be killed")
        if target == EMPTY:
            redis = Redis.from_url(self._stack.demo["redis_url"])
            try:
                await redis.flushall()
            finally:
                await redis.aclose()
        return partial(self._stack.wait_restarted, part, self._stack.signal(part, signal.SIGKILL))

    def verdicts(self) -> list[Verdict]:
        """Whether all came back, and in time."""
        never = [one.part for one in self.recoveries if one.seconds is None]
        late = [one for one in self.recoveries if one.seconds is None or one.seconds > _allowed(one)]
        slowest = max((one.seconds or 0.0 for one in self.recoveries), default=0.0)
        slow = [f"{one.part} {'-' if one.seconds is None else f'{one.seconds:.1f} s'}" for one in late]
        return [
            Verdict("every part came back", not never, some(never)),
            Verdict(
                "recovery under 10 s each, broker and emptied Redis 20 s",
                not late,
                some(slow) or f"{len(self.recoveries)} kills, slowest {slowest:.1f} s",
                timed=True,
            ),
        ]


def some(lines: Sequence[str]) -> str:
    """The first few of many lines."""
    return "; ".join(lines[:5]) + (f"; and {len(lines) - 5} more" if len(lines) > 5 else "")


def _allowed(recovery: Recovery) -> float:
    return RECOVERY_SECONDS.get(recovery.part, RECOVERY_SECONDS_ELSE)
