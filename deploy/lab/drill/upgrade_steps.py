"""The steps of the upgrade drill: which process is replaced when, and how long writes pause meanwhile."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.drill.checks import Verdict
from deploy.lab.drill.faults import GIVE_UP_SECONDS, Recovery
from deploy.lab.drill.killing import some
from deploy.lab.drill.stack import DrillFailedError
from deploy.lab.drill.two_releases import HERE, TwoReleases

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from deploy.lab.drill.load_shares import Shares

READERS: Final = ("worker-clickhouse", "worker-redis", "worker-timer", "worker-effects")
"""They may meet what a newer release writes, so that they come before all that writes it."""
DECIDER: Final = "worker-decider"
PAUSE_SECONDS: Final = 20.0
"""How long a write waits at most while a process is replaced: README, "Upgrades"."""
REST_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.05


class Step(msgspec.Struct, frozen=True):
    """A process that is replaced by this release's, or by the older one's."""

    name: str
    forward: bool

    def __str__(self) -> str:
        return f"{self.name} to the {'newer' if self.forward else 'older'} release"


def steps(names: Sequence[str], *, tables_changed: bool) -> list[Step]:
    """Forward, back, and forward again, in the README's order. Pure.

    What writes to ClickHouse stays where the older release does not know the tables any more.
    """
    edges = [name for name in names if name.startswith("edge")]
    order = [*READERS, DECIDER, *edges]
    back = [name for name in reversed(order) if not (tables_changed and name == READERS[0])]
    again = [name for name in order if name in back]
    return [
        *(Step(name, forward=True) for name in order),
        *(Step(name, forward=False) for name in back),
        *(Step(name, forward=True) for name in again),
    ]


class Pulse:
    """Writes one after the other, each until it is answered and read: when that was."""

    def __init__(self, canary: Callable[[], Awaitable[None]]) -> None:
        self._canary = canary
        self._answered_s: list[float] = []

    async def beat(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._canary()
            self._answered_s.append(time.monotonic())

    async def longest_pause(self, since_s: float) -> float | None:
        """The longest time without an answer from then on, when one has come after now; None: none comes."""
        now_s = time.monotonic()
        while not self._answered_s or self._answered_s[-1] < now_s:
            if time.monotonic() > now_s + GIVE_UP_SECONDS:
                return None
            await asyncio.sleep(LOOK_SECONDS)
        before = max((at_s for at_s in self._answered_s if at_s <= since_s), default=since_s)
        times = [before, *(at_s for at_s in self._answered_s if at_s > since_s)]
        return max(later - earlier for earlier, later in pairwise(times))


class Replacing:
    """What disturbs the money drill: one step after the other."""

    def __init__(
        self,
        stack: TwoReleases,
        old: Path,
        todo: Sequence[Step],
        tell: Callable[[str], None],
        canary: Callable[[], Awaitable[None]],
    ) -> None:
        self._stack = stack
        self._old = old
        self._todo = list(todo)
        self._tell = tell
        self._pulse = Pulse(canary)
        self.recoveries: list[Recovery] = []
        """Of each step, how long no write was answered, and when the process was ready."""

    async def in_turn(self, kills: int, playing: asyncio.Task[Any], shares: Shares) -> None:
        """All steps. Raises DrillFailedError where the load ends before them."""
        del kills
        beating = asyncio.create_task(self._pulse.beat())
        try:
            await self._all(playing, shares)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        shares.finish()

    async def _all(self, playing: asyncio.Task[Any], shares: Shares) -> None:
        for number, step in enumerate(self._todo):
            if playing.done():
                playing.result()
                raise DrillFailedError("the load ended before all was replaced")
            if step.forward and (number == 0 or not self._todo[number - 1].forward):
                await self._prepare()
            await asyncio.sleep(REST_SECONDS)
            one = await self._replace(step)
            self.recoveries.append(one)
            paused = one.queryable_seconds
            self._tell(
                f"{number + 1}/{len(self._todo)}: {step}, ready after {one.ready_seconds or 0.0:.1f} s, "
                + ("no write is answered any more" if paused is None else f"writes paused {paused:.1f} s")
            )
            shares.step()

    async def _prepare(self) -> None:
        for command in ("prepare", "snapshot"):
            done = await self._stack.command(HERE, command)
            if done.returncode:
                raise DrillFailedError(f"questlog {command} of this release: {done.stderr[-1000:]}")
            self._tell(f"questlog {command}: {' / '.join(done.stdout.split(chr(10))[:3])}")

    async def _replace(self, step: Step) -> Recovery:
        begun = time.monotonic()
        await self._stack.replace(step.name, HERE if step.forward else self._old)
        ready_seconds = time.monotonic() - begun
        return Recovery(str(step), await self._pulse.longest_pause(begun), ready_seconds)

    def verdicts(self) -> list[Verdict]:
        """Whether all went on after each step, and how soon."""
        never = [one.part for one in self.recoveries if one.queryable_seconds is None]
        late = [
            f"{one.part}: {_paused(one):.1f} s"
            for one in self.recoveries
            if one.queryable_seconds is None or one.queryable_seconds > PAUSE_SECONDS
        ]
        longest = max(self.recoveries, key=_paused)
        return [
            Verdict("writes go on after every step", not never, some(never)),
            Verdict(
                f"each step pauses them for less than {PAUSE_SECONDS:.0f} s",
                not late,
                some(late)
                or f"{len(self.recoveries)} steps, longest {_paused(longest):.1f} s: {longest.part}",
                timed=True,
            ),
        ]


def _paused(one: Recovery) -> float:
    return one.queryable_seconds or 0.0
