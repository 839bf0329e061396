"""Ends a worker without progress while there is work, or whose event loop no longer runs.

Faust's own livelock detector only logs, and a stuck reader keeps heartbeating from its own thread, so no
process else would notice.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from schemas.log import LogTail, LogUnavailable
from streams.runtime import metrics

_log: Final = logging.getLogger(__name__)

EXIT_STUCK: Final = 71
LOOK_SECONDS: Final = 5.0
STUCK_SECONDS: Final = 30.0
FOLD_SECONDS: Final = 600.0

Positions = Callable[[], list[tuple[str, dict[int, int], dict[int, int]]] | None]
"""Topic, next offset by partition, and the ends to be filled in; None during what may take long."""


class Watchdog:
    """Looks every 5 s: lag without progress for 30 s, or a loop that did not turn for 30 s, is exit 71.

    The time a process was stopped (SIGSTOP) does not count. Taking partitions may last 10 minutes, and so may
    a record at which a reader says that it works long.
    """

    def __init__(
        self,
        end: Callable[[int, str], None],
        tail: LogTail,
        positions: Positions,
        *,
        look_s: float = LOOK_SECONDS,
        stuck_s: float = STUCK_SECONDS,
    ) -> None:
        self._end = end
        self._tail = tail
        self._positions = positions
        self._look_s = look_s
        self._stuck_s = stuck_s
        self._still: dict[tuple[str, int], tuple[int, float]] = {}
        self._folding_s = 0.0
        self._turns = 0
        self._stopped = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._watch_loop, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin watching the loop this is called in."""
        self._task = asyncio.ensure_future(self._watch_progress())
        self._thread.start()

    async def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch_progress(self) -> None:
        while True:
            await asyncio.sleep(self._look_s)
            self._turns += 1
            positions = self._positions()
            if positions is None:
                self._folding_s += self._look_s
                if self._folding_s > FOLD_SECONDS:
                    self._stuck(f"what takes long (partitions, a large erasure) took {FOLD_SECONDS:.0f} s")
                continue
            self._folding_s = 0.0
            for topic, offsets, ends in positions:
                for partition, position in list(offsets.items()):
                    try:
                        end = await self._tail.end_offset(topic, partition)
                    except LogUnavailable as error:
                        _log.warning("lag is unknown: %s", error)
                        continue
                    if partition in offsets:  # it was not given up meanwhile
                        ends[partition] = end
                        self._look(topic, partition, position, end - position)

    def _look(self, topic: str, partition: int, position: int, lag: int) -> None:
        metrics.LAG.labels(topic, str(partition)).set(max(0, lag))
        metrics.POSITION.labels(topic, str(partition)).set(position)
        seen, still_s = self._still.get((topic, partition), (-1, 0.0))
        still_s = still_s + self._look_s if lag > 0 and seen == position else 0.0
        self._still[topic, partition] = (position, still_s)
        if still_s >= self._stuck_s:
            self._stuck(f"{topic}[{partition}] stands at {position} with {lag} records to read")

    def _watch_loop(self) -> None:
        silent_s, seen = 0.0, self._turns
        while not self._stopped.wait(self._look_s):
            silent_s = silent_s + self._look_s if seen == self._turns else 0.0
            seen = self._turns
            if silent_s >= self._stuck_s:
                self._stuck(f"the event loop did not turn for {silent_s:.0f} s")

    def _stuck(self, reason: str) -> None:
        if not self._stopped.is_set():
            faulthandler.dump_traceback(sys.__stderr__ or sys.stderr, all_threads=True)
            self._end(EXIT_STUCK, f"{time.strftime('%H:%M:%S')} stuck: {reason}")
