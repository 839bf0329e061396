"""One computation for all who ask the same at once, remembered for a moment.

On launch day the page is open on many screens that refresh together; ClickHouse is asked once for all.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

KEEP_MS: Final = 2_000
_ENTRIES_MAX: Final = 512


class SharedAnswers:
    """Single-flight cache of answer bodies. The key must name the tenant and every filter."""

    def __init__(self, clock_ms: Callable[[], int], *, keep_ms: int = KEEP_MS) -> None:
        self._clock_ms = clock_ms
        self._keep_ms = keep_ms
        self._entries: OrderedDict[Hashable, tuple[int, asyncio.Task[bytes]]] = OrderedDict()

    async def get(self, key: Hashable, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        """The body under `key`, at most `keep_ms` older than its computation. Failures are not remembered."""
        now_ms = self._clock_ms()
        entry = self._entries.get(key)
        if (
            entry is None
            or (entry[1].done() and not 0 <= now_ms - entry[0] < self._keep_ms)
            or _failed(entry[1])
        ):
            entry = (now_ms, asyncio.ensure_future(_run(compute)))
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > _ENTRIES_MAX:
                self._entries.popitem(last=False)
        # Shielded: one reader that hangs up must not cancel the others' answer.
        return await asyncio.shield(entry[1])


async def _run(compute: Callable[[], Awaitable[bytes]]) -> bytes:
    return await compute()


def _failed(task: asyncio.Task[bytes]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
