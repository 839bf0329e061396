"""The builds that the log wants of this host: processed one at a time, in the order they were given.

An attempt is named in every report until the log says what came of it, also while it waits for its turn. One
that failed by no fault of the build is named no more: the log gives it anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from schemas.fleet.host_commands import BuildAttempt, BuildReport
from schemas.fleet.telemetry import BuildLine
from schemas.fleet.views import Build
from streams.fleet.builds.messages import Level, Step
from streams.fleet.builds.processor import AttemptFailed, Tell

NO_ROOM: Final = "the host has no room on its disk for this build"
_LOOK_S: Final = 1.0
"""How often the disk's room is looked at while a build is processed."""

_log: Final = logging.getLogger(__name__)
_Key = tuple[str, int]


class Processor(Protocol):
    """What processes a build: `BuildProcessor`."""

    async def start(self) -> None:
        """Remove what attempts that died have left."""
        ...

    async def process(self, build: Build, tell: Tell) -> BuildReport:
        """What came of the build's attempt. Raises AttemptFailed."""
        ...


class Building:
    """`run` once; `want` whenever the log has said what is to be processed."""

    def __init__(
        self,
        processor: Processor,
        *,
        report: Callable[[BuildReport], None],
        clock_ms: Callable[[], int],
        has_room: Callable[[], bool] = lambda: True,
        look_s: float = _LOOK_S,
    ) -> None:
        """`report` gets what came of an attempt; `has_room` says whether the disk may be filled further."""
        self._processor = processor
        self._report = report
        self._clock_ms = clock_ms
        self._has_room = has_room
        self._look_s = look_s
        self._wanted: dict[_Key, Build] = {}
        self._over: set[_Key] = set()
        self._failed: set[_Key] = set()
        self._changed = asyncio.Event()
        self._number = 0
        self.lines: list[BuildLine] = []
        """What builds' owners are to read; taken out once it is sent on."""

    def want(self, builds: Mapping[str, Build]) -> None:
        """By id: the builds whose attempts are this host's. What is not among them any more is given up."""
        self._wanted = {(build.id, build.attempt): build for build in builds.values()}
        self._over &= self._wanted.keys()
        self._failed &= self._wanted.keys()
        self._changed.set()

    def attempts(self) -> list[BuildAttempt]:
        """What this host is at."""
        return [BuildAttempt(*key) for key in self._wanted if key not in self._failed]

    async def run(self) -> None:
        """Process what is wanted until it is cancelled: then all that it has started ends with it."""
        await self._processor.start()
        while True:
            self._changed.clear()
            key = next((key for key in self._wanted if key not in self._over), None)
            if key is None:
                await self._changed.wait()
            else:
                await self._process(key, self._wanted[key])

    async def _process(self, key: _Key, build: Build) -> None:
        self._number = 0
        processing = asyncio.create_task(self._processor.process(build, self._tell))
        try:
            report = await self._watch(key, build, processing)
        except AttemptFailed as error:
            _log.warning("an attempt at a build failed: %s", error)
            self._failed.add(key)
        except Exception:  # noqa: BLE001 - a build may not end the agent
            _log.exception("an attempt at the build %s failed unforeseen", build.id)
            self._failed.add(key)
        else:
            if report is not None:
                self._report(report)
        finally:
            if not processing.done():
                processing.cancel()
                await asyncio.gather(processing, return_exceptions=True)
        self._over.add(key)

    async def _watch(
        self, key: _Key, build: Build, processing: asyncio.Task[BuildReport]
    ) -> BuildReport | None:
        """What came of it; None where it is not wanted any more. Raises AttemptFailed."""
        while not processing.done():
            if key not in self._wanted:
                return None
            if not await asyncio.to_thread(self._has_room):
                self._tell(build, "warn", "done", f"attempt {build.attempt} failed: {NO_ROOM}")
                raise AttemptFailed(f"{build.id}: {NO_ROOM}")
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait(
                {processing, changed}, timeout=self._look_s, return_when=asyncio.FIRST_COMPLETED
            )
            changed.cancel()
            self._changed.clear()
        return processing.result()

    def _tell(self, build: Build, level: Level, step: Step, message: str) -> None:
        self._number += 1
        self.lines.append(
            BuildLine(
                build.studio_id,
                build.game_id,
                build.id,
                build.attempt,
                self._number,
                self._clock_ms(),
                level,
                step,
                message,
            )
        )
