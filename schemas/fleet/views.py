"""Servers, builds and settings as events carry them: resulting values, for projections to set.

NOTE: stored: a field may be added with a default. Times are unix milliseconds. JSON that clients chose
(`custom_data` and the like) is JSON text. `variables` are sealed under the fleet secret for the project's
aggregate, each for `names.variable_field`.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from schemas.fleet.limits import STARTUP_TIMEOUT_S, STOP_GRACE_S
from schemas.fleet.sizes import ComputeSize, Region

Phase = Literal["queued", "starting", "running", "backoff", "stopping", "stopped"]
Protocol = Literal["udp", "tcp"]
Isolation = Literal["container", "process"]
BuildStatus = Literal["uploading", "processing", "ready", "failed", "deleted"]
BuildType = Literal["zip", "docker_image"]
Readiness = Literal["ports", "sdk"]
ExitReason = Literal[
    "PROCESS_EXITED",
    "SHUTDOWN_SIGNAL",
    "STARTUP_FAILURE_DOWNLOAD",
    "STARTUP_FAILURE_EXECUTABLE",
    "STARTUP_TIMEOUT",
    "OOM_KILLED",
    "UNHEALTHY",
    "HOST_STOPPED",
]
"""Why an attempt ended, as its host says. SHUTDOWN_SIGNAL is the SDK's `/shutdown`."""
StopReason = Literal["API_REQUEST", "TTL_EXPIRED", "CRASH_LOOP", "HOST_LOST", "POOL_DRAINED", "LOBBY_CLOSED"]
"""Why a server is stopped, as the decider says: beside these an ExitReason, or a client's own words."""


