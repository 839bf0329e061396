"""A partition of the fleet with its real decider, on a log in memory, and a project that asks it."""

from __future__ import annotations

import asyncio
import io
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from deploy.objects import FolderObjects
from deploy.stack.ports import free_ports
from schemas.codec import Message
from schemas.envelope import ENVELOPE_VERSION, CommandRecord, EventsRecord
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.commands import COMMANDS
from schemas.fleet.events import EVENTS
from schemas.fleet.host_commands import BuildReport, JoinHost, ReportHost
from schemas.fleet.names import build_aggregate, host_aggregate, project_aggregate, server_aggregate
from schemas.fleet.noun import FLEET_COMMANDS, FLEET_EVENTS, FLEET_TELEMETRY
from schemas.fleet.plans import PLANS
from schemas.fleet.telemetry import FleetRecord, decode_fleet_record
from schemas.fleet.views import Artefact, Build, Server
from schemas.log import Appended, LogRecord, LogUnavailable
from schemas.outcomes import messages_of
from streams.asking import CommandBuilder
from streams.deciders.decider import DeciderReader
from streams.deciders.fleet.noun import FLEET
from streams.deciders.snapshots import ObjectSnapshots
from streams.fleet.host.agent import Agent, HostSettings
from streams.fleet.host.attempts import Attempts
from streams.fleet.host.cache import BuildCache
from streams.fleet.host.driver import Driver
from streams.fleet.host.launch import Launch
from streams.fleet.host.launching import launch_of
from streams.fleet.host.log import HostLog
from streams.fleet.host.telemetry import Telemetry
from tests.streams.deciders.fleet.given import capacity
from tests.streams.deciders.memory_log import MemoryLog
from tests.streams.fleet.host.test_cache import artefact
from tests.streams.fleet.host.world import HOST

STUDIO, GAME = "user_1", "game_1"
HOST_ID: Final = "host-1"
HOST_PORTS: Final = 20
"""More than the servers of a test have."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class FleetLog(MemoryLog):
    """Every command record is decided as it is appended."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.grown = asyncio.Condition()
        self.away = False
        """Nothing can be appended; `refused` counts what was asked for meanwhile."""
        self.refused = 0
        self.decider = DeciderReader(
            FLEET,
            commands=FLEET_COMMANDS,
            events=FLEET_EVENTS,
            tail=self,
            appender=self,
            snapshots=ObjectSnapshots(FolderObjects(folder, base_url="http://localhost", secret=b"x")),
            snapshot_every=100_000,
        )
        self.builder = CommandBuilder(COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes)

    async def open(self) -> None:
        await self.decider.assigned(0)

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        if self.away:
            self.refused += 1
            raise LogUnavailable("away")
        self.now_ms = now_ms()
        appended = await super().append(topic, partition, value, key)
        if topic == FLEET_COMMANDS.name:
            await self.decider.handle(self.records(topic)[appended.offset])
        async with self.grown:
            self.grown.notify_all()
        return appended

    async def follow(self, topic: str, partition: int, begin: int) -> AsyncIterator[LogRecord]:
        while True:
            for record in self.records(topic, partition)[begin:]:
                begin = record.offset + 1
                yield record
            async with self.grown:
                while len(self.records(topic, partition)) <= begin:
                    await self.grown.wait()

    async def ask(self, body: Message, aggregate_id: str, *, host: bool = False) -> list[Message]:
        """The events that it gives."""
        command = self.builder.build(
            body, aggregate_id=aggregate_id, studio_id="" if host else STUDIO, game_id="" if host else GAME
        )
        record = CommandRecord(version=ENVELOPE_VERSION, gateway_id="t", record_id="r", commands=[command])
        await self.append(FLEET_COMMANDS.name, 0, msgspec.msgpack.encode(record))
        for answer in reversed(self.records(FLEET_EVENTS.name)):
            for decided in msgspec.msgpack.decode(answer.value, type=EventsRecord).decided:
                if decided.command_id == command.command_id:
                    assert not any(event.type.startswith("command-") for event in decided.events), decided
                    return messages_of(decided, EVENTS)
        raise AssertionError("it was not decided")

    def events(self) -> list[Message]:
        """All that happened."""
        return [
            event
            for record in self.records(FLEET_EVENTS.name)
            for decided in msgspec.msgpack.decode(record.value, type=EventsRecord).decided
            for event in messages_of(decided, EVENTS)
        ]

    def server(self, instance_id: str) -> Server:
        """As the last event has it."""
        return [
            event.server
            for event in self.events()
            if isinstance(event, ev.ServerEvent) and event.server.instance_id == instance_id
        ][-1]

    def told(self) -> list[FleetRecord]:
        return [decode_fleet_record(record.value) for record in self.records(FLEET_TELEMETRY.name)]

    def build(self, build_id: str) -> Build:
        """As the last event has it."""
        return [
            event.build
            for event in self.events()
            if isinstance(event, ev.BuildEvent) and event.build.id == build_id
        ][-1]

    async def until_build(self, build_id: str, status: str, *, within_s: float = 60) -> Build:
        """The build once it has this status."""
        async with asyncio.timeout(within_s), self.grown:
            await self.grown.wait_for(lambda: self.build(build_id).status == status)
        return self.build(build_id)

    async def until(self, instance_id: str, phase: str, *, within_s: float = 60) -> Server:
        """The server once it is in this phase."""
        try:
            async with asyncio.timeout(within_s), self.grown:
                await self.grown.wait_for(lambda: self.server(instance_id).phase == phase)
        except TimeoutError:
            raise AssertionError(f"not {phase} in {within_s} s: {self.server(instance_id)}") from None
        return self.server(instance_id)


