"""What happened in the fleet. Data of `schemas.envelope.Event`; its `at_ms` is the effective time.

Events carry resulting values, so that a projection sets and never computes: `server`, `build`, `host` and
`settings` are as they are after the event. Environment values and registry credentials are sealed.
NOTE: stored: a field may be added with a default; anything else is a new wire name with an upcaster in
EVENTS.
"""

from __future__ import annotations

from typing import ClassVar, Final

from schemas.codec import Codec, Message
from schemas.fleet.host_views import Host, Instance
from schemas.fleet.sizes import ComputeSize, Region
from schemas.fleet.views import Build, LaunchSpec, PlanLimits, PortConfig, SealedVariable, Server, Settings


class ServerEvent(Message, frozen=True, kw_only=True):
    """Base: the server is the aggregate (`names.server_aggregate`)."""

    server: Server


class ServerPlaced(ServerEvent, frozen=True, kw_only=True):
    """A host has to run an attempt: it has room and ports for it. The first event of most servers."""

    WIRE: ClassVar[str] = "fleet.server-placed.v1"

    spec: LaunchSpec
    own_variables: list[SealedVariable] = []
    """The request's; those of `spec` hold the project's too."""
    own_ports: list[PortConfig] | None = None
    """The request's; None where the project's hold."""


class ServerQueued(ServerEvent, frozen=True, kw_only=True):
    """It waits for room."""

    WIRE: ClassVar[str] = "fleet.server-queued.v1"


class ServerClaimed(ServerEvent, frozen=True, kw_only=True):
    """A start took this pool server, which was ready."""

    WIRE: ClassVar[str] = "fleet.server-claimed.v1"


class ServerStarted(ServerEvent, frozen=True, kw_only=True):
    """Its process runs."""

    WIRE: ClassVar[str] = "fleet.server-started.v1"


class ServerReady(ServerEvent, frozen=True, kw_only=True):
    """Players can connect."""

    WIRE: ClassVar[str] = "fleet.server-ready.v1"


class ServerExited(ServerEvent, frozen=True, kw_only=True):
    """Its attempt has ended unasked, or its host is lost: room and ports are free.

    It is tried again, unless ServerStopped follows.
    """

    WIRE: ClassVar[str] = "fleet.server-exited.v1"

    reason: str
    host_id: str
    attempt: int
    failures: int = 0
    """Exits since it was last up for long, which the next pause follows from."""
    quick_exits: int = 0
    """Exits in a row soon after their starts."""


class ServerStopping(ServerEvent, frozen=True, kw_only=True):
    """Its host has to end its attempt."""

    WIRE: ClassVar[str] = "fleet.server-stopping.v1"


class ServerStopped(ServerEvent, frozen=True, kw_only=True):
    """It has ended for good; room and ports are free."""

    WIRE: ClassVar[str] = "fleet.server-stopped.v1"


class ServerRestarting(ServerEvent, frozen=True, kw_only=True):
    """Another attempt was asked for; its host has to end this one, where there is one."""

    WIRE: ClassVar[str] = "fleet.server-restarting.v1"

    own_variables: list[SealedVariable] = []
    own_ports: list[PortConfig] | None = None


class ServerUpdated(ServerEvent, frozen=True, kw_only=True):
    """Its custom data is other."""

    WIRE: ClassVar[str] = "fleet.server-updated.v1"


class BuildEvent(Message, frozen=True, kw_only=True):
    """Base: the build is the aggregate (`names.build_aggregate`)."""

    build: Build


class BuildCreated(BuildEvent, frozen=True, kw_only=True):
    """A build has its version; its content is to come."""

    WIRE: ClassVar[str] = "fleet.build-created.v1"


class BuildProcessing(BuildEvent, frozen=True, kw_only=True):
    """An attempt of processing began: the build's `host_id` has to make it, or one will be found."""

    WIRE: ClassVar[str] = "fleet.build-processing.v1"


class BuildReady(BuildEvent, frozen=True, kw_only=True):
    """Servers can be started from it."""

    WIRE: ClassVar[str] = "fleet.build-ready.v1"


class BuildFailed(BuildEvent, frozen=True, kw_only=True):
    """Processing has ended without a result; `error` says why."""

    WIRE: ClassVar[str] = "fleet.build-failed.v1"


class BuildDeleted(BuildEvent, frozen=True, kw_only=True):
    """No more servers are started from it; its bytes go 24 hours after the last user."""

    WIRE: ClassVar[str] = "fleet.build-deleted.v1"


class BuildKept(BuildEvent, frozen=True, kw_only=True):
    """A deleted build's bytes are used, or were until lately: they are looked at again when it is due."""

    WIRE: ClassVar[str] = "fleet.build-kept.v1"


