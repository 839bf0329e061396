"""A host of the simulation: a machine with one agent at a time, as the lock on its folder sees to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from deploy.lab.simulation.fleet.agent import Agent
from deploy.lab.simulation.fleet.machine import Machine

if TYPE_CHECKING:
    from deploy.lab.simulation.stage import Stage

RESTART_S: Final = 0.5


class Host(Machine):
    """A machine whose agent is started again whenever it ends."""

    def __init__(self, stage: Stage, host_id: str, partition: int, *, memory_mb: int) -> None:
        super().__init__(stage, host_id, partition, memory_mb=memory_mb)
        self._stage = stage
        self._agent: Agent | None = None
        self._life: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run an agent, and another whenever it ends. In the loop."""
        self._keeper = asyncio.create_task(self._keep())

    def kill(self) -> None:
        """End the agent at whatever await it stands; its supervisor starts another."""
        if self._life is not None:
            self._life.cancel()

    async def stop(self) -> None:
        """Machine off: what runs in it stays as it is."""
        tasks = [task for task in (self._keeper, self._life) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def is_settled(self) -> bool:
        """Whether its agent has nothing left to do or to tell."""
        return self._agent is not None and self._agent.is_settled

    async def _keep(self) -> None:
        while True:
            self._agent = Agent(self, self._stage)
            self._life = asyncio.create_task(self._agent.run(self.capacity))
            await asyncio.wait([self._life])
            await asyncio.sleep(RESTART_S)
