"""What a fleet partition knows: hosts with their room, servers, and projects with their builds and pools.

Immutable, in persistent maps: a step forks one path of the tree. Structs are positional when packed, for
snapshots alone; another text of this module is another snapshot. `gc=False`: immutable things form no cycles.
Hosts are shared by all projects, so that one partition decides all that may take their room.
"""

from __future__ import annotations

from typing import Final

import msgspec
from immutables import Map

from schemas.fleet.host_views import Host
from schemas.fleet.limits import HOUR_MS
from schemas.fleet.views import Build, LaunchSpec, PlanLimits, PortConfig, SealedVariable, Server, Settings

STOPPED_KEPT_MS: Final = 7 * 24 * HOUR_MS
"""So long a stopped server is known: it can be stopped again, and its other writes are 409."""


class Room(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an attempt holds of its host, until its exit is confirmed or the host is lost."""

    host_id: str
    memory_mb: int
    cpu_millis: int
    """Reserved."""
    spec_bytes: int
    ports: tuple[int, ...] = ()
    cores: tuple[int, ...] = ()


class ServerState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A server that is not stopped."""

    server: Server
    sequence: int = 1
    room: Room | None = None
    """Of its attempt; None where it has none."""
    spec: LaunchSpec | None = None
    """Of that attempt, as it was placed."""
    own_variables: tuple[SealedVariable, ...] = ()
    own_ports: tuple[PortConfig, ...] | None = None
    failures: int = 0
    """Exits since it was last up for long."""
    quick_exits: int = 0
    """Exits in a row soon after their starts."""


class StoppedServer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is left of a server that is stopped."""

    project: str
    sequence: int
    at_ms: int


class BuildState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A build; deleted ones stay, for the restarts of what they run."""

    build: Build
    number: int
    """From 1 in its project, as they were created."""
    sequence: int = 1
    heard_at_ms: int = 0
    """When its attempt was given, or last named by its host."""
    used_until_ms: int = 0
    """When the last server of it left it, or it was deleted; later ones count where they are live."""


class HostState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A host and what of it is taken."""

    host: Host
    sequence: int = 1
    draining: bool = False
    next_port: int = 0
    used_ports: Map[int, str] = Map()
    """By port: the server that holds it."""
    resting_ports: Map[int, int] = Map()
    """By port: when it came free."""
    used_cores: Map[int, str] = Map()
    servers: Map[str, bool] = Map()
    """Those that hold room here."""
    memory_mb: int = 0
    cpu_millis: int = 0
    spec_bytes: int = 0
    builds: Map[str, bool] = Map()
    """Hashes of the artefacts that it holds."""
    processing: Map[str, str] = Map()
    """By build: its project."""


class LobbyServer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a live-ops lobby was given."""

    instance_id: str
    """Empty where it was refused one."""
    ends_at_ms: int
    """When the lobby's window ends: no server is given after it."""


class Project(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A game's settings, builds and pool."""

    studio_id: str
    game_id: str
    sequence: int = 0
    settings: Settings = Settings()
    limits: PlanLimits | None = None
    active: int = 0
    """Servers whose status is not stopped."""
    builds: Map[str, BuildState] = Map()
    versions: Map[str, int] = Map()
    """By name: the highest version that was given."""
    ready: Map[str, Map[int, str]] = Map()
    """By name and version: the builds that can be started."""
    kept_builds: int = 0
    """Those that are not deleted."""
    idle: Map[str, tuple[str, ...]] = Map()
    """By pool entry: unclaimed live servers, the oldest first."""
    paused: Map[str, int] = Map()
    """By pool entry: until when no servers are made."""
    lobbies: Map[str, LobbyServer] = Map()
    """By lobby: those that have not closed."""
    closed_lobbies: Map[str, int] = Map()
    """Those that have closed by live-ops' clock and not by this one: when their windows end."""
    generation: int = 0
    """How often artefacts of its builds have gone."""


class FleetState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One partition's state."""

    hosts: Map[str, HostState] = Map()
    projects: Map[str, Project] = Map()
    """By `project_key`."""
    servers: Map[str, ServerState] = Map()
    stopped: Map[str, StoppedServer] = Map()
    stopped_order: Map[int, str] = Map()
    """By number: stopped servers in the order in which they are forgotten."""
    first_stopped: int = 0
    next_stopped: int = 0
    queued: Map[str, int] = Map()
    """Servers that wait for room, by their turn."""
    next_turn: int = 0
    waiting_builds: Map[str, str] = Map()
    """Builds that wait for a host: their project."""
    time_ms: int = 0
    """The latest event's time: one clock for the partition."""


def project_key(studio_id: str, game_id: str) -> str:
    """Of `FleetState.projects`."""
    return f"{studio_id}/{game_id}"


def entry_key(region: str, compute_size: str) -> str:
    """Of `Project.idle` and `Project.paused`."""
    return f"{region}/{compute_size}"


def is_idle(server: Server) -> bool:
    """Whether it is of a pool and unclaimed."""
    return server.is_pool_server and server.pool_claimed_at_ms is None
