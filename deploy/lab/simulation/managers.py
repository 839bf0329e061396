"""The process managers of a simulation: the timer that ends windows and lobbies, and who gives rank rewards.

They are the real ones, over a command client of their own. Any of them may be killed anywhere, and two timers
may work at once, as after a rebalance that the old one has not noticed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.simulation.processes import FAILURES, Process
from projections.liveops.queries import LiveopsQueries
from schemas.edge.ports import StoreUnavailable
from schemas.liveops.commands import COMMANDS
from schemas.log_positions import Position
from streams.asking import Asker
from streams.liveops.lobbies import LobbyManager
from streams.liveops.rank_rewards import RankRewards
from streams.liveops.windows import WindowManager

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deploy.lab.simulation.faults import Faults
    from deploy.lab.simulation.log import SimulatedLog
    from deploy.lab.simulation.store import SimulatedRedis
    from schemas.topics import Topic
    from streams.gateway.commands import CommandClient

TICK_S: Final = 1.0


def asker_of(commands: CommandClient, faults: Faults) -> Asker:
    """Asks with a clock that steps back and runs ahead while faults are on."""
    return Asker(commands, COMMANDS, clock_ms=faults.gateway_ms, randomness=faults.dice.randbytes)


class Timer(Process):
    """Ends windows and lobbies, a look each second."""

    def __init__(
        self, asker: Asker, redis: SimulatedRedis, partitions: int, *, log: SimulatedLog, faults: Faults
    ) -> None:
        client: Any = redis
        self._asker = asker
        self._dues = LiveopsQueries(client)
        super().__init__("timer", "", partitions, _no_reader, log=log, faults=faults)

    async def _live(self) -> None:
        windows = WindowManager(self._asker, self._dues, partitions=self._partitions)
        lobbies = LobbyManager(self._asker, self._dues)
        with contextlib.suppress(*FAILURES):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._every_second(windows.tick))
                group.create_task(self._every_second(lobbies.tick))

    async def _every_second(self, tick: Callable[[int], Awaitable[int]]) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):
                await tick(self._faults.now_ms())
            await asyncio.sleep(TICK_S)


def _no_reader() -> Any:
    raise TypeError("a timer reads no log")


class SimulatedPositions:
    """A reader's positions in the simulated store: lost and set back with it."""

    def __init__(self, redis: SimulatedRedis, faults: Faults) -> None:
        self._redis = redis
        self._faults = faults

    async def load(self, log_id: str, partition: int) -> Position:
        """Next offset and last accepted `src`; (0, -1) where nothing is held."""
        await self._faults.delay("to the store")
        return self._redis.effects.get(f"{log_id}/{partition}", Position())

    async def save(self, log_id: str, partition: int, position: Position) -> None:
        """Hold it."""
        await self._faults.delay("to the store")
        if self._faults.happens("store away"):
            raise StoreUnavailable("away")
        self._redis.effects[f"{log_id}/{partition}"] = position


def rank_rewards(
    asker: Asker, redis: SimulatedRedis, events: Topic, *, log: SimulatedLog, faults: Faults
) -> RankRewards:
    """The real reader, on positions of the simulated store."""
    return RankRewards(asker, topic=events, tail=log, positions=SimulatedPositions(redis, faults))
