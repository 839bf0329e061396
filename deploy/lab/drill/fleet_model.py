"""The fleet as its log has it, held to the contract after every event: lives, room, ports. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from projections.fleet import keys
from schemas.fleet import events as ev
from schemas.fleet.events import EVENTS
from schemas.fleet.host_views import Host
from schemas.fleet.limits import PORT_REST_MS
from schemas.fleet.relays import relay_memory_mib
from schemas.fleet.sizes import SIZES
from schemas.fleet.states import TRANSITIONS, Transition
from schemas.fleet.views import Build, Phase, Server
from streams.fleet.host.wanted import attempt_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.codec import Message
    from schemas.envelope import Decided

HELD: Final = frozenset[Phase]({"starting", "running", "stopping"})
"""Phases in which a server has room on a host."""
_BY_LENGTH: Final = sorted(TRANSITIONS, key=lambda row: -len(row.events))


class Room(NamedTuple):
    """What an attempt holds of a host."""

    host_id: str
    memory_mb: int
    ports: tuple[int, ...]


class Attempt(msgspec.Struct):
    """One launch of a server, from its place on a host to its end."""

    instance_id: str
    number: int
    host_id: str
    placed_at_ms: int
    started: bool = False
    ready_at_ms: int | None = None
    ended_at_ms: int | None = None
    exit_code: int | None = None
    """None where it has not ended, was lost, or never ran."""


class FleetModel:
    """Folds the events that count, in the order of each partition. `problems` holds after every one."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.servers: dict[str, Server] = {}
        self.builds: dict[str, Build] = {}
        self.hosts: dict[str, Host] = {}
        self.pauses: dict[str, int | None] = {}
        """By member of the store's dues: until when an entry of a pool is paused."""
        self.attempts: dict[str, Attempt] = {}
        """By the attempts' ids."""
        self.lost: dict[str, int] = {}
        """How often each host was lost."""
        self.happened: dict[str, list[tuple[str, Phase]]] = {}
        """By server: what happened, and the phase that it had since."""
        self._rooms: dict[str, Room] = {}
        self._freed: dict[tuple[str, int], int] = {}

    def fold(self, where: str, decided: Decided) -> None:
        """Take in what came of one command."""
        told: dict[str, list[ev.ServerEvent]] = {}
        before: dict[str, Server | None] = {}
        for event in decided.events:
            if event.type not in EVENTS.wire_names:
                continue
            message = EVENTS.decode(event.type, event.data)
            if isinstance(message, ev.ServerEvent):
                name = message.server.instance_id
                before.setdefault(name, self.servers.get(name))
                told.setdefault(name, []).append(message)
            self._fold(where, message, event.at_ms)
        for name, events in told.items():
            known = before[name]
            phase = None if known is None else known.phase
            problem = wrong_life(phase, events)
            if problem:
                self.problems.append(f"{where}: {name} {problem}")

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
                self.lost[host.id] = self.lost.get(host.id, 0) + isinstance(event, ev.HostLost)
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
        self.happened.setdefault(name, []).append((_happened(event), server.phase))
        current = self.attempts.get(attempt_id(name, server.attempt))
        match event:
            case ev.ServerPlaced():
                self._placed(where, event, at_ms)
            case ev.ServerStarted() if current is not None:
                current.started = True
            case ev.ServerReady() if current is not None:
                current.ready_at_ms = at_ms
            case ev.ServerExited():
                self._ended(name, self.attempts.get(attempt_id(name, event.attempt)), server, at_ms)
            case ev.ServerStopped():
                self._ended(name, current, server, at_ms)
            case _:
                pass
        if (name in self._rooms) != (server.phase in HELD):
            self.problems.append(f"{where}: {name} is {server.phase}, its room {self._rooms.get(name)}")

    def _ended(self, name: str, attempt: Attempt | None, server: Server, at_ms: int) -> None:
        room = self._rooms.pop(name, None)
        if room is None:
            return
        self._freed |= {(room.host_id, port): at_ms for port in room.ports}
        if attempt is not None:
            attempt.ended_at_ms, attempt.exit_code = at_ms, server.exit_code

    def _placed(self, where: str, event: ev.ServerPlaced, at_ms: int) -> None:
        server, spec = event.server, event.spec
        name, host_id = server.instance_id, server.host_id or ""
        attempt = attempt_id(name, spec.attempt)
        if name in self._rooms or attempt in self.attempts:
            self.problems.append(f"{where}: {attempt} is placed, {name} has {self._rooms.get(name)}")
        if spec.attempt > 1 and attempt_id(name, spec.attempt - 1) not in self.attempts:
            self.problems.append(f"{where}: {attempt} is placed, the attempt before it never was")
        self.attempts[attempt] = Attempt(name, spec.attempt, host_id, at_ms)
        ports = tuple(port.external_port for port in server.ports)
        tired = [
            p for p in ports if at_ms - self._freed.get((host_id, p), at_ms - PORT_REST_MS) < PORT_REST_MS
        ]
        if tired:
            self.problems.append(f"{where}: {attempt} gets {tired} too soon")
        self._rooms[name] = Room(
            host_id,
            SIZES[server.compute_size].memory_mb
            + relay_memory_mib(sum(port.tls_enabled for port in server.ports)),
            ports,
        )
        here = [room for room in self._rooms.values() if room.host_id == host_id]
        given = [port for room in here for port in room.ports]
        if len(given) != len(set(given)):
            self.problems.append(f"{where}: ports of {host_id} are given twice: {sorted(given)}")
        if sum(room.memory_mb for room in here) > self.hosts[host_id].capacity.memory_mb:
            self.problems.append(f"{where}: {host_id} is promised more memory than it has")


def wrong_life(phase: Phase | None, events: Sequence[ev.ServerEvent]) -> str:
    """Why no rows of the life table explain what one decision says of a server; empty where some do."""
    left = list(events)
    while left:
        if isinstance(left[0], ev.ServerUpdated):
            if left[0].server.phase != phase:
                return f"was {phase} and is {left[0].server.phase} by an update"
            del left[0]
            continue
        row = next((row for row in _BY_LENGTH if _explains(row, phase, left)), None)
        if row is None:
            told = [(_happened(event), event.server.phase) for event in left]
            return f"was {phase}, and then {told}: no row of the life table says so"
        phase = row.to
        del left[: len(row.events)]
    return ""


def _explains(row: Transition, phase: Phase | None, events: Sequence[ev.ServerEvent]) -> bool:
    begun = events[: len(row.events)]
    before = "running" if row.cause == "start-claims" else row.phase  # a pool server, which was ready
    return (
        phase == before
        and row.events == tuple(_happened(event) for event in begun)
        and begun[-1].server.phase == row.to
    )


def _happened(event: ev.ServerEvent) -> str:
    return event.WIRE.removeprefix("fleet.server-").removesuffix(".v1")
