"""Carries what servers print and use, and what is said of builds, from a host into the log, each second."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from typing import Final

from schemas.fleet.telemetry import SAMPLE_EVERY_MS, BuildLine
from schemas.log import LogUnavailable
from streams.fleet.host.lines import Printed
from streams.fleet.host.serving import Serving
from streams.fleet.host.telemetry import LINES_MAX, Telemetry

_log: Final = logging.getLogger(__name__)


class OutputCarrier:
    """`run` once, as long as the host serves."""

    def __init__(
        self,
        telemetry: Telemetry,
        servings: Mapping[str, Serving],
        *,
        build_lines: list[BuildLine] | None,
        executor: Executor,
        every_s: float,
        clock_ms: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called once the log has what a server that ended has printed."""
        self._telemetry = telemetry
        self._servings = servings
        self._build_lines = build_lines
        self._executor = executor
        self._every_s = every_s
        self._clock_ms = clock_ms
        self._changed = changed

    async def run(self) -> None:
        """Carries without end; samples are taken each 15 s."""
        sample_every_s = SAMPLE_EVERY_MS / 1000
        loop = asyncio.get_running_loop()
        next_sample = loop.time()
        while True:
            await asyncio.sleep(self._every_s)
            if loop.time() >= next_sample:
                next_sample = max(next_sample + sample_every_s, loop.time())
                for serving in list(self._servings.values()):
                    await serving.sample(now_ns=time.monotonic_ns(), at_ms=self._clock_ms())
            await self._carry()

    async def _carry(self) -> None:
        servings = [one for one in self._servings.values() if one.samples or not one.output.finished()]
        read = [(serving, await self._read(serving)) for serving in servings]
        await self._until_appended(lambda: self._telemetry.tell(read))
        lines = self._build_lines
        if lines is not None:
            await self._until_appended(lambda: self._telemetry.tell_builds(lines))
        if any(serving.state == "ended" for serving in servings):
            self._changed()

    async def _read(self, serving: Serving) -> list[Printed]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._executor,
            lambda: serving.output.read(
                now_s=loop.time(),
                now_ms=self._clock_ms(),
                lines_max=LINES_MAX,
                ended=serving.state == "ended",
            ),
        )

    async def _until_appended(self, append: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await append()
            except LogUnavailable as error:
                _log.warning("the log did not take what servers printed; it is appended again: %r", error)
                await asyncio.sleep(self._every_s)
