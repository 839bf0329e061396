"""What must be true of the fleet at rest: of every event, of machines, and of the store."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from projections.fleet import keys
from schemas.fleet import events as ev
from schemas.fleet import names
from schemas.fleet.commands import StartServer
from schemas.fleet.events import EVENTS
from schemas.fleet.limits import PORT_REST_MS
from schemas.fleet.sizes import SIZES
from schemas.fleet.views import Build, Host, Server
from streams.fleet.host.wanted import attempt_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from deploy.lab.simulation.fleet.machine import Machine
    from deploy.lab.simulation.stage import Stage
    from schemas.codec import Message
    from schemas.envelope import Outcome

HELD: Final = frozenset({"starting", "running", "stopping"})


NOT_REMEMBERED: Final = frozenset({403, 503})
"""Refusals of a start after which the same key may succeed."""


class Answered(NamedTuple):
    """A client's write, and the definite answer."""

    command_id: str
    game_id: str
    command: Message
    outcome: Outcome


class Room(NamedTuple):
    """What an attempt holds of a host."""

    host_id: str
    memory_mb: int
    ports: tuple[int, ...]


class History:
    """All events that count, in the order of each partition. `problems` holds after every one."""

    def __init__(self, stage: Stage) -> None:
        self.problems: list[str] = []
        self.servers: dict[str, Server] = {}
        self.builds: dict[str, Build] = {}
        self.hosts: dict[str, Host] = {}
        self.pauses: dict[str, int | None] = {}
        """By member of the store's dues: until when an entry of a pool is paused."""
        self._rooms: dict[str, Room] = {}
        self._attempts: set[str] = set()
        self._freed: dict[tuple[str, int], int] = {}
        for partition in range(stage.partitions):
            for record, events in stage.accepted(partition):
                for decided in events.decided:
                    for event in decided.events:
                        if event.type in EVENTS.wire_names:
                            where = f"{partition}@{record.offset}"
                            self._fold(where, EVENTS.decode(event.type, event.data), event.at_ms)

    def _fold(self, where: str, event: Message, at_ms: int) -> None:
        match event:
            case ev.ServerEvent():
                self._server(where, event, at_ms)
            case ev.BuildEvent(build=build):
                self.builds[build.id] = build
            case ev.HostEvent(host=host):
                self.hosts[host.id] = host
                named = event.processing if isinstance(event, ev.HostSeen) else []
                self.builds |= {build.id: build for build in named}
            case ev.PoolPaused(region=region, compute_size=size):
                entry = keys.due_member("pool", event.studio_id, event.game_id, f"{region}/{size}")
                self.pauses[entry] = event.until_ms
            case _:
                pass

    def _server(self, where: str, event: ev.ServerEvent, at_ms: int) -> None:
        server = event.server
        name = server.instance_id
        before = self.servers.get(name)
        if before is not None and before.phase == "stopped":
            self.problems.append(f"{where}: {name} is {server.phase} after it stopped")
        self.servers[name] = server
        if isinstance(event, ev.ServerPlaced):
            self._placed(where, event, at_ms)
        elif isinstance(event, ev.ServerExited | ev.ServerStopped):
            room = self._rooms.pop(name, None)
            if room is not None:
                self._freed |= {(room.host_id, port): at_ms for port in room.ports}
        if (name in self._rooms) != (server.phase in HELD):
            self.problems.append(f"{where}: {name} is {server.phase}, its room {self._rooms.get(name)}")

    def _placed(self, where: str, event: ev.ServerPlaced, at_ms: int) -> None:
        server, spec = event.server, event.spec
        name, host_id = server.instance_id, server.host_id or ""
        attempt = attempt_id(name, spec.attempt)
        if name in self._rooms or attempt in self._attempts:
            self.problems.append(f"{where}: {attempt} is placed, {name} has {self._rooms.get(name)}")
        self._attempts.add(attempt)
        ports = tuple(port.external_port for port in server.ports)
        tired = [
            p for p in ports if at_ms - self._freed.get((host_id, p), at_ms - PORT_REST_MS) < PORT_REST_MS
        ]
        if tired:
            self.problems.append(f"{where}: {attempt} gets {tired} too soon")
        self._rooms[name] = Room(host_id, SIZES[server.compute_size].memory_mb, ports)
        here = [room for room in self._rooms.values() if room.host_id == host_id]
        given = [port for room in here for port in room.ports]
        if len(given) != len(set(given)):
            self.problems.append(f"{where}: ports of {host_id} are given twice: {sorted(given)}")
        if sum(room.memory_mb for room in here) > self.hosts[host_id].capacity.memory_mb:
            self.problems.append(f"{where}: {host_id} is promised more memory than it has")


