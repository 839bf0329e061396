"""The lock of a root folder: one agent serves it at a time."""

from __future__ import annotations

import asyncio
import fcntl
from pathlib import Path
from typing import IO, Final

_WAIT_S: Final = 10.0
_AGAIN_S: Final = 0.1


class AgentRunning(Exception):
    """Another agent serves this root folder."""


async def lock_root(path: Path) -> IO[str]:
    """The open file that holds the root's lock. The guard holds it for moments only. Raises AgentRunning."""
    file = open(path, "w")  # noqa: ASYNC230, SIM115 - it stays open as long as the agent runs
    until = asyncio.get_running_loop().time() + _WAIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if asyncio.get_running_loop().time() > until:
                file.close()
                raise AgentRunning(f"another agent holds {path}") from None
            await asyncio.sleep(_AGAIN_S)
        else:
            return file
