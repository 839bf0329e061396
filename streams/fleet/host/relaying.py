"""Keeps a relay beside a server whose ports ask for TLS, as long as the server runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from streams.fleet.host.attempts import Attempt
from streams.fleet.host.driver import CannotStart, Driver
from streams.fleet.host.relays import complaint

_log: Final = logging.getLogger(__name__)
_LOOK_S: Final = 0.02
_AGAIN_S: Final = 1.0


class Relaying:
    """Of one attempt. Where none of its ports asks for TLS it does nothing."""

    def __init__(self, attempt: Attempt, *, driver: Driver, in_thread: Callable[..., Awaitable[Any]]) -> None:
        self.listens = not any(port.tls for port in attempt.launch.ports)
        """Whether players can reach all that they are to reach."""
        self._wanted = not self.listens
        self._attempt = attempt
        self._driver = driver
        self._in_thread = in_thread
        self._task: asyncio.Task[None] | None = None
        self._warned = ""

    def begin(self) -> None:
        """From now on a relay is there whenever the server is; one that another agent began is kept."""
        if self._wanted and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        """No relay is begun any more. One that is there ends with the server."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        begun = False
        while True:
            try:
                if not self._driver.relayed(self._attempt):
                    said = complaint(self._attempt)
                    if await self._in_thread(self._driver.relay, self._attempt):
                        if begun:
                            self._warn(f"it ended, another begins: {said or 'killed'}")
                        begun = True
            except (CannotStart, OSError) as error:
                self._warn(str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S):
                    while not self._driver.relayed(self._attempt):  # noqa: ASYNC110 - of a file
                        await asyncio.sleep(_LOOK_S)
            self.listens = self._driver.relayed(self._attempt)
            await asyncio.sleep(_AGAIN_S if self.listens else 0)

    def _warn(self, why: str) -> None:
        """Log it, unless the last warning had the same reason."""
        if why != self._warned:
            self._warned = why
            _log.warning("the relay of %s: %s", self._attempt.id, why)
