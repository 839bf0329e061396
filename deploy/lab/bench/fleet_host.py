"""The host of a running stack, for `questlog bench fleet`: its room, its agent, and what that costs."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.bench import fleet_processes
from deploy.lab.bench.fleet_figures import MIB, Figure, figure
from deploy.lab.bench.fleet_project import LIFE_SECONDS, LOOK_SECONDS, REGION
from deploy.lab.bench.load import OrderRefusedError
from deploy.lab.bench.processes import parts, resident_bytes
from deploy.lab.drill.stack import OwnStack
from deploy.redis_server import open_redis
from deploy.stack.program import ask_health
from deploy.stack.programs import AGENT
from projections.fleet.queries.state import FleetQueries
from schemas.fleet.limits import CPU_RESERVED_SHARE
from schemas.fleet.sizes import SIZES

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.settings import Settings

SPARE: Final = 10
"""Servers of others, and room that a host need not give to the last megabyte."""


class StackHost:
    """The agent is the one that the stack's supervisor starts, and starts again."""

    def __init__(self, home: Path, configured: Settings) -> None:
        self._home = home
        self._configured = configured

    async def check_room(self, servers: int) -> None:
        """Raise OrderRefusedError where the hosts can't run so many servers at once."""
        size = SIZES["micro"]
        async with open_redis(self._configured) as redis:
            hosts = await FleetQueries(redis).hosts()
        room = 0
        for host in hosts:
            has = host.capacity
            if host.status == "up" and REGION in has.regions:
                room += min(
                    (has.memory_mb - host.memory_used_mb) // size.memory_mb,
                    (has.cpu_millis - host.cpu_reserved_millis) * CPU_RESERVED_SHARE // size.cpu_millis,
                )
        if room < servers:
            raise OrderRefusedError(
                f"the stack's hosts have room for {room} servers of size micro, not for {servers}: start it "
                f"with QUESTLOG_FLEET_MEMORY_MIB={(servers + SPARE) * size.memory_mb} and "
                f"QUESTLOG_FLEET_CPU_MILLIS={(servers + SPARE) * size.cpu_millis // CPU_RESERVED_SHARE}; "
                "idle servers use little of it"
            )

    async def health(self) -> dict[str, Any]:
        """What the agent says. Raises OrderRefusedError where none runs."""
        found = await ask_health(self._admin_port())
        if not found.get("ok"):
            raise OrderRefusedError(f"no agent serves this machine: {AGENT} says {found or 'nothing'}")
        return found

    def resident_bytes(self) -> int:
        """The agent's memory."""
        return resident_bytes(parts(self._home)[AGENT])

    async def cost(
        self, seconds: float, of: str, *, cpu_aim: float, memory_aim: float | None
    ) -> list[Figure]:
        """The agent's CPU over so long, with that of what it runs and ends meanwhile, and its memory."""
        pid = parts(self._home)[AGENT]
        begun, before = time.perf_counter(), fleet_processes.cpu_seconds([pid], children=True)
        await asyncio.sleep(seconds)
        used = fleet_processes.cpu_seconds([pid], children=True) - before
        share = used / (time.perf_counter() - begun) * 100
        return [
            figure("agent's CPU", share, "% of a core", cpu_aim, of),
            figure("agent's memory", self.resident_bytes() / MIB, "MB", memory_aim, of),
        ]

    async def kill(self, servers: int) -> float:
        """Seconds from the agent's death until the next one looks after so many servers."""
        old, begun = parts(self._home)[AGENT], time.perf_counter()
        os.kill(old, signal.SIGKILL)
        while True:
            said = await ask_health(self._admin_port())
            if said.get("ok") and said["pid"] != old and said["servers"] == servers:
                return time.perf_counter() - begun
            if time.perf_counter() - begun > LIFE_SECONDS:
                raise OrderRefusedError(f"the next agent has not found all {servers} servers: {said}")
            await asyncio.sleep(LOOK_SECONDS)

    def _admin_port(self) -> int:
        shown = OwnStack(self._home).parts()
        if AGENT not in shown:
            raise OrderRefusedError("the stack hosts no game servers: start it without --no-fleet")
        port: int = shown[AGENT]["admin_port"]
        return port
