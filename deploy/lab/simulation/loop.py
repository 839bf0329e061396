"""An event loop without a clock: time jumps to the next timer, threads run inline, nothing outside is asked.

What runs when follows from the timers alone, and those from the seed: the same seed is the same history.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class Stuck(Exception):
    """All tasks wait and no timer is set: a deadlock."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Virtual seconds since the loop was made."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self.steps = 0

    def time(self) -> float:
        """Virtual seconds."""
        return self._now_s

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Run it here and now: a thread's timing would be another seed's."""
        del executor
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - raised in the task that awaits it
            future.set_exception(error)
        return future

    def _run_once(self) -> None:
        loop: Any = self
        scheduled, ready = loop._scheduled, loop._ready  # noqa: SLF001 - asyncio's own queues
        while scheduled and scheduled[0]._cancelled:  # noqa: SLF001 - likewise
            heapq.heappop(scheduled)._scheduled = False  # noqa: SLF001 - likewise
        if not ready:
            if not scheduled:
                raise Stuck("nothing is ready and no timer is set")
            self._now_s = max(self._now_s, scheduled[0]._when)  # noqa: SLF001 - likewise
        while scheduled and scheduled[0]._when <= self._now_s:  # noqa: SLF001 - likewise
            handle = heapq.heappop(scheduled)
            handle._scheduled = False  # noqa: SLF001 - likewise
            ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            self.steps += 1
            if not handle._cancelled:  # noqa: SLF001 - likewise
                handle._run()  # noqa: SLF001 - likewise

    def _process_events(self, event_list: Any) -> None:
        del event_list

    def _write_to_self(self) -> None:
        """There is no selector to interrupt."""


def run(loop: SimulatedLoop, main: Coroutine[Any, Any, T]) -> T:
    """Run to the end, then cancel what is left."""
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
