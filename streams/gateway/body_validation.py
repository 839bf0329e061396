"""Validates large bodies beside the event loop, and charges expensive ones more to their sender's limit.

A thread of its own takes one body at a time: what it decodes holds Python's lock for a few milliseconds at a
piece, so that other requests go on meanwhile. Its CPU time is what the limit is charged with: a client that
sends bodies that take long to decode may send fewer of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

LARGE_BYTES: Final = 64 * 1024
"""A smaller body is validated at once: going to the thread and back costs as much as 100 events."""
CALL_CPU_S: Final = 0.02
"""CPU that one call of a limit covers, as much as 6,000 events take; more counts as more calls."""
CALLS_MAX: Final = 50

T = TypeVar("T")


class BodyValidator:
    """The thread, started with the first large body. Its work ends with the process."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judging")

    async def run(self, judge: Callable[[], T]) -> tuple[T | Exception, int]:
        """What `judge` returned or raised, and how many calls more it should count for."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _timed, judge)


def _timed(judge: Callable[[], T]) -> tuple[T | Exception, int]:
    begun = time.thread_time()
    result: T | Exception
    try:
        result = judge()
    except Exception as error:  # noqa: BLE001 - the caller raises it, once the time is accounted for
        result = error
    return result, min(int((time.thread_time() - begun) / CALL_CPU_S), CALLS_MAX)
