"""The command path as it runs: Faust workers as processes of their own, restarted when they end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from deploy import settings
from deploy.settings import Settings


class Workers:
    """Worker processes by role. One that ends is started again, as the supervisor does."""

    def __init__(self, configured: Settings) -> None:
        self.settings = configured
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []

    def start(self, *roles: str) -> None:
        self._keepers += [asyncio.create_task(self._keep(role)) for role in roles]

    def kill(self, role: str) -> None:
        """SIGKILL."""
        with contextlib.suppress(KeyError, ProcessLookupError):
            self.running[role].kill()

    async def stop(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _keep(self, role: str) -> None:
        log_path = self.settings.home / f"{role}.log"
        environment = os.environ | self.settings.environment()
        with log_path.open("ab") as log:
            while True:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "deploy.worker", role),
                    env=environment,
                    stdout=log,
                    stderr=log,
                    process_group=0,
                )
                self.running[role] = process
                try:
                    await process.wait()
                    await asyncio.sleep(0.2)  # the supervisor's first backoff
                except asyncio.CancelledError:
                    with contextlib.suppress(ProcessLookupError):
                        process.send_signal(signal.SIGKILL)
                    await process.wait()
                    raise


@contextlib.asynccontextmanager
async def workers(home: Path, kafka: str, **redis: Any) -> AsyncIterator[Workers]:
    """The decider, the Redis projector and the effects on these stores; no ClickHouse is there.

    `redis` are the settings of that one.
    """
    settings.make_secret(home)
    configured = settings.from_environment(
        {}, home=home, kafka=kafka, clickhouse_url="http://localhost:9", **redis
    )
    started = Workers(configured)
    started.start("decider", "redis", "effects")
    try:
        yield started
    finally:
        await started.stop()
