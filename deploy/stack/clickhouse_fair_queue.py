"""Who of the read-only users runs next: a studio's long queries hold up that studio alone."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from deploy.stack.clickhouse_execution import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RUNNING_MAX: Final = 8
"""Statements of read-only users at once."""
OWN_RUNNING_MAX: Final = 2
OWN_WAITING_MAX: Final = 32


class FairShare:
    """Lets statements begin: at most `running_max` at once, of one studio at most `own_max` of them.

    A studio's second statement may not take the last place but one: so a studio that runs nothing finds a
    place, as long as fewer than `running_max` studios ask at once. Of those who wait, the studio with the
    fewest running goes first; a studio's own go in order. All in one event loop.
    """

    def __init__(
        self,
        running_max: int = RUNNING_MAX,
        own_max: int = OWN_RUNNING_MAX,
        waiting_max: int = OWN_WAITING_MAX,
    ) -> None:
        self._running_max = running_max
        self._own_max = own_max
        self._waiting_max = waiting_max
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def place(self, studio_id: str) -> AsyncIterator[None]:
        """A place for one statement, once there is one.

        Raises EngineError 202 where too many statements of the studio wait already.
        """
        await self._begin(studio_id)
        try:
            yield
        finally:
            self._end(studio_id)

    async def _begin(self, studio_id: str) -> None:
        line = self._waiting.get(studio_id)
        if not line and self._may_run(studio_id):
            self._running[studio_id] += 1
            return
        if line is None:
            line = self._waiting[studio_id] = deque()
        if len(line) >= self._waiting_max:
            raise EngineError(
                202,
                f"Code: 202. DB::Exception: {self._waiting_max} statements of this studio wait already: ask "
                "again when some have ended. (TOO_MANY_SIMULTANEOUS_QUERIES)",
            )
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._end(studio_id)  # the place came together with the cancellation
            elif turn in line:
                line.remove(turn)
                self._tidy(studio_id)
            raise

    def _end(self, studio_id: str) -> None:
        self._running[studio_id] -= 1
        if not self._running[studio_id]:
            del self._running[studio_id]
        while ready := [waiting for waiting in self._waiting if self._may_run(waiting)]:
            chosen = min(ready, key=lambda waiting: self._running[waiting])
            turn = self._waiting[chosen].popleft()
            self._tidy(chosen)
            if not turn.done():
                self._running[chosen] += 1
                turn.set_result(None)

    def _may_run(self, studio_id: str) -> bool:
        own, free = self._running[studio_id], self._running_max - self._running.total()
        return free >= 1 if not own else own < self._own_max and free >= 2

    def _tidy(self, studio_id: str) -> None:
        if not self._waiting[studio_id]:
            del self._waiting[studio_id]
