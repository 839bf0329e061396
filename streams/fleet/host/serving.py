"""One attempt from its start, or from where a dead agent left it, to the report of its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from schemas.fleet.host_commands import Report, ReportKind
from schemas.fleet.telemetry import Sample
from schemas.fleet.views import ExitReason
from streams.fleet.host.attempts import Attempt, replace
from streams.fleet.host.cache import NotTheBuild
from streams.fleet.host.commands import CommandFailed
from streams.fleet.host.driver import CannotStart, Driver, Exit
from streams.fleet.host.environment import SERVER_FILE
from streams.fleet.host.launch import Launch
from streams.fleet.host.namespaces import listener
from streams.fleet.host.oci import SDK_PORT
from streams.fleet.host.output import Output
from streams.fleet.host.ready import Verdict, Watched, look
from streams.fleet.host.reconcile import Found, State
from streams.fleet.host.sampler import Sampler
from streams.fleet.host.sdk import Said, Sdk

_log: Final = logging.getLogger(__name__)
_STARTING_S: Final = 0.02
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
        self.state: State = "made" if attempt.parent() is None else "runs"
        self.stopping = False
        self.reported = attempt.marked("reported")
        self.cleaned = False
        self._driver = driver
        self._builds = builds
        self._executor = executor
        self._report = report
        self._document = document
        self._reason: ExitReason | None = None
        self._begun = False
        self._ending: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._watched = Watched(
            readiness=self.launch.readiness,
            ports=driver.ports(attempt),
            started_s=_now_s(),
            startup_timeout_s=self.launch.startup_timeout_s,
            ready=attempt.marked("ready"),
        )
        self._sdk = Sdk(said=self._hear, custom_data=self._take_custom_data, shown=lambda: self._document)

    def found(self) -> Found:
        """As `reconcile` sees it."""
        begun = self.state == "made" and self._begun
        return Found("runs" if begun else self.state, self.reported, self.stopping)

    async def run(self) -> None:
        """Starts it if it never was, watches it, and reports its end; nothing of it runs afterwards."""
        self._begun = True
        try:
            await self._begin()
            await self._watch()
        except (BuildUnavailable, CannotStart) as error:
            _log.warning("%s can't be started: %s", self.attempt.id, error)
            unavailable = isinstance(error, BuildUnavailable)
            self._because("STARTUP_FAILURE_DOWNLOAD" if unavailable else "STARTUP_FAILURE_EXECUTABLE")
            await self._in_thread(self._driver.kill, self.attempt)
        finally:
            await self._sdk.close()
        await self._finish()

    def show(self, document: dict[str, Any]) -> None:
        """server.json is this from now on."""
        if document != self._document:
            self._document = document
            self._write_document()
            self._sdk.changed()

    def believe_ready(self) -> None:
        """The log says that it is, by its own report or by the server's word: it can't be late any more."""
        if not self._watched.ready:
            self._watched.ready = True
            self.attempt.mark("ready")
            self._wake.set()

    async def stop(self, reason: ExitReason | None = None) -> None:
        """SIGTERM now and SIGKILL after the server's grace. Twice is as once."""
        if self.stopping:
            return
        self.stopping = True
        self._because(reason)
        try:
            async with asyncio.timeout(self.launch.stop_grace_s):
                told = False
                while self.state != "ended":  # one that is just being started is told as soon as it can be
                    told = told or await self._in_thread(self._driver.signal, self.attempt, signal.SIGTERM)
                    await asyncio.sleep(_STARTING_S)
        except TimeoutError:
            await self.kill()

    async def kill(self, reason: ExitReason | None = None) -> None:
        """SIGKILL to the whole tree now."""
        self.stopping = True
        self._because(reason)
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
        self._write_document()
        await self._open_sdk()
        if self.state == "made":
            if self.stopping:
                raise CannotStart("it was stopped before its start")
            self._watched.started_s = _now_s()
            await self._in_thread(self._driver.start, self.attempt)
            self.state = "runs"

    async def _open_sdk(self) -> None:
        namespace = self._driver.namespace(self.attempt)
        try:
            if namespace is not None:
                await self._sdk.open(await self._in_thread(listener, namespace, SDK_PORT))
            elif self.attempt.spec.sdk_port is not None:
                await self._sdk.open(socket.create_server(("127.0.0.1", self.attempt.spec.sdk_port)))
        except OSError as error:  # of a server that has just ended, or whose port someone took meanwhile
            _log.warning("%s has no SDK: %s", self.attempt.id, error)

    async def _watch(self) -> None:
        started = self.attempt.marked("started")
        if started:
            self._say("started")
            if self._watched.ready:
                self._say("ready")
        while self._driver.ended(self.attempt) is None:
            if not started and self._driver.adopt(self.attempt) and self.attempt.server() is not None:
                started = True
                self._watched.started_s = _now_s()
                self.attempt.mark("started")
                self._say("started")
            bound = self._driver.bound(self.attempt) if not self._watched.ready else ()
            if started:
                await self._act_on(look(self._watched, bound, _now_s()))
            if not self._watched.ready:
                await self._pause(_STARTING_S)
            else:  # its end is told by the kernel; only silence has to be looked for
                await self._pause(_QUIET_S if self._watched.healthy_s is None else _WATCH_S)

    async def _act_on(self, found: Verdict) -> None:
        match found:
            case "ready":
                self._watched.ready = True
                self.attempt.mark("ready")
                self._say("ready")
            case "late":
                await self.kill("STARTUP_TIMEOUT")
            case "unhealthy":
                await self.kill("UNHEALTHY")
            case "wait":
                pass

    def _judge(self, ended: Exit | None) -> None:
        if ended is not None and ended.out_of_memory:
            self._because("OOM_KILLED")
        elif ended is not None and ended.code in _NOT_RUN and not self._watched.ready:
            self._because("STARTUP_FAILURE_EXECUTABLE")

    async def _finish(self) -> None:
        await self._in_thread(self._driver.kill, self.attempt)  # what the first process left behind
        ended = self._driver.ended(self.attempt)
        self._judge(ended)
        self.state = "ended"
        if not self.reported:
            self._report(
                Report(
                    instance_id=self.launch.instance_id,
                    attempt=self.launch.attempt,
                    kind="exited",
                    exit_code=ended.code if ended is not None else None,
                    reason=_noted_reason(self.attempt) or self._reason,
                ),
                self._known,
            )
        await self._in_thread(self._driver.clean, self.attempt)
        self.cleaned = True

    async def _pause(self, seconds: float) -> None:
        """Until the server's parent has ended, `_wake` is set, or the time is over."""
        watched = self.attempt.parent() if self.attempt.locked() else self.attempt.server()
        loop = asyncio.get_running_loop()
        try:
            descriptor = os.pidfd_open(watched.pid) if watched is not None and seconds > _STARTING_S else None
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
                self._because("SHUTDOWN_SIGNAL")
                self._ending = asyncio.get_running_loop().create_task(self.stop())

    def _take_custom_data(self, text: str) -> None:
        self._report(
            Report(
                instance_id=self.launch.instance_id,
                attempt=self.launch.attempt,
                kind="custom-data",
                custom_data=text,
            ),
            lambda: None,
        )

    def _say(self, kind: ReportKind) -> None:
        isolation = self._driver.isolation if kind == "started" else None
        self._report(
            Report(
                instance_id=self.launch.instance_id,
                attempt=self.launch.attempt,
                kind=kind,
                isolation=isolation,
            ),
            lambda: None,
        )

    def _because(self, reason: ExitReason | None) -> None:
        """The first reason counts, also for the agent after this one."""
        if reason is not None and self._reason is None:
            self._reason = reason
            replace(self.attempt.folder / "reason", reason.encode())

    def _known(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # its event was read first, and nobody asks for it
            self.attempt.mark("reported")
        self.reported = True

    def _write_document(self) -> None:
        content = msgspec.json.format(msgspec.json.encode(self._document))
        try:
            replace(self.attempt.run_folder / SERVER_FILE, content, mode=0o644)
        except FileNotFoundError:  # it was removed meanwhile
            return

    async def _in_thread(self, call: Callable[..., Result], *arguments: object) -> Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, call, *arguments)
        except CommandFailed as error:
            raise CannotStart(str(error)) from error


def _noted_reason(attempt: Attempt) -> Any:
    try:
        return (attempt.folder / "reason").read_text()
    except FileNotFoundError:
        return None


def _now_s() -> float:
    return asyncio.get_running_loop().time()