class Machine(Protocol):
    """What a fleet asks of the host that it is on."""

    @property
    def root(self) -> Path: ...

    @property
    def kind(self) -> str: ...

    @property
    def driver(self) -> Driver: ...

    @property
    def attempts(self) -> Attempts: ...


class Fleet:
    """A project on one host: its builds, its servers, and the agents that come and go."""

    def __init__(self, world: Machine, folder: Path) -> None:
        self.world = world
        self.log = FleetLog(folder)
        self.cache = BuildCache(world.root / "builds", bytes_max=1 << 30, shared=world.kind != "plain")
        self.archives: dict[str, bytes] = {}
        self._running: asyncio.Task[None] | None = None

    async def open(self, content: dict[str, bytes], *, executable: str = "serve") -> None:
        """A build of this content, processed by another host, which has no room for servers."""
        await self.log.open()
        builder = JoinHost(host_id="builder", capacity=capacity(regions=["sea"]))
        await self.log.ask(builder, host_aggregate("builder"), host=True)
        created = await self.log.ask(
            ask.CreateBuild(
                name="default", build_type="zip", limits=PLANS["studio"], executable_path=executable
            ),
            build_aggregate(STUDIO, GAME, "new"),
        )
        build = next(event.build for event in created if isinstance(event, ev.BuildCreated))
        await self.log.ask(
            ask.ProcessBuild(build_id=build.id, upload_bytes=1), build_aggregate(STUDIO, GAME, build.id)
        )
        sha256, data = artefact(content)
        self.archives[sha256] = data
        made = Artefact(
            sha256=sha256, size_bytes=len(data), unpacked_bytes=1, files=1, executable_path=executable
        )
        await self.log.ask(
            ReportHost(
                host_id="builder",
                epoch=1,
                build_reports=[BuildReport(build_id=build.id, attempt=1, artefact=made)],
            ),
            host_aggregate("builder"),
            host=True,
        )

    @asynccontextmanager
    async def agent(self, **settings: Any) -> AsyncIterator[Agent]:
        """An agent that runs until the block ends."""
        host_log = HostLog(
            appender=self.log,
            follow=self.log.follow,
            commands=FLEET_COMMANDS.name,
            events=FLEET_EVENTS.name,
            partition=0,
            name=HOST_ID,
            new_record_id=lambda: secrets.token_hex(8),
        )
        first, last = free_ports(HOST_PORTS)
        has = capacity(
            regions=["eu-west"],
            cpu_millis=64_000,
            memory_mb=64_000,
            first_port=first,
            last_port=last,
            address=HOST,
            isolation=self.world.driver.isolation,
            tls="certificate" in settings,
            runs_builds="processor" in settings,
        )
        processor = settings.pop("processor", None)
        certificate = settings.pop("certificate", None)
        agent = Agent(
            self.world.root,
            HostSettings(host_id=HOST_ID, capacity=has, **{"tell_every_s": 0.05, "away_s": 0, **settings}),
            driver=self.world.driver,
            log=host_log,
            telemetry=lambda epoch: Telemetry(
                self.log, topic=FLEET_TELEMETRY.name, partition=0, host_id=HOST_ID, epoch=epoch
            ),
            builder=self.log.builder,
            builds=self._build,
            held=self.cache.held,
            launch_of=lambda spec: launch_of(spec, lambda variable: variable.sealed),
            end_of_events=lambda: self.log.end_offset(FLEET_EVENTS.name, 0),
            clock_ms=now_ms,
            processor=processor,
            certificate=certificate,
        )
        stop = asyncio.Event()
        joins = self._joins()
        self._running = running = asyncio.create_task(agent.run(stop))
        async with asyncio.timeout(60):
            while self._joins() == joins and not running.done():  # noqa: ASYNC110 - either may come
                await asyncio.sleep(0.01)
        try:
            yield agent
        finally:
            stop.set()
            await running

    async def ended(self) -> None:
        """Return once the agent of the block has ended by itself."""
        assert self._running is not None
        async with asyncio.timeout(60):
            await asyncio.wait([self._running])

    async def start(self, **fields: Any) -> Server:
        """A server that was asked for."""
        given = {"name": "one", "region": "eu-west", "compute_size": "micro", **fields}
        events = await self.log.ask(
            ask.StartServer(limits=PLANS["studio"], **given), project_aggregate(STUDIO, GAME)
        )
        return next(event.server for event in events if isinstance(event, ev.ServerEvent))

    async def stop(self, server: Server) -> None:
        await self.log.ask(
            ask.StopServer(instance_id=server.instance_id),
            server_aggregate(STUDIO, GAME, server.instance_id),
        )

    async def output(self, server: Server, text: str, *, within_s: float = 60) -> None:
        """Returns once a line with this text is in the log."""
        async with asyncio.timeout(within_s), self.log.grown:
            await self.log.grown.wait_for(lambda: any(text in line for line in self.lines(server)))

    def lines(self, server: Server) -> list[str]:
        """What it has printed, each line once."""
        found: dict[tuple[int, str, int], str] = {}
        for record in self.log.told():
            for line in record.lines:
                source = record.sources[line.source]
                if source.instance_id == server.instance_id:
                    found[source.attempt, line.stream, line.offset] = line.message
        return [found[key] for key in sorted(found)]

    def happened(self, server: Server) -> list[str]:
        """The names of what happened to it."""
        return [
            event.WIRE.removeprefix("fleet.server-").removesuffix(".v1")
            for event in self.log.events()
            if isinstance(event, ev.ServerEvent) and event.server.instance_id == server.instance_id
        ]

    def _joins(self) -> int:
        return sum(isinstance(event, ev.HostJoined) for event in self.log.events())

    async def _build(self, launch: Launch) -> Path | None:
        assert launch.sha256 is not None
        here = self.cache.get(launch.sha256)
        return here or await asyncio.to_thread(
            self.cache.put, launch.sha256, io.BytesIO(self.archives[launch.sha256])
        )
