"""The agent of one host: joins the log, follows it, and brings the machine to what it wants.

It needs the log and no store. It may be killed at any moment: servers go on, and the next agent finds each in
its folder. One agent serves a root folder at a time. Source: contract/fleet.md, "Host agent".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from schemas.fleet.events import EVENTS, BuildEvent, HostJoined
from schemas.fleet.host_commands import BuildAttempt, BuildReport, Report
from schemas.fleet.host_views import HostCapacity
from schemas.fleet.views import LaunchSpec
from schemas.outcomes import messages_of
from streams.asking import CommandBuilder
from streams.fleet.host.attempts import Attempts
from streams.fleet.host.background import Background
from streams.fleet.host.building import Building, Processor
from streams.fleet.host.certificate import CertificateFiles, keep_certified
from streams.fleet.host.driver import Driver
from streams.fleet.host.guard import LIMIT_S, start_guard
from streams.fleet.host.launch import Launch
from streams.fleet.host.log import HostLog
from streams.fleet.host.membership import Membership
from streams.fleet.host.output_carrier import OutputCarrier
from streams.fleet.host.reporter import Fenced, Reporter
from streams.fleet.host.root_lock import lock_root
from streams.fleet.host.serving import Builds, Serving
from streams.fleet.host.servings import Servings
from streams.fleet.host.telemetry import Telemetry
from streams.fleet.host.wanted import Wanted

_CARRY_S: Final = 1.0
_THREADS: Final = 8
_LAST_REPORTS_S: Final = 10.0


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is set for one host."""

    host_id: str
    capacity: HostCapacity
    stop_servers: bool = False
    """At the agent's end its servers end too (HOST_STOPPED); else they go on and wait for the next agent."""
    away_s: int = LIMIT_S
    """Servers without an agent for so long end; 0: they go on for ever."""
    tell_every_s: float = _CARRY_S


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
        certificate: CertificateFiles | None = None,
    ) -> None:
        """`telemetry` by epoch; `end_of_events` awaits the events' next offset; `held` are builds here.

        `processor` processes builds, as long as the disk `has_room`; without one this host processes none.
        `certificate` is what it ends TLS with, where its capacity says that it does.
        """
        self._root = root
        self._settings = settings
        self._driver = driver
        self._log = log
        self._make_telemetry = telemetry
        self._builder = builder
        self._held = held
        self._end_of_events = end_of_events
        self._clock_ms = clock_ms
        self._certificate = certificate
        self._membership = Membership(log, builder, settings.host_id)
        self._building = (
            Building(processor, report=self._report_build, clock_ms=clock_ms, has_room=has_room)
            if processor is not None
            else None
        )
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="fleet")
        self._background = Background()
        self._changed = asyncio.Event()
        self._servings = Servings(
            Attempts(root),
            driver=driver,
            builds=builds,
            launch_of=launch_of,
            executor=self._executor,
            clock_ms=clock_ms,
            report=self._report,
            run=self._background.run,
            changed=self._changed.set,
        )
        self._reporter: Reporter | None = None

    @property
    def joined(self) -> bool:
        """Whether the log knows this agent."""
        return self._reporter is not None

    @property
    def servings(self) -> Mapping[str, Serving]:
        """The attempts that it looks after, by their ids."""
        return self._servings.by_id

    @property
    def processing(self) -> list[BuildAttempt]:
        """The attempts at builds that it is at."""
        return self._building.attempts() if self._building is not None else []

    async def run(self, stop: asyncio.Event) -> None:
        """Serves the host until `stop` is set. Raises AgentRunning, CannotJoin, Fenced, NoPlace.

        Where it leaves no server it gives up the machine, under the lock: the next agent takes it anew.
        """
        lock = await lock_root(self._root / "agent.lock")
        in_thread = partial(asyncio.get_running_loop().run_in_executor, self._executor)
        try:
            await in_thread(self._driver.open)
            if self._settings.away_s and self._driver.guarded:
                start_guard(self._root, limit_s=self._settings.away_s, driver=self._driver.name)
            try:
                await self._serve(stop)
            finally:
                await self._background.cancel()
                if not any(Attempts(self._root)):
                    await in_thread(self._driver.close)
        finally:
            await in_thread(self._driver.leave)
            self._executor.shutdown()
            lock.close()

    async def _serve(self, stop: asyncio.Event) -> None:
        fenced: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                following = group.create_task(self._follow(await self._end_of_events()))
                epoch = await self._membership.join(self._settings.capacity, self._held)
                reporter = self._reporter = self._reporter_of(epoch)
                working = [
                    following,
                    group.create_task(reporter.run()),
                    group.create_task(self._carrier_of(epoch).run()),
                    group.create_task(self._work()),
                    group.create_task(self._background.failure()),
                ]
                if self._certificate is not None:
                    working.append(group.create_task(keep_certified(self._certificate, self._certify)))
                if self._building is not None:
                    working.append(group.create_task(self._building.run()))
                await stop.wait()
                if self._settings.stop_servers:
                    await self._stop_servers(epoch, reporter)
                for task in working:
                    task.cancel()
        except* Fenced as found:
            fenced = found.exceptions[0]
        if fenced is not None:  # raised within `except*` it would come as a group before Python 3.11.4
            raise fenced

    async def _certify(self, certificate: bytes) -> None:
        await asyncio.get_running_loop().run_in_executor(self._executor, self._driver.certify, certificate)

    def _reporter_of(self, epoch: int) -> Reporter:
        return Reporter(
            self._log,
            self._builder,
            host_id=self._settings.host_id,
            epoch=epoch,
            held=self._held,
            processing=lambda: self.processing,
        )

    def _carrier_of(self, epoch: int) -> OutputCarrier:
        return OutputCarrier(
            self._make_telemetry(epoch),
            self._servings.by_id,
            build_lines=self._building.lines if self._building is not None else None,
            executor=self._executor,
            every_s=self._settings.tell_every_s,
            clock_ms=self._clock_ms,
            changed=self._changed.set,
        )

    async def _follow(self, begin: int) -> None:
        async for decided in self._log.decided(begin):
            for event in messages_of(decided, EVENTS):
                # Of several joins of ours the last counts: one may be decided after it was given up.
                if isinstance(event, HostJoined) and self._is_first(event):
                    self._servings.wanted = Wanted(
                        event.host.id, event.host.epoch, event.instances, event.processing
                    )
                    self._want_builds()
                    continue
                wanted = self._servings.wanted
                if wanted is None:
                    continue
                changed = wanted.apply(event)
                if wanted.fenced:
                    raise Fenced(f"another agent serves {self._settings.host_id}, or it was declared lost")
                if isinstance(event, BuildEvent):
                    self._want_builds()
                if changed is not None:
                    self._servings.show(changed)
                    self._changed.set()

    def _is_first(self, joined: HostJoined) -> bool:
        return joined.host.id == self._settings.host_id and self._reporter is None

    def _want_builds(self) -> None:
        if self._building is not None and self._servings.wanted is not None:
            self._building.want(self._servings.wanted.builds)

    async def _work(self) -> None:
        self._servings.adopt()
        while True:
            self._changed.clear()
            self._servings.act()
            await self._changed.wait()

    def _report(self, report: Report, known: Callable[[], None]) -> None:
        assert self._reporter is not None  # noqa: S101 - nothing is served before

        def decided() -> None:
            known()
            self._changed.set()

        self._reporter.add(report, decided)

    def _report_build(self, report: BuildReport) -> None:
        assert self._reporter is not None  # noqa: S101 - nothing is processed before
        self._reporter.add_build(report)

    async def _stop_servers(self, epoch: int, reporter: Reporter) -> None:
        """No new ones come from now on; what restarts by itself does so with the next agent."""
        self._servings.starts_more = False
        await self._membership.drain(epoch)
        await self._servings.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_REPORTS_S):
                while self._servings.by_id or reporter.outstanding:  # noqa: ASYNC110 - once, at the end
                    await asyncio.sleep(0.02)
