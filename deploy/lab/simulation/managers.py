"""The process managers and effects of a simulation: those of the table of nouns, over clients of their own.

Any of them may be killed anywhere, and two timers may work at once, as after a rebalance that the old one has
not noticed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.simulation.processes import FAILURES, Process
from deploy.noun import Acting
from projections.redis.stores import RedisStores
from schemas.edge.ports import StoreUnavailable
from schemas.log_positions import Position
from schemas.telemetry.noun import TELEMETRY

if TYPE_CHECKING:
    from deploy.lab.simulation.faults import Faults
    from deploy.lab.simulation.noun import Part
    from deploy.lab.simulation.stage import Stage
    from deploy.lab.simulation.store import SimulatedRedis
    from deploy.noun import Tick

TICK_S: Final = 1.0


def acting(stage: Stage, name: str) -> Acting:
    """What managers and effects have, asking in a process's name."""
    client: Any = stage.redis
    return Acting(
        settings=stage.settings,
        stores=RedisStores(client),
        tail=stage.log,
        asker=stage.asker(name),
        events=stage.events,
        appender=stage.log,
        telemetry=TELEMETRY,
        stack=contextlib.AsyncExitStack(),
    )


class Timer(Process):
    """Does what is due, a look each second."""

    def __init__(self, part: Part, acting: Acting) -> None:
        self._part = part
        self._acting = acting
        stage = part.stage
        super().__init__("timer", "", stage.partitions, _no_reader, log=stage.log, faults=stage.faults)

    async def _live(self) -> None:
        ticks = self._part.managers(self._acting)
        with contextlib.suppress(*FAILURES):
            async with asyncio.TaskGroup() as group:
                for tick in ticks.values():
                    group.create_task(self._every_second(tick))

    async def _every_second(self, tick: Tick) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):
                await tick(self._part.timer_ms())
            await asyncio.sleep(TICK_S)


def _no_reader() -> Any:
    raise TypeError("a timer reads no log")


class SimulatedPositions:
    """An effect's positions in the simulated store: lost and set back with it."""

    def __init__(self, redis: SimulatedRedis, faults: Faults, name: str) -> None:
        self._redis = redis
        self._faults = faults
        self._name = name

    async def load(self, log_id: str, partition: int) -> Position:
        """Next offset and last accepted `src`; (0, -1) where nothing is held."""
        await self._faults.delay("to the store")
        return self._redis.effects.get(f"{self._name}/{log_id}/{partition}", Position())

    async def save(self, log_id: str, partition: int, position: Position) -> None:
        """Hold it."""
        await self._faults.delay("to the store")
        if self._faults.happens("store away"):
            raise StoreUnavailable("away")
        self._redis.effects[f"{self._name}/{log_id}/{partition}"] = position