def problems(stage: Stage, answered: Iterable[Answered], machines: Iterable[Machine]) -> list[str]:
    """Every promise that does not hold, a line each."""
    history = History(stage)
    return [
        *history.problems,
        *_of_answers(history, answered),
        *_of_machines(history, machines),
        *_of_rows(history, stage.redis.live.values),
    ]


def _of_answers(history: History, answered: Iterable[Answered]) -> Iterator[str]:
    """A start that was answered with success is a server of its project; one that was refused is none."""
    for one in answered:
        if isinstance(one.command, StartServer):
            own = history.servers.get(names.instance_id(one.command_id))
            if one.outcome.status == 201:
                told = msgspec.msgpack.decode(one.outcome.body)["server"]["instance_id"]
                there = history.servers.get(told)
                if there is None or there.game_id != one.game_id:
                    yield f"{told} was answered and is not there"
            elif own is not None and one.outcome.status not in NOT_REMEMBERED:
                yield f"{own.instance_id} was refused with {one.outcome.status} and is there"


def _of_machines(history: History, machines: Iterable[Machine]) -> Iterator[str]:
    """No orphan, and nothing that should run is missing."""
    wanted: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for server in history.servers.values():
        if server.phase in HELD:
            name = attempt_id(server.instance_id, server.attempt)
            wanted[server.host_id or ""][server.phase].add(name)
    for machine in machines:
        of_host, runs = wanted[machine.host_id], machine.running
        orphans = runs - of_host["running"] - of_host["starting"] - of_host["stopping"]
        if orphans:
            yield f"{machine.host_id} runs {sorted(orphans)}, which nobody wants"
        missing = of_host["running"] - runs
        if missing:
            yield f"{machine.host_id} does not run {sorted(missing)}"


def _of_rows(history: History, values: Mapping[str, Any]) -> Iterator[str]:
    """What the store shows is what happened last, and what waits for time is what has one."""
    for name, server in history.servers.items():
        shown = msgspec.msgpack.decode(values[keys.server_key(name)], type=Server)
        if shown != server:
            yield f"{name} is shown as {shown.phase} of attempt {shown.attempt}, it is {server.phase}"
    hosts = {name: msgspec.msgpack.decode(row, type=Host) for name, row in values.get(keys.HOSTS, {}).items()}
    if hosts != history.hosts:
        yield f"hosts are shown as {hosts}"
    waits = {
        **{
            keys.due_member("server", one.studio_id, one.game_id, one.instance_id): one.due_at_ms
            for one in history.servers.values()
        },
        **{
            keys.due_member("build", one.studio_id, one.game_id, one.id): one.due_at_ms
            for one in history.builds.values()
        },
        **{keys.due_member("host", "", "", one.id): one.due_at_ms for one in history.hosts.values()},
        **history.pauses,
    }
    wanted = {member: float(at_ms) for member, at_ms in waits.items() if at_ms is not None}
    found: dict[str, float] = values.get(keys.DUES, {})
    if wanted != found:
        yield f"waits for time: {sorted(found.items() ^ wanted.items())}"
