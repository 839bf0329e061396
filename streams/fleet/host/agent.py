"""The agent of one host: joins the log, follows it, and brings the machine to what it wants.

It needs the log and no store. It may be killed at any moment: servers go on, and the next agent finds each in
its folder. One agent serves a root folder at a time. Source: contract/fleet.md, "Host agent".
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from schemas.codec import Message
from schemas.envelope import Decided
from schemas.fleet.events import EVENTS, BuildEvent, HostJoined
from schemas.fleet.host_commands import BuildAttempt, BuildReport, DrainHost, JoinHost, Report
from schemas.fleet.names import host_aggregate
from schemas.fleet.telemetry import SAMPLE_EVERY_MS
from schemas.fleet.views import ExitReason, HostCapacity, LaunchSpec
from schemas.log import LogUnavailable
from schemas.outcomes import messages_of, rejection
from schemas.seal import SealBroken
from streams.asking import CommandBuilder
from streams.fleet.host.attempts import Attempts
from streams.fleet.host.building import Building, Processor
from streams.fleet.host.driver import Driver
from streams.fleet.host.guard import LIMIT_S, start_guard
from streams.fleet.host.launch import Launch
from streams.fleet.host.launching import document
from streams.fleet.host.log import HostLog
from streams.fleet.host.reconcile import Kill, Remove, ReportExit, Start, Stop, reconcile
from streams.fleet.host.reporter import Fenced, Reporter
from streams.fleet.host.serving import Builds, Serving
from streams.fleet.host.telemetry import LINES_MAX, Telemetry
from streams.fleet.host.wanted import Wanted

_log: Final = logging.getLogger(__name__)
_JOIN_S: Final = 5.0
_JOIN_AGAIN_S: Final = 0.5
_LOCK_S: Final = 10.0
_TELL_S: Final = 1.0
_THREADS: Final = 8
_LAST_WORDS_S: Final = 10.0


class AgentRunning(Exception):
    """Another agent serves this root folder."""


class CannotJoin(Exception):
    """The log refuses this host. The message says why."""


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent is told of its host."""

    host_id: str
    capacity: HostCapacity
    stop_servers: bool = False
    """At the agent's end its servers end too (HOST_STOPPED); else they go on and wait for the next agent."""
    away_s: int = LIMIT_S
    """Servers without an agent for so long end; 0: they go on for ever."""
    tell_every_s: float = _TELL_S