class BuildRemoved(BuildEvent, frozen=True, kw_only=True):
    """A deleted build's bytes go: its artefact's object is not used any more, and never again."""

    WIRE: ClassVar[str] = "fleet.build-removed.v1"


class HostEvent(Message, frozen=True, kw_only=True):
    """Base: the host is the aggregate (`names.host_aggregate`)."""

    host: Host


class HostJoined(HostEvent, frozen=True, kw_only=True):
    """An agent serves the host, under a new epoch. What of servers it finds there and isn't named goes."""

    WIRE: ClassVar[str] = "fleet.host-joined.v1"

    instances: list[Instance] = []
    processing: list[Build] = []
    """Builds whose attempts are its own."""
    builds: list[str] = []
    """Hashes of the artefacts that it holds."""


class HostSeen(HostEvent, frozen=True, kw_only=True):
    """Its agent has reported."""

    WIRE: ClassVar[str] = "fleet.host-seen.v1"

    processing: list[Build] = []
    """The builds that it named as what it is at: each has another 60 s."""
    builds: list[str] | None = None
    """Hashes of the artefacts that it holds; None: the same as before."""


class HostSuspected(HostEvent, frozen=True, kw_only=True):
    """Nothing was heard of it for 20 s of the log's time."""

    WIRE: ClassVar[str] = "fleet.host-suspected.v1"


class HostLost(HostEvent, frozen=True, kw_only=True):
    """Nothing was heard of it since it was suspected. What becomes of its servers and builds follows."""

    WIRE: ClassVar[str] = "fleet.host-lost.v1"


class HostDraining(HostEvent, frozen=True, kw_only=True):
    """It gets no new servers and builds."""

    WIRE: ClassVar[str] = "fleet.host-draining.v1"


class ProjectEvent(Message, frozen=True, kw_only=True):
    """Base: the project is the aggregate (`names.project_aggregate`)."""

    studio_id: str
    game_id: str


class SettingsChanged(ProjectEvent, frozen=True, kw_only=True):
    """A project's settings are others."""

    WIRE: ClassVar[str] = "fleet.settings-changed.v1"

    settings: Settings
    limits: PlanLimits | None = None
    """What its plan allows, as far as is known."""


class PoolPaused(ProjectEvent, frozen=True, kw_only=True):
    """No servers of this entry are made until then: one was in a crash loop, or more would fill the record.

    PoolDue goes on from there; `until_ms` is None then.
    """

    WIRE: ClassVar[str] = "fleet.pool-paused.v1"

    region: Region
    compute_size: ComputeSize
    until_ms: int | None


class LobbyServerGiven(ProjectEvent, frozen=True, kw_only=True):
    """A live-ops lobby has this server, whatever becomes of it: the server's own events come before."""

    WIRE: ClassVar[str] = "fleet.lobby-server-given.v1"

    lobby_id: str
    instance_id: str
    ends_at_ms: int
    """When the lobby's window ends."""


class LobbyServerRefused(ProjectEvent, frozen=True, kw_only=True):
    """A live-ops lobby gets no server: the plan does not allow it, or there is no such build."""

    WIRE: ClassVar[str] = "fleet.lobby-server-refused.v1"

    lobby_id: str
    code: str
    """`refusals`' code."""
    message: str
    ends_at_ms: int


class LobbyServerEnded(ProjectEvent, frozen=True, kw_only=True):
    """A live-ops lobby has closed: its server, where it has one, is stopped after this."""

    WIRE: ClassVar[str] = "fleet.lobby-server-ended.v1"

    lobby_id: str
    ends_at_ms: int


SERVER_EVENTS: Final = (
    ServerPlaced,
    ServerQueued,
    ServerClaimed,
    ServerStarted,
    ServerReady,
    ServerExited,
    ServerStopping,
    ServerStopped,
    ServerRestarting,
    ServerUpdated,
)
BUILD_EVENTS: Final = (
    BuildCreated,
    BuildProcessing,
    BuildReady,
    BuildFailed,
    BuildDeleted,
    BuildKept,
    BuildRemoved,
)
HOST_EVENTS: Final = (HostJoined, HostSeen, HostSuspected, HostLost, HostDraining)
LOBBY_EVENTS: Final = (LobbyServerGiven, LobbyServerRefused, LobbyServerEnded)
PROJECT_EVENTS: Final = (SettingsChanged, PoolPaused, *LOBBY_EVENTS)
EVENTS: Codec[Message] = Codec((*SERVER_EVENTS, *BUILD_EVENTS, *HOST_EVENTS, *PROJECT_EVENTS))
"""Every event of the noun."""
