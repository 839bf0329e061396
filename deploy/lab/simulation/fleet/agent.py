"""The agent of a simulated host: the real one's following, comparing and reporting on its machine.

It dies at any await; what it has begun stays on its machine for the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from schemas.codec import Message
from schemas.envelope import Decided
from schemas.fleet.commands import COMMANDS
from schemas.fleet.events import EVENTS, BuildProcessing, HostJoined
from schemas.fleet.host_commands import BuildReport, JoinHost, Report, ReportHost
from schemas.fleet.host_views import HostCapacity
from schemas.fleet.names import host_aggregate
from schemas.fleet.views import Artefact, Build
from schemas.log import LogUnavailable
from schemas.outcomes import messages_of, rejection
from streams.asking import CommandBuilder
from streams.fleet.host.log import HostLog
from streams.fleet.host.reconcile import Action, Found, Kill, Remove, ReportExit, Start, Stop, reconcile
from streams.fleet.host.reporter import Fenced, Reporter
from streams.fleet.host.wanted import Wanted

if TYPE_CHECKING:
    from deploy.lab.simulation.fleet.machine import Machine
    from deploy.lab.simulation.stage import Stage
    from schemas.log import Appended, LogRecord

ANSWER_S: Final = 5.0
LOOK_S: Final = 0.2
STOP_S: Final = (0.05, 3.0)


class Agent:
    """One life of an agent, from its join on."""

    def __init__(self, machine: Machine, stage: Stage) -> None:
        self._machine = machine
        self._faults = stage.faults
        self._builder = CommandBuilder(
            COMMANDS, clock_ms=stage.faults.gateway_ms, randomness=stage.faults.dice.randbytes
        )
        self._stage = stage
        self._log = HostLog(
            appender=_Frozen(machine, stage),
            follow=self._records,
            commands=stage.commands.name,
            events=stage.events.name,
            partition=machine.partition,
            name="",
            new_record_id=lambda: stage.faults.dice.randbytes(8).hex(),
        )
        self._wanted: Wanted | None = None
        self._reporter: Reporter | None = None
        self._told: set[tuple[str, str]] = set()
        self._builds: dict[str, Build] = {}

    @property
    def is_settled(self) -> bool:
        """Whether it has joined, and the machine is as the log wants it, and the log knows."""
        if self._wanted is None or self._reporter is None or self._wanted.fenced:
            return False
        return not (self._reporter.outstanding or self._builds or list(self._actions(self._wanted)))

    async def run(self, capacity: HostCapacity) -> None:
        """Until it is fenced, or killed."""
        with contextlib.suppress(LogUnavailable, Exception):
            begin = await self._stage.log.end_offset(self._stage.events.name, self._machine.partition)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(begin))
                epoch = await self._join(capacity)
                self._reporter = Reporter(
                    self._log, self._builder, host_id=self._machine.host_id, epoch=epoch, held=list
                )
                group.create_task(self._reporter.run())
                group.create_task(self._work(self._reporter))
                group.create_task(self._process(epoch))

    async def _records(self, topic: str, partition: int, begin: int) -> AsyncIterator[LogRecord]:
        offset = begin
        while True:
            record = await self._stage.log.next(topic, partition, offset)
            await self._machine.thawed()
            yield record
            offset += 1

    async def _join(self, capacity: HostCapacity) -> int:
        while True:
            command = self._builder.build(
                JoinHost(host_id=self._machine.host_id, capacity=capacity),
                aggregate_id=host_aggregate(self._machine.host_id),
                studio_id="",
            )
            with contextlib.suppress(TimeoutError, LogUnavailable):
                decided = await self._log.ask(command, within_s=ANSWER_S)
                if rejection(decided) is None:
                    return next(one for one in _messages(decided) if isinstance(one, HostJoined)).host.epoch

    async def _follow(self, begin: int) -> None:
        async for decided in self._log.decided(begin):
            for event in _messages(decided):
                if isinstance(event, BuildProcessing) and event.build.host_id == self._machine.host_id:
                    self._builds[event.build.id] = event.build
                if isinstance(event, HostJoined) and self._reporter is None:
                    if event.host.id == self._machine.host_id:
                        self._wanted = Wanted(event.host.id, event.host.epoch, event.instances)
                        self._builds = {build.id: build for build in event.processing}
                elif self._wanted is not None:
                    self._wanted.apply(event)
                    if self._wanted.fenced:
                        raise Fenced(self._machine.host_id)

    def _actions(self, wanted: Wanted) -> Iterator[Action]:
        found = {
            name: Found(one.state, reported=one.reported, stopping=one.stopping)
            for name, one in self._machine.held.items()
        }
        yield from reconcile(wanted.wants(), found)

    async def _work(self, reporter: Reporter) -> None:
        while True:
            await self._machine.thawed()
            self._machine.pass_time()
            if self._wanted is not None:
                for action in list(self._actions(self._wanted)):
                    await self._do(action, reporter, self._wanted)
            for name, attempt in self._machine.held.items():
                if attempt.state == "runs" and attempt.ready_s <= self._machine.now_s:
                    self._tell(reporter, name, "ready")
            await asyncio.sleep(LOOK_S)

    async def _do(self, action: Action, reporter: Reporter, wanted: Wanted) -> None:
        name, machine = action.attempt_id, self._machine
        match action:
            case Start():
                entry = wanted.entries.get(name)
                if entry is None:
                    return
                machine.make(name, entry.spec)
                await self._faults.delay("between folder and process")
                await machine.thawed()
                machine.begin(name)
                self._tell(reporter, name, "started")
            case Stop():
                machine.held[name].stopping = True
                machine.held[name].ends_s = machine.now_s + self._faults.dice.uniform(*STOP_S)
            case Kill():
                machine.end(name, 137)
            case ReportExit(never=True):
                self._tell(reporter, name, "exited")
            case ReportExit():
                self._tell(reporter, name, "exited", machine.held[name].exit_code)
            case Remove():
                machine.held.pop(name, None)

    def _tell(self, reporter: Reporter, name: str, kind: str, exit_code: int | None = None) -> None:
        """Once in this agent's life: what an agent before it told may not have been heard."""
        if (name, kind) in self._told:
            return
        self._told.add((name, kind))
        instance_id, _, attempt = name.rpartition("-")
        reporter.add(
            msgspec.convert(
                {
                    "instance_id": instance_id,
                    "attempt": int(attempt),
                    "kind": kind,
                    "exit_code": exit_code,
                },
                Report,
            ),
            lambda: self._known(name, kind),
        )

    def _known(self, name: str, kind: str) -> None:
        held = self._machine.held.get(name)
        if held is not None and kind == "exited":
            held.reported = True

    async def _process(self, epoch: int) -> None:
        """Builds, one after the other; an attempt that another has by now is refused by the decider."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self._machine.thawed()
            for build in list(self._builds.values()):
                done = BuildReport(build_id=build.id, attempt=build.attempt, artefact=_artefact(build))
                command = self._builder.build(
                    ReportHost(host_id=self._machine.host_id, epoch=epoch, build_reports=[done]),
                    aggregate_id=host_aggregate(self._machine.host_id),
                    studio_id="",
                )
                with contextlib.suppress(TimeoutError, LogUnavailable):
                    if rejection(await self._log.ask(command, within_s=ANSWER_S)) is None:
                        self._builds.pop(build.id, None)


class _Frozen:
    """The log's appender for a machine that may stand still before it appends."""

    def __init__(self, machine: Machine, stage: Stage) -> None:
        self._machine = machine
        self._stage = stage

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        """As the log's."""
        await self._machine.thawed()
        return await self._stage.log.append(topic, partition, value, key)


def _messages(decided: Decided) -> list[Message]:
    return list(messages_of(decided, EVENTS))


def _artefact(build: Build) -> Artefact:
    return Artefact(
        sha256=build.id.encode().hex()[:64].ljust(64, "0"),
        size_bytes=10,
        unpacked_bytes=20,
        files=1,
        executable_path="server",
    )
