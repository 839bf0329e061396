"""Work that is done once for all who ask for the same at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class SharedTasks(Generic[KeyT, ValueT]):
    """At most one task a key, as long as it runs. Nothing is remembered afterwards."""

    def __init__(self) -> None:
        self._running: dict[KeyT, asyncio.Task[ValueT]] = {}

    def __contains__(self, key: KeyT) -> bool:
        return key in self._running

    def __len__(self) -> int:
        return len(self._running)

    def start(self, key: KeyT, begin: Callable[[], Coroutine[Any, Any, ValueT]]) -> asyncio.Task[ValueT]:
        """The key's task, begun if there is none. Await it under `asyncio.shield`."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.get_running_loop().create_task(begin())
            task.add_done_callback(lambda done: self._done(key, done))
        return task

    async def get(self, key: KeyT, begin: Callable[[], Coroutine[Any, Any, ValueT]]) -> ValueT:
        """What the key's task gives or raises. A caller that is cancelled leaves the others theirs."""
        return await asyncio.shield(self.start(key, begin))

    def forget(self, key: KeyT) -> None:
        """Who asks from now on begins anew; who waits gets what was begun."""
        self._running.pop(key, None)

    async def cancel(self) -> None:
        """None of them runs afterwards."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, key: KeyT, task: asyncio.Task[ValueT]) -> None:
        if self._running.get(key) is task:
            del self._running[key]
        if not task.cancelled():
            task.exception()  # one that no caller waits for is not warned of