class Agent:
    """`run` once. All that it asks of the world is injected."""

    def __init__(
        self,
        root: Path,
        settings: HostSettings,
        *,
        driver: Driver,
        log: HostLog,
        telemetry: Callable[[int], Telemetry],
        builder: CommandBuilder,
        builds: Builds,
        held: Callable[[], list[str]],
        launch_of: Callable[[LaunchSpec], Launch],
        end_of_events: Callable[[], Any],
        clock_ms: Callable[[], int],
        processor: Processor | None = None,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        """`telemetry` by epoch; `end_of_events` awaits the events' next offset; `held` are builds here.

        `processor` processes builds, as long as the disk `has_room`; without one this host processes none.
        """
        self._root = root
        self._settings = settings
        self._driver = driver
        self._log = log
        self._make_telemetry = telemetry
        self._builder = builder
        self._builds = builds
        self._held = held
        self._launch_of = launch_of
        self._end_of_events = end_of_events
        self._clock_ms = clock_ms
        self._attempts = Attempts(root)
        self._building = (
            Building(processor, report=self._report_build, clock_ms=clock_ms, has_room=has_room)
            if processor is not None
            else None
        )
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="fleet")
        self._servings: dict[str, Serving] = {}
        self._never: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._failed: asyncio.Future[None] | None = None
        self._wanted: Wanted | None = None
        self._reporter: Reporter | None = None
        self._epoch: int | None = None
        self._stopping = False

    @property
    def joined(self) -> bool:
        """Whether the log knows this agent."""
        return self._reporter is not None

    @property
    def servings(self) -> Mapping[str, Serving]:
        """The attempts that it looks after, by their ids."""
        return self._servings

    @property
    def processing(self) -> list[BuildAttempt]:
        """The attempts at builds that it is at."""
        return self._building.attempts() if self._building is not None else []

    async def run(self, stop: asyncio.Event) -> None:
        """Serves the host until `stop` is set. Raises AgentRunning, CannotJoin, Fenced."""
        lock = await _lock(self._root / "agent.lock")
        self._failed = asyncio.get_running_loop().create_future()
        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._driver.open)
            if self._settings.away_s:
                start_guard(self._root, limit_s=self._settings.away_s, driver=self._driver.name)
            async with asyncio.TaskGroup() as group:
                following = group.create_task(self._follow(await self._end_of_events()))
                epoch = self._epoch = await self._join()
                working = [
                    following,
                    group.create_task(self._reporter_of(epoch).run()),
                    group.create_task(self._tell(self._make_telemetry(epoch))),
                    group.create_task(self._work()),
                    group.create_task(self._fail()),
                ]
                if self._building is not None:
                    working.append(group.create_task(self._building.run()))
                await stop.wait()
                if self._settings.stop_servers:
                    await self._stop_servers()
                for task in working:
                    task.cancel()
        except* Fenced as fenced:
            raise fenced.exceptions[0] from None
        finally:
            for running in list(self._tasks):
                running.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._executor.shutdown()
            lock.close()

    async def _join(self) -> int:
        """Asks until it is heard; the new epoch."""
        asked: set[str] = set()
        while True:
            command = self._builder.build(
                JoinHost(
                    host_id=self._settings.host_id,
                    capacity=self._settings.capacity,
                    builds=sorted(self._held()),
                ),
                aggregate_id=host_aggregate(self._settings.host_id),
                studio_id="",
            )
            asked.add(command.command_id)
            try:
                decided = await self._log.ask(command, within_s=_JOIN_S)
            except (TimeoutError, LogUnavailable) as error:
                _log.warning("the log did not answer; the host asks again: %r", error)
                await asyncio.sleep(_JOIN_AGAIN_S)
                continue
            refused = rejection(decided)
            if refused is not None:
                raise CannotJoin(f"{refused.code}: {refused.message}")
            joined = next(event for event in _messages(decided) if isinstance(event, HostJoined))
            return joined.host.epoch

    def _reporter_of(self, epoch: int) -> Reporter:
        self._reporter = Reporter(
            self._log,
            self._builder,
            host_id=self._settings.host_id,
            epoch=epoch,
            held=self._held,
            processing=lambda: self.processing,
        )
        return self._reporter

    async def _follow(self, begin: int) -> None:
        async for decided in self._log.decided(begin):
            for event in _messages(decided):
                # Of several joins of ours the last counts: one may be decided after it was given up.
                if isinstance(event, HostJoined) and self._is_first(event):
                    self._wanted = Wanted(event.host.id, event.host.epoch, event.instances, event.processing)
                    self._want_builds()
                    continue
                if self._wanted is None:
                    continue
                changed = self._wanted.apply(event)
                if self._wanted.fenced:
                    raise Fenced(f"another agent serves {self._settings.host_id}, or it was declared lost")
                if isinstance(event, BuildEvent):
                    self._want_builds()
                if changed is not None:
                    self._show(changed)
                    self._changed.set()

    def _is_first(self, joined: HostJoined) -> bool:
        return joined.host.id == self._settings.host_id and self._reporter is None

    def _want_builds(self) -> None:
        if self._building is not None and self._wanted is not None:
            self._building.want(self._wanted.builds)

    def _report_build(self, report: BuildReport) -> None:
        assert self._reporter is not None  # noqa: S101 - nothing is processed before
        self._reporter.add_build(report)

    async def _work(self) -> None:
        for attempt in self._attempts:
            self._serve(attempt.id)
        while True:
            self._changed.clear()
            self._act()
            await self._changed.wait()

    def _act(self) -> None:
        if self._wanted is None:
            return
        found = {name: serving.found() for name, serving in self._servings.items()}
        for action in reconcile(self._wanted.wants(), found):
            name = action.attempt_id
            match action:
                case Start():
                    self._start(name)
                case Stop():
                    self._spawn(self._servings[name].stop())
                case Kill():
                    if not self._servings[name].stopping:
                        self._spawn(self._servings[name].kill())
                case ReportExit(never=True):
                    self._report_never(name)
                case ReportExit():
                    pass  # its serving has reported, and repeats it until it is known
                case Remove():
                    self._spawn(self._remove(name))

    def _start(self, name: str) -> None:
        assert self._wanted is not None  # noqa: S101 - there are no actions before
        if name not in self._servings and not self._stopping:
            try:
                launch = self._launch_of(self._wanted.entries[name].spec)
            except SealBroken as error:
                _log.error("%s can't be started: %s", name, error)
                self._report_never(name, "STARTUP_FAILURE_EXECUTABLE")
                return
            sdk_port = None if self._driver.isolation == "container" else _free_port()
            self._attempts.make(launch, driver=self._driver.name, now_ms=self._clock_ms(), sdk_port=sdk_port)
            self._serve(name)

    def _serve(self, name: str) -> None:
        """Looks after an attempt that has a folder."""
        attempt = self._attempts.get(name)
        assert attempt is not None  # noqa: S101 - the caller has seen it
        entry = self._wanted.entries.get(name) if self._wanted is not None else None
        shown = document(entry.server) if entry is not None and entry.server else attempt.launch.document
        serving = Serving(
            attempt,
            driver=self._driver,
            builds=self._builds,
            executor=self._executor,
            report=self._report,
            document=shown,
        )
        self._servings[name] = serving
        if serving.state == "runs" or (entry is not None and entry.want == "running"):
            self._spawn(self._served(serving))

    async def _served(self, serving: Serving) -> None:
        await serving.run()
        self._changed.set()

    def _show(self, name: str) -> None:
        assert self._wanted is not None  # noqa: S101 - events are applied after it joined
        entry, serving = self._wanted.entries.get(name), self._servings.get(name)
        if serving is not None and entry is not None and entry.server is not None:
            serving.show(document(entry.server))
            if entry.server.phase == "running":
                serving.believe_ready()

    def _report(self, report: Report, known: Callable[[], None]) -> None:
        assert self._reporter is not None  # noqa: S101 - nothing is served before

        def decided() -> None:
            known()
            self._changed.set()

        self._reporter.add(report, decided)

    def _report_never(self, name: str, reason: ExitReason | None = None) -> None:
        if name in self._never:
            return
        self._never.add(name)
        instance_id, _, attempt = name.rpartition("-")
        self._report(
            Report(instance_id=instance_id, attempt=int(attempt), kind="exited", reason=reason),
            lambda: self._never.discard(name),
        )

    async def _remove(self, name: str) -> None:
        """Once nothing of it is left to do: what it printed is told, and its network is gone."""
        serving = self._servings.get(name)
        if serving is None:
            return
        if serving.state == "made":
            await asyncio.get_running_loop().run_in_executor(
                self._executor, self._driver.clean, serving.attempt
            )
        elif not (serving.cleaned and serving.output.finished()):
            return
        self._servings.pop(name, None)
        serving.attempt.remove()

    async def _tell(self, telemetry: Telemetry) -> None:
        """Carries what servers print and use, each second; samples each 15 s."""
        sample_every_s = SAMPLE_EVERY_MS / 1000
        loop = asyncio.get_running_loop()
        next_sample = loop.time()
        while True:
            await asyncio.sleep(self._settings.tell_every_s)
            if loop.time() >= next_sample:
                next_sample = max(next_sample + sample_every_s, loop.time())
                for serving in list(self._servings.values()):
                    await serving.sample(now_ns=time.monotonic_ns(), at_ms=self._clock_ms())
            await self._tell_once(telemetry)

    async def _tell_once(self, telemetry: Telemetry) -> None:
        loop = asyncio.get_running_loop()
        servings = [one for one in self._servings.values() if one.samples or not one.output.finished()]
        read = [
            (
                serving,
                await loop.run_in_executor(
                    self._executor,
                    lambda one=serving: one.output.read(  # type: ignore[misc]
                        now_s=loop.time(),
                        now_ms=self._clock_ms(),
                        lines_max=LINES_MAX,
                        ended=one.state == "ended",
                    ),
                ),
            )
            for serving in servings
        ]
        await self._until_told(lambda: telemetry.tell(read))
        building = self._building
        if building is not None:
            await self._until_told(lambda: telemetry.tell_builds(building.lines))
        if any(serving.state == "ended" for serving in servings):
            self._changed.set()

    async def _until_told(self, tell: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await tell()
            except LogUnavailable as error:
                _log.warning("the log did not take what servers printed; it is told again: %r", error)
                await asyncio.sleep(self._settings.tell_every_s)

    async def _stop_servers(self) -> None:
        """No new ones come from now on; what restarts by itself does so with the next agent."""
        self._stopping = True
        await self._drain()
        running = [one for one in self._servings.values() if one.found().state == "runs"]
        await asyncio.gather(*(serving.stop("HOST_STOPPED") for serving in running))
        assert self._reporter is not None  # noqa: S101 - it has joined
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                while self._servings or self._reporter.outstanding:  # noqa: ASYNC110 - once, at the end
                    await asyncio.sleep(0.02)

    async def _drain(self) -> None:
        assert self._epoch is not None  # noqa: S101 - it has joined
        command = self._builder.build(
            DrainHost(host_id=self._settings.host_id, epoch=self._epoch),
            aggregate_id=host_aggregate(self._settings.host_id),
            studio_id="",
        )
        try:
            await self._log.ask(command, within_s=_JOIN_S)
        except (TimeoutError, LogUnavailable) as error:
            _log.warning("the log does not know that this host ends: %r", error)

    def _spawn(self, work: Any) -> None:
        """Runs it beside the others; an error that it does not expect ends the agent."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            assert self._failed is not None  # noqa: S101 - it runs
            if not self._failed.done():
                self._failed.set_exception(error)

    async def _fail(self) -> None:
        assert self._failed is not None  # noqa: S101 - it runs
        await self._failed


def _messages(decided: Decided) -> list[Message]:
    return messages_of(decided, EVENTS)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def _lock(path: Path) -> IO[str]:
    """The open file that holds the root's lock. The guard holds it for moments only."""
    file = open(path, "w")  # noqa: ASYNC230, SIM115 - it stays open as long as the agent runs
    until = asyncio.get_running_loop().time() + _LOCK_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if asyncio.get_running_loop().time() > until:
                file.close()
                raise AgentRunning(f"another agent holds {path}") from None
            await asyncio.sleep(0.1)
        else:
            return file
