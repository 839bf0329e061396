"""The drill's hosts: agents of its own beside the stack, kept running, killed, and frozen past their loss."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Final

from deploy.lab.drill.stack import DrillFailedError
from deploy.stack.ports import free_ports
from deploy.stack.program import PartFailed, RunningProgram, ask_health
from projections.clickhouse.errors import ClickHouseError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deploy.lab.drill.stack import OwnStack
    from projections.clickhouse.client import ClickHouse

START_SECONDS: Final = 120.0
LOST_SECONDS: Final = 150.0
"""A frozen host is lost after 30 s of the log's time, which stands still while the log is down."""
FENCED_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.5


class Host:
    """One machine's agent, started again whenever it ends, as a supervisor does."""

    def __init__(self, stack: OwnStack, number: int, *, memory_mib: int, ports: int, **changes: str) -> None:
        """`changes` are settings of its own, by their variable."""
        self.name = f"drill-host-{number}"
        self.frozen = False
        self.starts = 0
        self._stack = stack
        self._number = number
        first, last = free_ports(ports)
        self._changes = {
            "QUESTLOG_FLEET_HOST": self.name,
            "QUESTLOG_FLEET_PORTS": f"{first}-{last}",
            "QUESTLOG_FLEET_MEMORY_MIB": str(memory_mib),
            "QUESTLOG_FLEET_CPU_MILLIS": str(memory_mib * 100),
            "QUESTLOG_FLEET_STOP_SERVERS": "1",
            **changes,
        }
        self._program: RunningProgram | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    @property
    def pid(self) -> int:
        """Of the agent; 0 while none runs."""
        return self._program.process.pid if self._program is not None else 0

    async def open(self) -> None:
        """Start it, and keep it running."""
        await self._start()
        self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Let it end its servers and itself. Called twice: nothing happens."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        program, self._program = self._program, None
        if program is not None:
            if self.frozen:
                program.process.send_signal(signal.SIGCONT)
            await program.stop()
            await self._stack.remove(program)

    async def driver(self) -> str:
        """What it runs servers by."""
        if self._program is None:
            raise DrillFailedError(f"no agent serves {self.name}")
        health = await ask_health(self._program.spec.admin_port)
        return str(health.get("driver", "unknown"))

    def kill(self) -> int:
        """SIGKILL to the agent; its pid. Raises DrillFailedError where none runs."""
        pid = self.pid
        if not pid:
            raise DrillFailedError(f"no agent serves {self.name}")
        os.kill(pid, signal.SIGKILL)
        return pid

    async def wait_restarted(self, old_pid: int, seconds: float) -> bool:
        """True once another agent has joined."""
        try:
            async with asyncio.timeout(seconds):
                while self.pid in {0, old_pid}:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def freeze(self, lost: Callable[[str], Awaitable[None]]) -> tuple[float, bool]:
        """Stop the agent until `lost` returns: the log has given its host up. Then it goes on.

        Seconds until the loss, and whether it ended by itself and another one has joined.
        """
        if not await self.wait_restarted(0, START_SECONDS):
            raise DrillFailedError(f"no agent serves {self.name}, to be frozen")
        pid, begun = self.pid, time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        self.frozen = True
        try:
            async with asyncio.timeout(LOST_SECONDS):
                await lost(self.name)
        except TimeoutError:
            raise DrillFailedError(f"{self.name} was not lost in {LOST_SECONDS:.0f} s") from None
        finally:
            self.frozen = False
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        return time.monotonic() - begun, await self.wait_restarted(pid, FENCED_SECONDS)

    async def _start(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._program = await self._stack.add_worker("fleet", 200 + self._number, **self._changes)
            except PartFailed as error:  # while the log is down none can join
                if time.monotonic() > deadline:
                    raise DrillFailedError(f"no agent of {self.name} comes to run: {error}") from error
                await asyncio.sleep(LOOK_SECONDS)
                continue
            self.starts += 1
            self._changed.set()
            return

    async def _keep(self) -> None:
        while True:
            program = self._program
            if program is not None:
                await program.process.wait()
                self._program = None
                await self._stack.remove(program)
            await self._start()


async def until_lost(clickhouse: ClickHouse, name: str) -> None:
    """Return once the log has given up the host of that name. ClickHouse may be away meanwhile."""
    while True:
        try:
            rows = await clickhouse.rows(
                "SELECT status FROM fleet_hosts FINAL WHERE id = {id:String}", {"id": name}
            )
        except ClickHouseError:
            rows = []
        if [row[0] for row in rows] == ["lost"]:
            return
        await asyncio.sleep(LOOK_SECONDS)
