"""Given some commands, when another comes, then these events: the fleet decider without its shell."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet import host_commands as host_ask
from schemas.fleet import names
from schemas.fleet.commands import COMMANDS, Launch
from schemas.fleet.host_commands import BuildReport, Report
from schemas.fleet.host_views import HostCapacity
from schemas.fleet.plans import PLANS
from schemas.fleet.views import Artefact, Build, ExitReason, LaunchSpec, Phase, PlanLimits, PoolConfig, Server
from streams.deciders.fleet.noun import FLEET
from streams.deciders.fleet.state import FleetState, HostState, Project, project_key
from streams.deciders.noun import Request
from tests.streams.deciders.fleet.invariants import check

AT_MS = 1_800_000_000_000
SECOND_MS = 1000
STUDIO, GAME, HOST = "user_1", "game_1", "host-1"
LIMITS = PLANS["studio"]
EventT = TypeVar("EventT", bound=Message)
Events = list[Message] | tuple[Message, ...]


def capacity(**more: Any) -> HostCapacity:
    fields: dict[str, Any] = {
        "regions": ["us-east", "us-west"],
        "cpu_millis": 16_000,
        "memory_mb": 32_768,
        "first_port": 31_000,
        "last_port": 31_999,
        "address": "127.0.0.1",
        "isolation": "container",
    }
    return HostCapacity(**(fields | more))


def artefact(name: str = "one") -> Artefact:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Artefact(sha256=digest, size_bytes=10, unpacked_bytes=20, files=1, executable_path="Server.x86_64")


class Fleet:
    """A folded partition, and a clock that the test moves. What must hold is checked after every event."""

    def __init__(
        self, *, hosts: tuple[str, ...] = (HOST,), builds: tuple[str, ...] = ("default",), **more: Any
    ) -> None:
        self.state: FleetState = FLEET.initial
        self.at_ms = AT_MS
        self.count = 0
        self.limits: PlanLimits = LIMITS
        for host_id in hosts:
            self.join(host_id, **more)
        for name in builds:
            self.build(name)

    @property
    def project(self) -> Project:
        return self.state.projects[project_key(STUDIO, GAME)]

    def host(self, host_id: str = HOST) -> HostState:
        return self.state.hosts[host_id]

    def server(self, instance_id: str) -> Server:
        return self.state.servers[instance_id].server

    def spec(self, instance_id: str) -> LaunchSpec:
        spec = self.state.servers[instance_id].spec
        assert spec is not None
        return spec

    def request(self, body: Message, game_id: str = GAME, studio_id: str = STUDIO) -> Request:
        self.count += 1
        name = f"c{self.count}"
        return Request(
            command_id=name,
            aggregate_id=aggregate(body, studio_id, game_id, name),
            studio_id=studio_id,
            game_id=game_id,
            command=COMMANDS.decode(body.WIRE, COMMANDS.encode(body)),
            at_ms=max(self.at_ms, self.state.time_ms),
            seed=hashlib.sha256(name.encode()).digest()[:16],
        )

    def when(self, body: Message, game_id: str = GAME, **more: Any) -> tuple[Message, ...] | CommandRejected:
        """Decide only, through the codec as the shell does."""
        return FLEET.decide(self.state, self.request(body, game_id, **more))

    def given(self, body: Message, game_id: str = GAME, **more: Any) -> list[Message]:
        """Decide and apply; fails on a refusal."""
        request = self.request(body, game_id, **more)
        verdict = FLEET.decide(self.state, request)
        assert isinstance(verdict, tuple), verdict
        events = [FLEET.events.decode(event.WIRE, FLEET.events.encode(event)) for event in verdict]
        assert events == list(verdict)
        for happened in events:
            aggregate_id = FLEET.aggregate_of(happened)
            before = FLEET.sequence(self.state, aggregate_id)
            self.state = FLEET.evolve(self.state, happened, request.at_ms)
            assert FLEET.sequence(self.state, aggregate_id) == before + 1
            check(self.state)
        return events

    def folded(self, body: Message) -> tuple[Message, ...] | None:
        """Decide and apply, without what `given` checks, for long runs; None for a refusal."""
        request = self.request(body)
        verdict = FLEET.decide(self.state, request)
        if isinstance(verdict, CommandRejected):
            return None
        for event in verdict:
            self.state = FLEET.evolve(self.state, event, request.at_ms)
        return verdict

    def refusal(self, body: Message, game_id: str = GAME, **more: Any) -> tuple[int, str]:
        verdict = self.when(body, game_id, **more)
        assert isinstance(verdict, CommandRejected), verdict
        return verdict.status, verdict.code

    def join(self, host_id: str = HOST, **more: Any) -> ev.HostJoined:
        joined = self.given(host_ask.JoinHost(host_id=host_id, capacity=capacity(**more)))
        return only(ev.HostJoined, joined)

    def told(self, *reports: Report, host_id: str = HOST, **more: Any) -> list[Message]:
        """What comes of a host's reports, beside that it was seen."""
        events = self.given(self.reports(*reports, host_id=host_id, **more))
        return [event for event in events if not isinstance(event, ev.HostSeen)]

    def reports(self, *reports: Report, host_id: str = HOST, **more: Any) -> host_ask.ReportHost:
        epoch = self.host(host_id).host.epoch
        return host_ask.ReportHost(host_id=host_id, epoch=epoch, reports=list(reports), **more)

    def build(self, name: str = "default", content: str | None = None) -> Build:
        """A build that is ready; without a host it only waits."""
        created = only(
            ev.BuildCreated,
            self.given(ask.CreateBuild(name=name, build_type="zip", limits=self.limits)),
        )
        events = self.given(ask.ProcessBuild(build_id=created.build.id, upload_bytes=5))
        build = only(ev.BuildProcessing, events).build
        if build.host_id is None:
            return build
        done = BuildReport(
            build_id=build.id, attempt=build.attempt, artefact=artefact(content or created.build.id)
        )
        told = self.told(host_id=build.host_id, build_reports=[done])
        return only(ev.BuildReady, told).build

    def started(self, **more: Any) -> str:
        """A server's id, in `starting`."""
        events = self.given(self.start(**more))
        return only(ev.ServerPlaced, events).server.instance_id

    def start(self, **more: Any) -> ask.StartServer:
        fields: dict[str, Any] = {
            "name": "lobby",
            "region": "us-east",
            "compute_size": "small",
            "limits": self.limits,
        }
        own = {name: more.pop(name) for name in ("name", "region", "compute_size") if name in more}
        return ask.StartServer(**(fields | own), launch=Launch(**more))

    def ready(self, instance_id: str) -> list[Message]:
        return self.told(self.report(instance_id, "ready"), host_id=self.server(instance_id).host_id or "")

    def exits(
        self, instance_id: str, reason: ExitReason = "PROCESS_EXITED", exit_code: int | None = 1
    ) -> list[Message]:
        exited = self.report(instance_id, "exited", reason=reason, exit_code=exit_code)
        return self.told(exited, host_id=self.server(instance_id).host_id or "")

    def report(self, instance_id: str, kind: host_ask.ReportKind, **more: Any) -> Report:
        return Report(instance_id=instance_id, attempt=self.server(instance_id).attempt, kind=kind, **more)

    def running(self, **more: Any) -> str:
        instance_id = self.started(**more)
        self.ready(instance_id)
        return instance_id

    def later(self, seconds: float, *, seen: bool = True) -> None:
        """Time goes on; hosts report meanwhile, unless all are silent."""
        end_ms = self.at_ms + int(seconds * SECOND_MS)
        if seen:
            self.at_ms = end_ms
            for host_id, known in self.state.hosts.items():
                if known.host.status != "lost":
                    self.told(host_id=host_id)
        self.at_ms = end_ms

    def lose(self, host_id: str = HOST) -> list[Message]:
        """A host is silent until it is lost; the others go on."""
        for seconds in (20, 10):
            self.at_ms += seconds * SECOND_MS
            for other, known in self.state.hosts.items():
                if other != host_id and known.host.status != "lost":
                    self.told(host_id=other)
            events = self.given(host_ask.HostDue(host_id=host_id))
        return events

    def pool(self, count: int, **more: Any) -> list[Message]:
        """Keep so many small servers ready in us-east."""
        config = PoolConfig(enabled=True, regions={"us-east": {"small": count}}, **more)
        return self.given(ask.ChangeSettings(pool=config, limits=self.limits))

    def idle(self) -> tuple[str, ...]:
        return self.project.idle.get("us-east/small", ())

    def server_in(self, phase: Phase, **more: Any) -> str:
        """A server that was brought to a phase; `queued` on a host whose one port rests for a minute."""
        if phase == "queued":
            instance_id = self.running(**({"auto_restart": True} | more))
            self.exits(instance_id, "HOST_STOPPED")
        elif phase == "backoff":
            instance_id = self.running(**({"auto_restart": True} | more))
            self.exits(instance_id)
        else:
            instance_id = self.started(**more) if phase == "starting" else self.running(**more)
        if phase in {"stopping", "stopped"}:
            self.given(ask.StopServer(instance_id=instance_id))
        if phase == "stopped":
            self.exits(instance_id)
            assert instance_id in self.state.stopped
        else:
            assert self.server(instance_id).phase == phase
        return instance_id


def aggregate(body: Any, studio_id: str, game_id: str, command_id: str) -> str:
    """Whom a command is about, as the gateways choose it."""
    if isinstance(body, ask.StartServer):
        return names.server_aggregate(studio_id, game_id, names.instance_id(command_id))
    if isinstance(body, ask.CreateBuild):
        return names.build_aggregate(studio_id, game_id, names.build_id(command_id))
    if hasattr(body, "host_id"):
        return names.host_aggregate(body.host_id)
    if hasattr(body, "instance_id"):
        return names.server_aggregate(studio_id, game_id, body.instance_id)
    if hasattr(body, "build_id"):
        return names.build_aggregate(studio_id, game_id, body.build_id)
    return names.project_aggregate(studio_id, game_id)


def only(kind: type[EventT], events: Events) -> EventT:
    """The one event of a kind."""
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def kinds(events: Events) -> list[str]:
    return [type(event).__name__ for event in events]


def happened(events: Events, instance_id: str) -> tuple[str, ...]:
    """A server's events as the life table calls them."""
    return tuple(
        event.WIRE.removeprefix("fleet.server-").removesuffix(".v1")
        for event in events
        if isinstance(event, ev.ServerEvent) and event.server.instance_id == instance_id
    )
