"""The processes of a simulation: each drives its real reader as the runtime does, and may be killed.

A process that meets anything it does not understand ends and is started again, as its supervisor would do.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from schemas.edge.ports import StoreUnavailable
from schemas.log import LogUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.lab.simulation.faults import Faults
    from deploy.lab.simulation.log import SimulatedLog
    from schemas.log import LogReader

IDLE_S = 0.1
RESTART_S = 0.3
FAILURES = (LogUnavailable, StoreUnavailable, OSError, Exception)


class Process:
    """One worker that reads all partitions of a topic. `make` builds its reader anew after each end.

    With `has_tasks` the reader has begun tasks of its own, which end with the process.
    """

    def __init__(
        self,
        name: str,
        topic: str,
        partitions: int,
        make: Callable[[], LogReader],
        *,
        log: SimulatedLog,
        faults: Faults,
        has_tasks: bool = False,
    ) -> None:
        self.name = name
        self.ends = 0
        self.reader: Any = None
        self._topic = topic
        self._partitions = partitions
        self._make = make
        self._log = log
        self._faults = faults
        self._has_tasks = has_tasks
        self._life: asyncio.Task[None] | None = None
        self._zombies: list[asyncio.Task[None]] = []
        self._keeper = asyncio.create_task(self._keep())

    def kill(self) -> None:
        """End it at whatever await it stands."""
        if self._life is not None:
            self._life.cancel()

    def abandon(self) -> None:
        """A rebalance that the old one does not notice: a new one begins, and both go on."""
        if self._life is not None:
            self._zombies.append(self._life)
            self._life = None

    async def stop(self) -> None:
        """End all of it."""
        tasks = [self._keeper, *self._zombies, *([self._life] if self._life else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            self._life = life = asyncio.create_task(self._live())
            while self._life is life and not life.done():  # noqa: ASYNC110 - virtual time costs nothing
                await asyncio.sleep(IDLE_S)
            self.ends += 1
            await asyncio.sleep(RESTART_S)

    async def _live(self) -> None:
        reader = self.reader = self._make()
        lock = asyncio.Lock()

        async def read(partition: int, offset: int) -> None:
            while True:
                record = await self._log.next(self._topic, partition, offset)
                async with lock:
                    await reader.handle(record)
                offset = record.offset + 1

        async def idle() -> None:
            while True:
                await asyncio.sleep(IDLE_S)
                async with lock:
                    await reader.idle(self._faults.now_ms())

        try:
            with contextlib.suppress(*FAILURES):
                positions = [await reader.assigned(partition) for partition in range(self._partitions)]
                async with asyncio.TaskGroup() as group:
                    group.create_task(idle())
                    for partition, position in enumerate(positions):
                        group.create_task(read(partition, position))
        finally:
            if self._has_tasks:
                for partition in range(self._partitions):
                    await reader.revoked(partition)
