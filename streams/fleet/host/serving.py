"""One attempt from its start, or from where a dead agent left it, to the report of its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final, TypeVar

from schemas.fleet.host_commands import Report
from schemas.fleet.telemetry import Sample
from schemas.fleet.views import ExitReason
from streams.fleet.host.attempt_reports import AttemptReports
from streams.fleet.host.attempts import Attempt
from streams.fleet.host.cache import NotTheBuild
from streams.fleet.host.commands import CommandFailed
from streams.fleet.host.conversation import Conversation
from streams.fleet.host.driver import CannotStart, Driver, Exit
from streams.fleet.host.launch import Launch
from streams.fleet.host.output import Output
from streams.fleet.host.ready import Verdict, Watched, look
from streams.fleet.host.reconcile import Found, State
from streams.fleet.host.relaying import Relaying
from streams.fleet.host.sampler import Sampler
from streams.fleet.host.sdk import Said

_log: Final = logging.getLogger(__name__)
_TOLD_S: Final = 0.02
_WATCH_S: Final = 1.0
_QUIET_S: Final = 30.0
_NOT_RUN: Final = frozenset({126, 127})
"""What a program that can't be run ends with, by the shell's convention; tini keeps to it."""
_MIB: Final = 1024 * 1024
Result = TypeVar("Result")
Builds = Callable[[Launch], Awaitable[Path | None]]
"""The unpacked build of a launch, fetched if it is not here. Raises OSError, NotTheBuild."""


class BuildUnavailable(Exception):
    """The build could not be fetched. The message says why."""


class Serving:
    """An attempt that this agent looks after. `run` once; all else at any time."""

    def __init__(
        self,
        attempt: Attempt,
        *,
        driver: Driver,
        builds: Builds,
        executor: Executor,
        report: Callable[[Report, Callable[[], None]], None],
        document: dict[str, Any],
    ) -> None:
        """`report` gets a report, and what to call once the log has it."""
        self.attempt = attempt
        self.launch = attempt.launch
        self.output = Output(attempt, _now_s())
        self.samples: list[Sample] = []
        self.sampler = Sampler(self.launch.cpu_cores, self.launch.memory_mib * _MIB)
        self.state: State = "runs" if driver.began(attempt) else "made"
        self.stopping = False
        self.cleaned = False
        self._driver = driver
        self._builds = builds
        self._executor = executor
        self._reports = AttemptReports(attempt, driver=driver, report=report)
        self._relaying = Relaying(attempt, driver=driver, in_thread=self._in_thread)
        self._begun = False
        self._unmarked: set[str] = set()
        """What could not be noted yet: the next agent would not know it."""
        self._ending: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._changing = asyncio.Lock()
        self._watched = Watched(
            readiness=self.launch.readiness,
            ports=driver.ports(attempt),
            started_s=_now_s(),
            startup_timeout_s=self.launch.startup_timeout_s,
            ready=attempt.marked("ready"),
        )
        self._conversation = Conversation(
            attempt,
            driver=driver,
            in_thread=self._in_thread,
            document=document,
            said=self._hear,
            custom_data=self._reports.custom_data,
        )

    def found(self) -> Found:
        """As `reconcile` sees it."""
        begun = self.state == "made" and self._begun
        return Found("runs" if begun else self.state, self._reports.exit_known, self.stopping)

    async def run(self) -> None:
        """Starts the server unless it was started, watches it, and reports its end. No process is left."""
        self._begun = True
        try:
            await self._begin()
            await self._watch()
        except (BuildUnavailable, CannotStart) as error:
            _log.warning("%s can't be started: %s", self.attempt.id, error)
            unavailable = isinstance(error, BuildUnavailable)
            self._reports.because("STARTUP_FAILURE_DOWNLOAD" if unavailable else "STARTUP_FAILURE_EXECUTABLE")
            await self._in_thread(self._driver.kill, self.attempt)
        finally:
            await self._relaying.close()
            await self._conversation.close()
        await self._finish()

    def show(self, document: dict[str, Any]) -> None:
        """server.json is this from now on."""
        self._conversation.show(document)

    def believe_ready(self) -> None:
        """The log says that it is, by its own report or by the server's word: it can't be late any more."""
        if not self._watched.ready:
            self._watched.ready = True
            self._mark("ready")
            self._wake.set()

    async def stop(self, reason: ExitReason | None = None) -> None:
        """SIGTERM now and SIGKILL after the server's grace. Twice is as once."""
        if self.stopping:
            return
        self.stopping = True
        self._reports.because(reason)
        try:
            async with asyncio.timeout(self.launch.stop_grace_s):
                told = False
                while self.state != "ended":  # one that is just being started is told as soon as it can be
                    told = told or await self._in_thread(self._driver.signal, self.attempt, signal.SIGTERM)
                    await asyncio.sleep(_TOLD_S)
        except TimeoutError:
            await self.kill()

    async def kill(self, reason: ExitReason | None = None) -> None:
        """SIGKILL to the whole tree now."""
        self.stopping = True
        self._reports.because(reason)
        async with self._changing:  # a start that takes its time would be behind it
            await self._in_thread(self._driver.kill, self.attempt)
        self._wake.set()

    async def sample(self, *, now_ns: int, at_ms: int) -> None:
        """Adds what it uses to `samples`, if it runs."""
        if self.state == "runs":
            stats = await self._in_thread(self._driver.stats, self.attempt)
            sample = self.sampler.sample(stats, now_ns=now_ns, at_ms=at_ms) if stats is not None else None
            if sample is not None:
                self.samples.append(sample)

    async def _begin(self) -> None:
        if self.state == "made":
            try:
                build = await self._builds(self.launch)
            except (OSError, NotTheBuild) as error:
                raise BuildUnavailable(str(error)) from error
            await self._in_thread(self._driver.prepare, self.attempt, build)
        try:
            self._conversation.write()
        except OSError as error:
            if self.state == "made":
                raise CannotStart(f"its server.json can't be written: {error}") from error
            _log.warning("%s has no new server.json: %s", self.attempt.id, error)
        await self._conversation.open()
        if self.state == "made":
            self._watched.started_s = _now_s()
            async with self._changing:
                if self.stopping:
                    raise CannotStart("it was stopped before its start")
                await self._in_thread(self._driver.start, self.attempt)
            self.state = "runs"

    async def _watch(self) -> None:
        started = self.attempt.marked("started")
        if started:
            self._relaying.begin()
            self._reports.begun()
            if self._watched.ready:
                self._reports.ready()
        while self._driver.ended(self.attempt) is None:
            if not started and self._driver.started(self.attempt):
                started = True
                self._watched.started_s = _now_s()
                self._mark("started")
                self._relaying.begin()
                self._reports.begun()
            elif (
                not started and not self._driver.adopt(self.attempt) and not self._driver.began(self.attempt)
            ):
                raise CannotStart("its parent has ended before it could note itself: is the disk full?")
            if not self._watched.ready and self._driver.said_ready(self.attempt):
                self._watched.sdk_ready = True
            bound = self._driver.bound(self.attempt) if not self._watched.ready else ()
            reached = started and self._relaying.listens
            await self._act_on(look(self._watched, bound, _now_s(), started=reached))
            self._mark(*self._unmarked)
            if not self._watched.ready:
                await self._pause(self._driver.starting_s)
            else:  # its end is told by the kernel; only silence has to be looked for, and room for notes
                quiet = self._watched.healthy_s is None and not self._unmarked
                await self._pause(_QUIET_S if quiet else _WATCH_S)

    async def _act_on(self, found: Verdict) -> None:
        match found:
            case "ready":
                self._watched.ready = True
                self._mark("ready")
                self._reports.ready()
            case "late":
                await self.kill("STARTUP_TIMEOUT")
            case "unhealthy":
                await self.kill("UNHEALTHY")
            case "wait":
                pass

    def _mark(self, *names: str) -> None:
        """Notes that it is so, now or as soon as there is room for it."""
        for name in names:
            if self.attempt.note_mark(name):
                self._unmarked.discard(name)
            else:
                self._unmarked.add(name)

    def _judge(self, ended: Exit | None) -> None:
        if ended is not None and ended.out_of_memory:
            self._reports.because("OOM_KILLED")
        elif ended is not None and ended.reason is not None:
            self._reports.because(ended.reason)
        elif ended is not None and ended.code in _NOT_RUN and not self._watched.ready:
            self._reports.because("STARTUP_FAILURE_EXECUTABLE")

    async def _finish(self) -> None:
        await self._in_thread(self._driver.kill, self.attempt)  # what the first process left behind
        ended = self._driver.ended(self.attempt)
        self._judge(ended)
        self.state = "ended"
        self._reports.exited(ended.code if ended is not None else None)
        await self._in_thread(self._driver.clean, self.attempt)
        self.cleaned = True

    async def _pause(self, seconds: float) -> None:
        """Until it may have ended, `_wake` is set, or the time is over."""
        loop = asyncio.get_running_loop()
        try:
            descriptor = self._driver.watch(self.attempt) if seconds > self._driver.starting_s else None
        except ProcessLookupError:
            return
        self._wake.clear()
        try:
            if descriptor is not None:
                loop.add_reader(descriptor, self._wake.set)
            async with asyncio.timeout(seconds if descriptor is not None else min(seconds, _WATCH_S)):
                await self._wake.wait()
        except TimeoutError:
            pass
        finally:
            if descriptor is not None:
                loop.remove_reader(descriptor)
                os.close(descriptor)

    def _hear(self, said: Said) -> None:
        match said:
            case "ready":
                self._watched.sdk_ready = True
                self._wake.set()
            case "health":
                if self._watched.healthy_s is None:
                    self._wake.set()
                self._watched.healthy_s = _now_s()
            case "shutdown":
                self._reports.because("SHUTDOWN_SIGNAL")
                self._ending = asyncio.get_running_loop().create_task(self.stop())

    async def _in_thread(self, call: Callable[..., Result], *arguments: object) -> Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, call, *arguments)
        except CommandFailed as error:
            raise CannotStart(str(error)) from error


def _now_s() -> float:
    return asyncio.get_running_loop().time()