class Stored(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Base: fields that have their defaults are left out."""


class PortConfig(Stored, frozen=True, kw_only=True, gc=False):
    """A port that a server listens on."""

    name: str
    internal_port: int
    protocol: Protocol
    tls_enabled: bool = False
    proxy_protocol: bool = False
    """The relay that ends TLS says first who the player is."""


class Port(PortConfig, frozen=True, kw_only=True, gc=False):
    """The same with where players reach it."""

    external_port: int
    host: str


class SealedVariable(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An environment variable whose value is sealed."""

    name: str
    sealed: str


class ImageConfig(Stored, frozen=True, kw_only=True, gc=False):
    """What of an image's configuration holds, where no executable was named."""

    entrypoint: list[str] = []
    cmd: list[str] = []
    env: list[str] = []
    """`NAME=value`."""
    workdir: str = ""


class Artefact(Stored, frozen=True, kw_only=True, gc=False):
    """What processing made: a .tar.zst in the object store, by its hash."""

    sha256: str
    """Of the .tar.zst, in hex. Equal content, equal hash."""
    size_bytes: int
    unpacked_bytes: int
    files: int
    executable_path: str = ""
    """In the artefact, relative to its root; empty where the image's entrypoint holds."""
    image: ImageConfig | None = None
    """Of images: their root filesystem is in the artefact."""
    image_digest: str | None = None
    """`sha256:…`, as it was resolved, once."""
    generation: int = 0
    """The attempt's that stored it: another generation's is another object, whatever it holds."""


class Build(Stored, frozen=True, kw_only=True, gc=False):
    """One version of a build."""

    id: str
    studio_id: str
    game_id: str
    name: str
    version: int
    status: BuildStatus
    build_type: BuildType
    created_at_ms: int
    updated_at_ms: int
    executable_path: str | None = None
    """As asked for; of an upload never None."""
    image_url: str | None = None
    credentials_key: str | None = None
    """The object with the sealed registry credentials."""
    upload_bytes: int | None = None
    processes_itself: bool = False
    """Its upload is processed once it is there, without a call."""
    artefact: Artefact | None = None
    """Once it is ready."""
    generation: int = 0
    """How often the project's artefacts had gone when the attempt was given."""
    removed: bool = False
    """Its artefact has gone: its object is not used any more, and never again."""
    error: str | None = None
    attempt: int = 0
    """Of processing, from 1, over its whole life: one that is tried anew goes on counting."""
    first_attempt: int = 1
    """The first one since it was last asked for: three in all."""
    host_id: str | None = None
    """Who processes it; None while no host can, and once it has ended."""
    due_at_ms: int | None = None
    """When the timer asks BuildDue."""


class Server(Stored, frozen=True, kw_only=True, gc=False):
    """A server as it is after an event. What its process gets beside this is in LaunchSpec."""

    instance_id: str
    studio_id: str
    game_id: str
    name: str
    phase: Phase
    region: Region
    compute_size: ComputeSize
    version_tag: str
    version: int
    build_id: str
    created_at_ms: int
    updated_at_ms: int
    ports: list[Port] = []
    """Empty until it is placed."""
    startup_args: str | None = None
    auto_restart: bool = False
    custom_data: str | None = None
    """A JSON object."""
    ttl_s: int | None = None
    expires_at_ms: int | None = None
    is_pool_server: bool = False
    pool_claimed_at_ms: int | None = None
    match_id: str | None = None
    attempt: int = 0
    """From 1; 0 where it was never placed. `restarts` is one less."""
    host_id: str | None = None
    """Where its attempt is, or the last one was."""
    isolation: Isolation | None = None
    process_started_at_ms: int | None = None
    """When this attempt's process began."""
    ready_at_ms: int | None = None
    """When this attempt was ready: `started_at`."""
    restarting: bool = False
    """In `starting`: the old attempt must be gone first."""
    stopped_at_ms: int | None = None
    stop_reason: str | None = None
    exit_code: int | None = None
    """Of the last attempt that ended; a signal n is 128 + n."""
    backoff_until_ms: int | None = None
    due_at_ms: int | None = None
    """When the timer asks ServerDue: the earlier of the backoff's end and the ttl's."""


class Image(Stored, frozen=True, kw_only=True, gc=False):
    """The build of a launch: what to unpack and what to run in it."""

    build_id: str
    build_type: BuildType
    artefact: Artefact


class LaunchSpec(Stored, frozen=True, kw_only=True, gc=False):
    """Everything that a host needs to run one attempt of a server."""

    studio_id: str
    game_id: str
    instance_id: str
    attempt: int
    name: str
    build: Image
    version_tag: str
    version: int
    region: Region
    compute_size: ComputeSize
    cpu_millis: int
    memory_mb: int
    cores: list[int] = []
    """Numbers of the cores of its own, from 0; empty where it shares the others."""
    ports: list[Port] = []
    startup_args: str | None = None
    """`schemas.fleet.arguments.words` splits them and puts the variables in."""
    variables: list[SealedVariable] = []
    """The project's and over them the request's: each name once."""
    readiness: Readiness = "ports"
    startup_timeout_s: int = STARTUP_TIMEOUT_S
    stop_grace_s: int = STOP_GRACE_S
    match_id: str | None = None
    custom_data: str | None = None
    ttl_s: int | None = None
    expires_at_ms: int | None = None
    auto_restart: bool = False
    is_pool_server: bool = False
    pool_claimed_at_ms: int | None = None
    created_at_ms: int = 0
    placed_at_ms: int = 0


class PoolConfig(Stored, frozen=True, kw_only=True, gc=False):
    """How many servers are kept ready."""

    enabled: bool = False
    regions: dict[Region, dict[ComputeSize, int]] = {}
    version_tag: str | None = None


DEFAULT_PORT: Final = PortConfig(name="game", internal_port=7777, protocol="udp")


class PlanLimits(Stored, frozen=True, kw_only=True, gc=False):
    """What a project's plan allows, as the gateway resolved it."""

    active_servers: int
    builds: int
    sizes: list[ComputeSize] | None = None
    """None: all."""
    ttl_max_s: int | None = None
    """None: as the reference, and none by default."""
    ttl_default_s: int | None = None


class Settings(Stored, frozen=True, kw_only=True, gc=False):
    """A project's settings. `auth_config` and `lobby_configs` are JSON text, kept and without effect."""

    port_configs: list[PortConfig] = msgspec.field(default_factory=lambda: [DEFAULT_PORT])
    variables: list[SealedVariable] = []
    pool: PoolConfig = PoolConfig()
    auth_config: str | None = None
    lobby_configs: str | None = None
    readiness: Readiness = "ports"
    startup_timeout_s: int = STARTUP_TIMEOUT_S
    stop_grace_s: int = STOP_GRACE_S
    updated_at_ms: int | None = None
    declared: str | None = None
    """The last declaration of a game's definition that was taken."""
