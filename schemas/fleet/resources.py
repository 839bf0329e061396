"""Servers, builds and settings as S5 shows them, made of what events carry. Pure.

Source: the S5 reference's objects and contract/fleet.md, whose own fields come behind them. A client key sees
less of a server: players have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from schemas.fleet.sizes import ComputeSize, Region
from schemas.fleet.states import STATUSES, Status
from schemas.fleet.views import (
    Build,
    BuildStatus,
    BuildType,
    Isolation,
    Phase,
    PoolConfig,
    PortConfig,
    Protocol,
    Readiness,
    SealedVariable,
    Server,
    Settings,
)
from schemas.timestamps import iso_ms

_NULL: Final = msgspec.Raw(b"null")
Opened = Callable[[SealedVariable], str]
"""An environment variable's value."""


class NetworkPort(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where players reach a port of a server."""

    name: str
    internal_port: int
    external_port: int
    protocol: Protocol
    host: str
    tls_enabled: bool
    proxy_protocol: bool


class ServerResource(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A server. The last four fields, `startup_args` and `stop_reason` are for server keys alone."""

    instance_id: str
    name: str
    status: Status
    region: Region
    compute_size: ComputeSize
    version_tag: str
    version: int
    network_ports: list[NetworkPort]
    startup_args: str | UnsetType | None = UNSET
    service_type: Literal["match_based", "persistent_world"]
    started_at: str | None
    """When this attempt was ready."""
    stopped_at: str | None
    auto_restart: bool
    custom_data: msgspec.Raw
    """A JSON object, or null."""
    ttl: int | None
    is_pool_server: bool
    pool_claimed_at: str | None
    match_id: str | None
    created_at: str
    updated_at: str
    phase: Phase
    restarts: int
    expires_at: str | None
    stop_reason: str | UnsetType | None = UNSET
    exit_code: int | UnsetType | None = UNSET
    machine_id: str | UnsetType | None = UNSET
    isolation: Isolation | UnsetType | None = UNSET


class BuildResource(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One version of a build. What processing made of it is null until it is ready."""

    build_id: str
    name: str
    version: int
    status: BuildStatus
    build_type: BuildType
    executable_path: str | None
    image_url: str | None
    created_at: str
    updated_at: str
    sha256: str | None
    """Of the .tar.zst, as `size_bytes`."""
    size_bytes: int | None
    unpacked_bytes: int | None
    files: int | None
    image_digest: str | None
    error: str | None


class PortSetting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A port that servers listen on."""

    name: str
    internal_port: int
    protocol: Protocol
    tls_enabled: bool
    proxy_protocol: bool


class PoolSetting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many servers are kept ready, for each region and size."""

    enabled: bool
    regions: dict[Region, dict[ComputeSize, int]]
    version_tag: str | None


class SettingsResource(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A project's settings."""

    port_configs: list[PortSetting]
    environment_variables: dict[str, str]
    pool_config: PoolSetting
    auth_config: msgspec.Raw
    lobby_configs: msgspec.Raw
    readiness: Readiness
    startup_timeout: int
    """Seconds, as `stop_grace`."""
    stop_grace: int
    updated_at: str | None
    """Null while they are the defaults."""


def server_resource(server: Server, *, whole: bool) -> ServerResource:
    """A server as a server key sees it where `whole`, else as a client key does."""
    secret: dict[str, Any] = {}
    if whole:
        secret = {
            "startup_args": server.startup_args,
            "stop_reason": server.stop_reason,
            "exit_code": server.exit_code,
            "machine_id": server.host_id,
            "isolation": server.isolation,
        }
    return ServerResource(
        instance_id=server.instance_id,
        name=server.name,
        status=STATUSES[server.phase],
        region=server.region,
        compute_size=server.compute_size,
        version_tag=server.version_tag,
        version=server.version,
        network_ports=[
            NetworkPort(
                name=port.name,
                internal_port=port.internal_port,
                external_port=port.external_port,
                protocol=port.protocol,
                host=port.host,
                tls_enabled=port.tls_enabled,
                proxy_protocol=port.proxy_protocol,
            )
            for port in server.ports
        ],
        service_type="persistent_world" if server.compute_size.startswith("persistent-") else "match_based",
        started_at=_time(server.ready_at_ms),
        stopped_at=_time(server.stopped_at_ms),
        auto_restart=server.auto_restart,
        custom_data=_raw(server.custom_data),
        ttl=server.ttl_s,
        is_pool_server=server.is_pool_server,
        pool_claimed_at=_time(server.pool_claimed_at_ms),
        match_id=server.match_id,
        created_at=iso_ms(server.created_at_ms),
        updated_at=iso_ms(server.updated_at_ms),
        phase=server.phase,
        restarts=max(0, server.attempt - 1),
        expires_at=_time(server.expires_at_ms),
        **secret,
    )


def build_resource(build: Build) -> BuildResource:
    """A build."""
    made = build.artefact
    return BuildResource(
        build_id=build.id,
        name=build.name,
        version=build.version,
        status=build.status,
        build_type=build.build_type,
        executable_path=build.executable_path,
        image_url=build.image_url,
        created_at=iso_ms(build.created_at_ms),
        updated_at=iso_ms(build.updated_at_ms),
        sha256=None if made is None else made.sha256,
        size_bytes=None if made is None else made.size_bytes,
        unpacked_bytes=None if made is None else made.unpacked_bytes,
        files=None if made is None else made.files,
        image_digest=None if made is None else made.image_digest,
        error=build.error,
    )


def settings_resource(settings: Settings, opened: Opened) -> SettingsResource:
    """A project's settings, with the values of its environment variables."""
    pool: PoolConfig = settings.pool
    return SettingsResource(
        port_configs=[_port(port) for port in settings.port_configs],
        environment_variables={one.name: opened(one) for one in settings.variables},
        pool_config=PoolSetting(enabled=pool.enabled, regions=pool.regions, version_tag=pool.version_tag),
        auth_config=_raw(settings.auth_config),
        lobby_configs=_raw(settings.lobby_configs),
        readiness=settings.readiness,
        startup_timeout=settings.startup_timeout_s,
        stop_grace=settings.stop_grace_s,
        updated_at=_time(settings.updated_at_ms),
    )


def _port(port: PortConfig) -> PortSetting:
    return PortSetting(
        name=port.name,
        internal_port=port.internal_port,
        protocol=port.protocol,
        tls_enabled=port.tls_enabled,
        proxy_protocol=port.proxy_protocol,
    )


def _raw(text: str | None) -> msgspec.Raw:
    return _NULL if text is None else msgspec.Raw(text.encode())


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_ms(at_ms)
