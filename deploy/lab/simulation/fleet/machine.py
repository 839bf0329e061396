"""A machine of the simulation: folders and processes in memory, which outlive its agents.

What a process does is drawn from the seed: it is ready after a while, and some end by themselves.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from schemas.fleet.host_views import HostCapacity
from schemas.fleet.views import LaunchSpec
from streams.fleet.host.reconcile import State

if TYPE_CHECKING:
    from deploy.lab.simulation.stage import Stage

REGION: Final = "us-east"
PORTS: Final = 12
READY_S: Final = (0.05, 2.0)
CRASHES: Final = 0.4
"""Share of the processes that end by themselves while faults are on."""
CRASH_S: Final = (0.1, 15.0)


class Attempt(msgspec.Struct, kw_only=True):
    """A folder, and what runs in it. Times are virtual seconds."""

    spec: LaunchSpec
    state: State = "made"
    ready_s: float = 0.0
    ends_s: float | None = None
    exit_code: int = 1
    reported: bool = False
    stopping: bool = False


class Machine:
    """One machine. `problems`: what must not be."""

    def __init__(self, stage: Stage, host_id: str, partition: int, *, memory_mb: int) -> None:
        self.host_id = host_id
        self.partition = partition
        self.held: dict[str, Attempt] = {}
        self.problems: list[str] = []
        self.frozen_until_s = 0.0
        self._faults = stage.faults
        self._begun: set[str] = set()
        self.capacity = HostCapacity(
            regions=[REGION],
            cpu_millis=8000,
            memory_mb=memory_mb,
            first_port=31_000,
            last_port=31_000 + PORTS - 1,
            address=host_id,
            isolation="container",
        )

    @property
    def running(self) -> set[str]:
        """The attempts whose processes run."""
        return {name for name, attempt in self.held.items() if attempt.state == "runs"}

    async def thawed(self) -> None:
        """While the machine is frozen nothing on it goes on."""
        while self.now_s < self.frozen_until_s:  # noqa: ASYNC110 - virtual time costs nothing
            await asyncio.sleep(self.frozen_until_s - self.now_s)

    @property
    def now_s(self) -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()

    def make(self, name: str, spec: LaunchSpec) -> None:
        """Its folder, made if it is not there."""
        self.held.setdefault(name, Attempt(spec=spec))

    def begin(self, name: str) -> None:
        """Run what a folder holds."""
        attempt, dice = self.held[name], self._faults.dice
        if name in self._begun:
            self.problems.append(f"{self.host_id} began {name} twice")
        for other in self.running:
            if self.held[other].spec.instance_id == attempt.spec.instance_id:
                self.problems.append(f"{self.host_id} runs {other} and {name} at once")
        self._begun.add(name)
        attempt.state, attempt.ready_s = "runs", self.now_s + dice.uniform(*READY_S)
        if self._faults.on and dice.random() < CRASHES:
            attempt.ends_s = self.now_s + dice.uniform(*CRASH_S)

    def end(self, name: str, exit_code: int) -> None:
        """Its process ends now."""
        attempt = self.held[name]
        attempt.state, attempt.exit_code = "ended", exit_code

    def pass_time(self) -> None:
        """What was to end by now has ended."""
        for name, attempt in self.held.items():
            if attempt.state == "runs" and attempt.ends_s is not None and attempt.ends_s <= self.now_s:
                self.end(name, 143 if attempt.stopping else 1)
