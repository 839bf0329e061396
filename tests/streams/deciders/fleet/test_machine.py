"""The whole decider against a small model of its own: any order of commands, hosts that come and go.

`given` checks the state after every event (`invariants`); the model knows nothing of the state and follows
the events alone: who holds which room, that no attempt is given twice, and that what was promised is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.host_commands import BuildReport, DrainHost, HostDue, JoinHost, Report, ReportHost
from schemas.fleet.sizes import ComputeSize
from schemas.fleet.views import Build, PlanLimits, PoolConfig
from streams.deciders.fleet.noun import FLEET
from tests.streams.deciders.fleet.given import Fleet, artefact, capacity, happened

HOSTS = ("a", "b")
GAMES = ("game_1", "game_2")
MEMORY_MB, PORTS, QUOTA = 4096, 3, 4
REST_MS = 60_000
LIMITS = PlanLimits(active_servers=QUOTA, builds=5)
SIZES_USED: tuple[ComputeSize, ...] = ("small", "medium", "dedicated-small")


class Model:
    """What events have said of room: by attempt, so that one is never given twice."""

    def __init__(self) -> None:
        self.attempts: set[tuple[str, int]] = set()
        self.rooms: dict[str, tuple[str, int, tuple[int, ...]]] = {}
        """By server: host, memory, ports."""
        self.freed: dict[tuple[str, int], int] = {}
        self.phases: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.claimed: set[str] = set()

    def happened(self, event: Message, at_ms: int) -> None:
        if not isinstance(event, ev.ServerEvent):
            return
        server = event.server
        name = server.instance_id
        assert self.phases.get(name) != "stopped"
        assert self.owners.setdefault(name, server.game_id) == server.game_id
        before = self.phases.get(name)
        self.phases[name] = server.phase
        if isinstance(event, ev.ServerPlaced):
            self._placed(event, at_ms)
        elif isinstance(event, ev.ServerExited | ev.ServerStopped) and name in self.rooms:
            host, _, ports = self.rooms.pop(name)
            self.freed |= {(host, port): at_ms for port in ports}
        elif isinstance(event, ev.ServerClaimed):
            assert before == "running"
            assert name not in self.claimed
            self.claimed.add(name)

    def _placed(self, event: ev.ServerPlaced, at_ms: int) -> None:
        server, spec = event.server, event.spec
        name, host = server.instance_id, server.host_id or ""
        assert name not in self.rooms, "two attempts of a server at once"
        assert (name, spec.attempt) not in self.attempts
        self.attempts.add((name, spec.attempt))
        ports = tuple(port.external_port for port in server.ports)
        for port in ports:
            assert at_ms - self.freed.get((host, port), -REST_MS) >= REST_MS
        self.rooms[name] = (host, spec.memory_mb, ports)
        here = [room for room in self.rooms.values() if room[0] == host]
        assert sum(memory for _, memory, _ in here) <= MEMORY_MB
        taken = [port for _, _, numbers in here for port in numbers]
        assert len(taken) == len(set(taken))

    def active(self, game_id: str) -> int:
        return sum(
            self.owners[name] == game_id and phase not in {"stopping", "stopped"}
            for name, phase in self.phases.items()
        )


class FleetMachine(RuleBasedStateMachine):
    """Whatever clients, hosts and the timer do."""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = Fleet(hosts=(), builds=())
        self.fleet.limits = LIMITS
        self.model = Model()
        for host_id in HOSTS:
            self.join_as(host_id)
        for game_id in GAMES:
            self.build(game_id, "default")
        for known in [
            each for project in self.fleet.state.projects.values() for each in project.builds.values()
        ]:
            self.end(known.build, {"artefact": artefact(known.build.id)})

    def do(self, body: Message, game_id: str = GAMES[0]) -> tuple[Message, ...] | CommandRejected:
        verdict = self.fleet.when(body, game_id)
        if isinstance(verdict, CommandRejected):
            return verdict
        events = tuple(self.fleet.given(body, game_id))
        for event in events:
            self.model.happened(event, self.fleet.state.time_ms)
        return events

    def servers(self) -> list[str]:
        return sorted(self.fleet.state.servers)

    def of_game(self, instance_id: str) -> str:
        return self.fleet.server(instance_id).game_id

    def join_as(self, host_id: str) -> None:
        fields = {"memory_mb": MEMORY_MB, "cpu_millis": 4000, "last_port": 31_000 + PORTS - 1}
        self.do(JoinHost(host_id=host_id, capacity=capacity(**fields)))

    @rule(game_id=st.sampled_from(GAMES), name=st.sampled_from(["default", "arena"]))
    def more_builds(self, game_id: str, name: str) -> None:
        self.build(game_id, name)

    def build(self, game_id: str, name: str) -> None:
        created = self.do(ask.CreateBuild(name=name, build_type="zip", limits=LIMITS), game_id)
        if isinstance(created, CommandRejected):
            assert created.code == "quota_exceeded"
            return
        (event,) = created
        assert isinstance(event, ev.BuildCreated)
        self.do(ask.ProcessBuild(build_id=event.build.id, upload_bytes=1), game_id)

    @rule(well=st.booleans(), index=st.integers(0, 9))
    def process(self, well: bool, index: int) -> None:  # noqa: FBT001 - drawn by name
        given = [
            known.build
            for project in self.fleet.state.projects.values()
            for known in project.builds.values()
            if known.build.status == "processing" and known.build.host_id is not None
        ]
        if not given:
            return
        build = sorted(given, key=lambda one: one.id)[index % len(given)]
        self.end(build, {"artefact": artefact(build.id)} if well else {"error": "no"})

    def end(self, build: Build, ended: dict[str, Any]) -> None:
        report = BuildReport(build_id=build.id, attempt=build.attempt, **ended)
        self.do(self.fleet.reports(host_id=build.host_id or "", build_reports=[report]))

    @rule(game_id=st.sampled_from(GAMES), index=st.integers(0, 9))
    def delete(self, game_id: str, index: int) -> None:
        project = self.fleet.state.projects.get(f"user_1/{game_id}")
        if project is not None and project.builds:
            names = sorted(project.builds)
            self.do(ask.DeleteBuild(build_id=names[index % len(names)]), game_id)

    @rule(
        game_id=st.sampled_from(GAMES),
        size=st.sampled_from(SIZES_USED),
        auto=st.booleans(),
        ttl_s=st.sampled_from([None, 60]),
        own=st.booleans(),
    )
    def start(self, game_id: str, size: ComputeSize, auto: bool, ttl_s: int | None, own: bool) -> None:  # noqa: FBT001 - drawn by name
        before = self.model.active(game_id)
        more = {"startup_args": "-own"} if own else {}
        verdict = self.do(
            self.fleet.start(compute_size=size, auto_restart=auto, ttl_s=ttl_s, **more), game_id
        )
        if isinstance(verdict, CommandRejected):
            assert (verdict.status, verdict.code) in {
                (404, "not_found"),
                (403, "quota_exceeded"),
                (503, "no_capacity"),
            }
            assert (verdict.code == "quota_exceeded") <= (before >= QUOTA)
        else:
            assert isinstance(verdict[0], ev.ServerPlaced | ev.ServerClaimed)

    @rule()
    def all_is_well(self) -> None:
        """Every host serves, and what was placed is ready."""
        for host_id in HOSTS:
            if self.fleet.host(host_id).host.status != "up":
                self.join_as(host_id)
            ready = [
                self.fleet.report(name, "ready")
                for name in sorted(self.fleet.host(host_id).servers)
                if self.fleet.server(name).phase == "starting"
            ]
            self.do(self.fleet.reports(*ready, host_id=host_id))

    @rule(game_id=st.sampled_from(GAMES), count=st.integers(1, 2), ready=st.booleans())
    def claims(self, game_id: str, count: int, ready: bool) -> None:  # noqa: FBT001 - drawn by name
        """A pool is asked for, and starts that would take its servers."""
        self.pool(game_id, count)
        if ready:
            self.all_is_well()
        for _ in range(count + 1):
            self.do(self.fleet.start(), game_id)

    @rule(old=st.integers(0, 1), again=st.booleans())
    def restarts(self, old: int, again: bool) -> None:  # noqa: FBT001 - drawn by name
        """Every server is asked to restart, and hosts say that its attempt, or the one before, has ended."""
        for name in self.servers():
            verdict = self.do(ask.RestartServer(instance_id=name, limits=LIMITS), self.of_game(name))
            assert not isinstance(verdict, CommandRejected) or verdict.code in {"stopped", "unclaimed"}
            server = self.fleet.server(name)
            if server.host_id is not None and self.fleet.host(server.host_id).host.status != "lost":
                attempt = server.attempt - old
                report = Report(instance_id=name, attempt=attempt, kind="exited", exit_code=1)
                events = self.do(self.fleet.reports(report, host_id=server.host_id))
                assert not isinstance(events, CommandRejected)
                assert not old or set(happened(events, name)) <= {"placed"}
        if again:
            self.all_is_well()

    @rule(game_id=st.sampled_from(GAMES), times=st.integers(1, 4))
    def churn(self, game_id: str, times: int) -> None:
        """Servers one after the other, so that ports come round."""
        for _ in range(times):
            verdict = self.do(self.fleet.start(startup_args="-own"), game_id)
            if isinstance(verdict, CommandRejected):
                return
            (placed,) = (event for event in verdict if isinstance(event, ev.ServerPlaced))
            name, host_id = placed.server.instance_id, placed.server.host_id or ""
            exited = self.fleet.report(name, "exited", reason="PROCESS_EXITED")
            self.do(self.fleet.reports(exited, host_id=host_id))

    @rule(game_id=st.sampled_from(GAMES), count=st.integers(0, 3))
    def pool(self, game_id: str, count: int) -> None:
        config = PoolConfig(enabled=bool(count), regions={"us-east": {"small": count}})
        self.do(ask.ChangeSettings(pool=config, limits=LIMITS), game_id)

    @rule(game_id=st.sampled_from(GAMES))
    def pool_due(self, game_id: str) -> None:
        self.do(ask.PoolDue(), game_id)

    @precondition(lambda self: bool(self.fleet.state.servers))
    @rule(index=st.integers(0, 20), what=st.sampled_from(["stop", "restart", "update", "due"]))
    def client(self, index: int, what: str) -> None:
        names = self.servers()
        name = names[index % len(names)]
        bodies: dict[str, Callable[[], Message]] = {
            "stop": lambda: ask.StopServer(instance_id=name),
            "restart": lambda: ask.RestartServer(instance_id=name, limits=LIMITS),
            "update": lambda: ask.UpdateServer(instance_id=name, custom_data="{}"),
            "due": lambda: ask.ServerDue(instance_id=name),
        }
        verdict = self.do(bodies[what](), self.of_game(name))
        if isinstance(verdict, CommandRejected):
            assert verdict.code in {"stopped", "unclaimed"}

    @precondition(lambda self: bool(self.fleet.state.servers))
    @rule(
        index=st.integers(0, 20),
        kind=st.sampled_from(["started", "ready", "exited"]),
        reason=st.sampled_from(["PROCESS_EXITED", "HOST_STOPPED", "STARTUP_TIMEOUT"]),
        old=st.integers(0, 1),
    )
    def report(self, index: int, kind: Any, reason: Any, old: int) -> None:
        names = self.servers()
        server = self.fleet.server(names[index % len(names)])
        host_id = server.host_id or HOSTS[0]
        if host_id not in self.fleet.state.hosts:
            return
        report = Report(
            instance_id=server.instance_id,
            attempt=server.attempt - old,
            kind=kind,
            reason=reason,
            exit_code=1,
        )
        body = self.fleet.reports(report, host_id=host_id)
        verdict = self.do(body)
        lost = self.fleet.host(host_id).host.status == "lost"
        assert isinstance(verdict, CommandRejected) == lost
        if old and not isinstance(verdict, CommandRejected):  # at most a turn in the queue has come
            assert set(happened(verdict, server.instance_id)) <= {"placed"}

    @precondition(lambda self: bool(self.fleet.state.hosts))
    @rule(index=st.integers(0, 1), what=st.sampled_from(["join", "drain", "due", "seen", "fenced"]))
    def host(self, index: int, what: str) -> None:
        hosts = sorted(self.fleet.state.hosts)
        host_id = hosts[index % len(hosts)]
        epoch = self.fleet.host(host_id).host.epoch
        if what == "join":
            self.join_as(host_id)
        elif what == "drain":
            self.do(DrainHost(host_id=host_id, epoch=epoch))
        elif what == "due":
            self.do(HostDue(host_id=host_id))
        elif what == "seen":
            self.do(ReportHost(host_id=host_id, epoch=epoch))
        else:
            verdict = self.do(ReportHost(host_id=host_id, epoch=epoch - 1))
            assert isinstance(verdict, CommandRejected)
            assert verdict.code == "fenced"

    @rule(seconds=st.sampled_from([1, 5, 12, 20, 61]), seen=st.booleans())
    def wait(self, seconds: int, seen: bool) -> None:  # noqa: FBT001 - drawn by name
        self.fleet.at_ms += seconds * 1000
        for host_id, known in sorted(self.fleet.state.hosts.items()):
            if seen and known.host.status != "lost":
                self.do(ReportHost(host_id=host_id, epoch=known.host.epoch))
        for build_id, game_id in [
            (each, project.game_id)
            for project in self.fleet.state.projects.values()
            for each in project.builds
        ]:
            self.do(ask.BuildDue(build_id=build_id), game_id)

    @invariant()
    def the_model_and_the_state_agree(self) -> None:
        state = self.fleet.state
        assert {name: known.server.phase for name, known in state.servers.items()} == {
            name: phase for name, phase in self.model.phases.items() if phase != "stopped"
        }
        held = {name: known.room for name, known in state.servers.items() if known.room is not None}
        assert {name: (room.host_id, room.memory_mb, room.ports) for name, room in held.items()} == (
            self.model.rooms
        )
        for game_id in GAMES:
            assert self.model.active(game_id) <= QUOTA

    def teardown(self) -> None:
        assert FLEET.unpack(list(FLEET.pack(self.fleet.state))) == self.fleet.state


TestFleetMachine = FleetMachine.TestCase
TestFleetMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
