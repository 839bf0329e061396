"""What can be asked of the fleet. Bodies of `schemas.envelope.Command`.

Those of a project go to the partition of its game; those of a host to the partition that the host serves.
The command's `aggregate_id` is that of what it is about (`names`). Texts, sizes and combinations of fields
were checked by the gateway; what only the state can say is decided: 403 `quota_exceeded`, 404, 409, 422 with
its field, 503 `no_capacity`. Environment values come sealed (`views.SealedVariable`).
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from schemas.codec import Codec, Message
from schemas.fleet.host_commands import HOST_COMMANDS
from schemas.fleet.sizes import ComputeSize, Region
from schemas.fleet.views import BuildType, PlanLimits, PoolConfig, PortConfig, Readiness, SealedVariable


class Launch(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a start chooses beside name, region and size; a restart changes what it names."""

    version_tag: str | UnsetType | None = UNSET
    version: int | UnsetType | None = UNSET
    startup_args: str | UnsetType | None = UNSET
    ttl_s: int | UnsetType | None = UNSET
    auto_restart: bool | UnsetType = UNSET
    custom_data: str | UnsetType | None = UNSET
    """A JSON object as text."""
    match_id: str | UnsetType | None = UNSET
    variables: list[SealedVariable] | UnsetType = UNSET
    port_configs: list[PortConfig] | UnsetType = UNSET


class StartServer(Message, frozen=True, kw_only=True):
    """Start a server of the envelope's game. Its id is `names.instance_id(command_id)`, or a pool server's.

    403 `quota_exceeded`: active servers, size or ttl; 404 without such a ready build; 503 `no_capacity`.
    """

    WIRE: ClassVar[str] = "fleet.server-start.v1"

    name: str
    region: Region
    compute_size: ComputeSize
    limits: PlanLimits
    launch: Launch = Launch()


class StopServer(Message, frozen=True, kw_only=True):
    """Stop a server. 404. Where it is stopping or stopped already: nothing, which is a success."""

    WIRE: ClassVar[str] = "fleet.server-stop.v1"

    instance_id: str
    reason: str | None = None


class UpdateServer(Message, frozen=True, kw_only=True):
    """Replace a server's custom data, or take its own word that it is ready. 404; 409 `stopped`."""

    WIRE: ClassVar[str] = "fleet.server-update.v1"

    instance_id: str
    custom_data: str | None = None
    """A JSON object as text; None: it stays."""
    ready: bool | UnsetType = UNSET
    """Its process says that players can connect: one that starts runs then. For any other: nothing."""


class StartLobbyServer(Message, frozen=True, kw_only=True):
    """Give a live-ops lobby its server, once: asked again, or after its window's end, it changes nothing.

    Without room the server waits for it. What StartServer refuses is the lobby's answer for good.
    """

    WIRE: ClassVar[str] = "fleet.lobby-server-start.v1"

    lobby_id: str
    ends_at_ms: int
    """When the lobby's window ends."""
    name: str
    region: Region
    compute_size: ComputeSize
    limits: PlanLimits
    launch: Launch = Launch()


class EndLobbyServer(Message, frozen=True, kw_only=True):
    """A lobby has closed: its server stops, where it has one that is not stopped. Asked again: nothing."""

    WIRE: ClassVar[str] = "fleet.lobby-server-end.v1"

    lobby_id: str


class RestartServer(Message, frozen=True, kw_only=True):
    """End a server's attempt and begin another.

    403 `quota_exceeded` for a ttl; 404, also without such a ready build; 409 `stopped`, `unclaimed`. The
    build stays the one it has, unless `version_tag` or `version` says otherwise.
    """

    WIRE: ClassVar[str] = "fleet.server-restart.v1"

    instance_id: str
    limits: PlanLimits
    name: str | None = None
    launch: Launch = Launch()


class ServerDue(Message, frozen=True, kw_only=True):
    """A server's ttl or its backoff may be over, says the timer. Early, late or twice: nothing."""

    WIRE: ClassVar[str] = "fleet.server-due.v1"

    instance_id: str


class PoolDue(Message, frozen=True, kw_only=True):
    """Bring a project's pool to what its settings ask, says the timer. Where it is: nothing."""

    WIRE: ClassVar[str] = "fleet.pool-due.v1"


class CreateBuild(Message, frozen=True, kw_only=True):
    """Give a build its version. Its id is `names.build_id(command_id)`. 403 `quota_exceeded`.

    An image is processed at once; an upload waits for ProcessBuild.
    """

    WIRE: ClassVar[str] = "fleet.build-create.v1"

    name: str
    build_type: BuildType
    limits: PlanLimits
    executable_path: str | None = None
    image_url: str | None = None
    credentials_key: str | None = None
    """The object with the sealed registry credentials, which the gateway has stored."""
    processes_itself: bool | UnsetType = UNSET
    """Of an upload: it is processed once it is there, without a call."""


class ProcessBuild(Message, frozen=True, kw_only=True):
    """Process an upload. 404; 409 `nothing_uploaded`, `wrong_status`; 422 `name`.

    While it is processed: nothing, which is a success. A failed one is tried anew.
    """

    WIRE: ClassVar[str] = "fleet.build-process.v1"

    build_id: str
    name: str | None = None
    """As in the query; another than the build's is 422."""
    upload_bytes: int | None = None
    """Of the object that the gateway has found; None where there is none."""


class DeleteBuild(Message, frozen=True, kw_only=True):
    """Start no more servers of a build. 404. A deleted one again: nothing, which is a success."""

    WIRE: ClassVar[str] = "fleet.build-delete.v1"

    build_id: str


class BuildDue(Message, frozen=True, kw_only=True):
    """A build's attempt may be silent, or wait for a host, or the bytes of a deleted one be unused.

    So says the timer. Early, late or twice: nothing.
    """

    WIRE: ClassVar[str] = "fleet.build-due.v1"

    build_id: str


class ChangeSettings(Message, frozen=True, kw_only=True):
    """Replace the settings that are named. Where nothing changes: nothing."""

    WIRE: ClassVar[str] = "fleet.settings-change.v1"

    port_configs: list[PortConfig] | UnsetType = UNSET
    variables: list[SealedVariable] | UnsetType = UNSET
    pool: PoolConfig | UnsetType = UNSET
    auth_config: str | UnsetType | None = UNSET
    lobby_configs: str | UnsetType | None = UNSET
    readiness: Readiness | UnsetType = UNSET
    startup_timeout_s: int | UnsetType = UNSET
    stop_grace_s: int | UnsetType = UNSET
    limits: PlanLimits | UnsetType = UNSET
    """What the pool may use: the gateway sends them with every change."""
    declared: str | UnsetType = UNSET
    """Of a definition's: which one it is. Each is taken once, and what requests changed since then stays."""


COMMANDS: Codec[Message] = Codec(
    (
        StartServer,
        StopServer,
        StartLobbyServer,
        EndLobbyServer,
        UpdateServer,
        RestartServer,
        ServerDue,
        PoolDue,
        CreateBuild,
        ProcessBuild,
        DeleteBuild,
        BuildDue,
        ChangeSettings,
        *HOST_COMMANDS,
    )
)
"""Every command of the noun, those of hosts included."""
