"""A cache that is never older than it says: one load at a time for each key, refreshed in the background.

Reading an entry younger than `fresh` costs a dictionary look-up. Older than that, it is still served while
one background load brings it up to date; older than `stale`, the reader waits for that load. Ages count
from the moment a load began, so they never flatter. The entries read last are kept up to date for a while
without a reader, so that one who comes every few seconds need not wait either.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from schemas.edge.ports import StoreUnavailable
from schemas.shared_tasks import SharedTasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")

_log = logging.getLogger(__name__)


class Served(NamedTuple, Generic[V]):
    """A value, how old it is in seconds, and what it took: `hit`, `updated` (waited for), `miss` (built)."""

    value: V
    age: float
    state: str


class _Entry(Generic[V]):
    __slots__ = ("asked", "began", "value", "weight")

    def __init__(self, value: V, *, began: float, asked: float, weight: int) -> None:
        self.value = value
        self.began = began
        self.asked = asked
        self.weight = weight


class RefreshingCache(Generic[K, V]):
    """Values by key, bounded in entries and in weight (least recently used go first).

    `load(key, previous)` makes a value, from the previous one where there is one; it must not change that
    one. A load that fails leaves the previous value, which is served until it is `stale`; then the error
    reaches the readers. At most `colds` first loads and `refreshes` later ones run at once, and at most
    `waiting` keys may wait: beyond that readers get `StoreUnavailable`. The `kept` entries that were read
    last are loaded again `every` so many seconds until none was asked for `linger` seconds.
    """

    def __init__(
        self,
        load: Callable[[K, V | None], Awaitable[V]],
        *,
        monotonic: Callable[[], float],
        weigh: Callable[[V], int],
        fresh: float = 0.75,
        stale: float = 2.0,
        entries: int = 512,
        weight: int = 64 * 1024 * 1024,
        colds: int = 1,
        refreshes: int = 2,
        waiting: int = 64,
        kept: int = 8,
        every: float = 1.25,
        linger: float = 15.0,
    ) -> None:
        self._load = load
        self._monotonic = monotonic
        self._weigh = weigh
        self._fresh = fresh
        self._stale = stale
        self._entries_max = entries
        self._weight_max = weight
        self._waiting_max = waiting
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._weight = 0
        self._loads = SharedTasks[K, V]()
        self._colds = asyncio.Semaphore(colds)
        self._refreshes = asyncio.Semaphore(refreshes)
        self._kept = kept
        self._every = every
        self._linger = linger
        self._timers: dict[K, asyncio.TimerHandle] = {}

    async def get(self, key: K) -> Served[V]:
        """The value of a key. Raises what `load` raised where there is nothing fit to serve."""
        entry = self._entries.get(key)
        if entry is None:
            return await self._loaded(key, "miss")
        self._entries.move_to_end(key)
        entry.asked = self._monotonic()
        age = entry.asked - entry.began
        if age <= self._fresh:
            return Served(entry.value, age, "hit")
        if age <= self._stale:
            with contextlib.suppress(StoreUnavailable):
                _ = self._start(key)
            return Served(entry.value, age, "hit")
        return await self._loaded(key, "updated")

    async def close(self) -> None:
        """Cancel what is loading and forget everything."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._linger = 0.0
        await self._loads.cancel()
        self._entries.clear()
        self._weight = 0

    async def _loaded(self, key: K, state: str) -> Served[V]:
        # A reader that hangs up must not take the load away from the others.
        value = await asyncio.shield(self._start(key))
        entry = self._entries.get(key)
        return Served(value, self._monotonic() - entry.began if entry is not None else 0.0, state)

    def _start(self, key: K) -> asyncio.Task[V]:
        begins = key not in self._loads
        if begins and len(self._loads) >= self._waiting_max:
            raise StoreUnavailable("too many different reads are being computed")
        task = self._loads.start(key, lambda: self._run(key))
        if begins:
            task.add_done_callback(lambda done: self._done(key, done))
        return task

    def _done(self, key: K, task: asyncio.Task[V]) -> None:
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            _log.warning("a cached read could not be brought up to date: %r", error)
        entry = self._entries.get(key)
        if entry is not None and self._linger > 0:
            # After a failure the entry's own time is past: without a pause it would be tried again at once.
            delay = self._every if error else max(0.0, entry.began + self._every - self._monotonic())
            if (timer := self._timers.pop(key, None)) is not None:
                timer.cancel()
            self._timers[key] = task.get_loop().call_later(delay, self._keep, key)

    def _keep(self, key: K) -> None:
        del self._timers[key]
        entry = self._entries.get(key)
        if entry is None or self._monotonic() - entry.asked > self._linger:
            return
        if key in itertools.islice(reversed(self._entries), self._kept):
            with contextlib.suppress(StoreUnavailable):
                _ = self._start(key)

    async def _run(self, key: K) -> V:
        entry = self._entries.get(key)
        async with self._colds if entry is None else self._refreshes:
            began = self._monotonic()
            value = await self._load(key, entry.value if entry is not None else None)
        held = self._entries.get(key)
        asked = held.asked if held is not None else began
        self._store(key, _Entry(value, began=began, asked=asked, weight=self._weigh(value)))
        return value

    def _store(self, key: K, entry: _Entry[V]) -> None:
        previous = self._entries.get(key)
        if previous is not None:
            self._weight -= previous.weight
        self._entries[key] = entry
        self._weight += entry.weight
        while len(self._entries) > 1 and (
            len(self._entries) > self._entries_max or self._weight > self._weight_max
        ):
            _, dropped = self._entries.popitem(last=False)
            self._weight -= dropped.weight
