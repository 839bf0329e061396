"""Two agents of one name, each with files of its own: the older is frozen, the newer serves meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Final

from deploy.cli import running_stack
from deploy.lab.drill.fleet_hosts import FENCED_SECONDS, START_SECONDS, Host

if TYPE_CHECKING:
    from deploy.lab.drill.stack import OwnStack
    from deploy.stack.program import RunningProgram

_OLDER_INSTANCE: Final = 290
_FOLDER: Final = "namesake"


class Namesakes:
    """`open`, then `thaw` once, then `close`. The older has no room, so that no server is ever on both."""

    def __init__(self, stack: OwnStack, number: int, *, memory_mib: int, ports: int) -> None:
        configured = running_stack.of_home(stack.home)
        home = stack.home.absolute() / "fleet" / _FOLDER
        self.newer = Host(
            stack,
            number,
            memory_mib=memory_mib,
            ports=ports,
            QUESTLOG_HOME=str(home),
            QUESTLOG_SECRET=configured.deployment_secret().decode(),
            QUESTLOG_OBJECT_STORE=configured.object_store_location,
            QUESTLOG_FLEET_BUILDS="0",
        )
        self.folder = f"{_FOLDER}/fleet/{self.newer.name}"
        """The newer one's, from where the stack has those of hosts."""
        self._stack = stack
        self._older: RunningProgram | None = None

    async def open(self) -> None:
        """The older joins and is frozen; the newer joins."""
        older = self._older = await self._stack.add_worker(
            "fleet",
            _OLDER_INSTANCE,
            QUESTLOG_FLEET_HOST=self.newer.name,
            QUESTLOG_FLEET_MEMORY_MIB="1",
            QUESTLOG_FLEET_BUILDS="0",
        )
        older.process.send_signal(signal.SIGSTOP)
        await self.newer.open()

    async def thaw(self) -> list[str]:
        """The older goes on, behind the newer one's epoch; what is wrong with what came of it."""
        if self._older is None or not await self.newer.wait_restarted(0, START_SECONDS):
            return [f"no newer agent serves {self.newer.name}"]
        starts = self.newer.starts
        self._older.process.send_signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(FENCED_SECONDS):
                await self._older.process.wait()
        except TimeoutError:
            return [f"the older agent of {self.newer.name} did not end"]
        if self.newer.starts != starts or not self.newer.pid:
            return [f"the newer agent of {self.newer.name} did not stay"]
        return []

    async def close(self) -> None:
        """Nothing of either runs any more. Called twice: nothing happens."""
        older, self._older = self._older, None
        if older is not None:
            with contextlib.suppress(ProcessLookupError):
                older.process.send_signal(signal.SIGCONT)
            await older.stop()
            await self._stack.remove(older)
        await self.newer.close()
