"""The `hosting` section of a game's definition: what its plan allows otherwise, and settings of its servers.

Environment variables are not among them: a definition is kept in clear, and their values are sealed.
Source: contract/fleet.md, "Start" and "Settings".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from schemas.fleet import limits
from schemas.fleet.bodies import PortName, PortNumber, Seconds
from schemas.fleet.port_clashes import VARIABLE, clashes, variable_part
from schemas.fleet.sizes import ComputeSize, Region
from schemas.studio.definitions_events import Finding, Name, Section

SERVERS_MAX: Final = 10_000
BUILDS_MAX: Final = 10_000

PoolServers = Annotated[int, Meta(ge=0, le=limits.POOL_SERVERS_MAX)]


class PortSection(Section, frozen=True, kw_only=True):
    """A port that servers listen on."""

    name: PortName
    internal_port: PortNumber
    protocol: Literal["udp", "tcp"]
    tls_enabled: bool | UnsetType = UNSET
    """Of tcp: players speak TLS, with the deployment's certificate. Left out: they don't."""
    proxy_protocol: bool | UnsetType = UNSET
    """With TLS: each connection begins with the player's address, by the PROXY protocol, version 2."""


class PoolSection(Section, frozen=True, kw_only=True):
    """How many servers are kept ready, for each region and size."""

    enabled: bool = True
    regions: dict[Region, dict[ComputeSize, PoolServers]] = {}
    version_tag: Name | None = None


class HostingSettingsSection(Section, frozen=True, kw_only=True):
    """Settings to replace when this section changes; those that are left out stay."""

    port_configs: Annotated[list[PortSection], Meta(max_length=limits.PORTS_MAX)] | None = None
    pool_config: PoolSection | None = None
    readiness: Literal["ports", "sdk"] | None = None
    startup_timeout: (
        Annotated[int, Meta(ge=limits.STARTUP_TIMEOUT_MIN_S, le=limits.STARTUP_TIMEOUT_MAX_S)] | None
    ) = None
    stop_grace: Annotated[int, Meta(ge=0, le=limits.STOP_GRACE_MAX_S)] | None = None


class HostingLimitsSection(Section, frozen=True, kw_only=True):
    """What the project may have; left out: as the studio's plan says.

    Null: all sizes, the longest ttl that there is, none by default.
    """

    active_servers: Annotated[int, Meta(ge=0, le=SERVERS_MAX)] | UnsetType = UNSET
    builds: Annotated[int, Meta(ge=0, le=BUILDS_MAX)] | UnsetType = UNSET
    sizes: list[ComputeSize] | UnsetType | None = UNSET
    ttl_max: Seconds | UnsetType | None = UNSET
    ttl_default: Seconds | UnsetType | None = UNSET


class HostingSection(Section, frozen=True, kw_only=True):
    """A game's `hosting`."""

    limits: HostingLimitsSection = HostingLimitsSection()
    settings: HostingSettingsSection = HostingSettingsSection()


def hosting_problems(hosting: HostingSection) -> Iterator[Finding]:
    """What the shapes alone don't say, with paths below the section. Pure."""
    ports = hosting.settings.port_configs or []
    for clash in clashes(ports):
        path, port = ("settings", "portConfigs", clash.place), ports[clash.place]
        match clash.what:
            case "name":
                yield (*path, "name"), f"{port.name} is given twice"
            case "variable":
                variable = VARIABLE + variable_part(clash.other)
                yield (*path, "name"), f"{port.name} has the variable {variable} of the port {clash.other}"
            case "number":
                yield (*path, "internalPort"), f"{port.internal_port} is another port's with {port.protocol}"
    yield from _relay_problems(ports)
    pool = hosting.settings.pool_config
    if pool is not None:
        count = sum(sum(sizes.values()) for sizes in pool.regions.values())
        if count > limits.POOL_SERVERS_MAX:
            most = limits.POOL_SERVERS_MAX
            yield ("settings", "poolConfig", "regions"), f"{count} servers are more than {most} in all"
    longest, usual = hosting.limits.ttl_max, hosting.limits.ttl_default
    if isinstance(longest, int) and isinstance(usual, int) and usual > longest:
        yield ("limits", "ttlDefault"), f"{usual} is more than ttlMax"


def _relay_problems(ports: Sequence[PortSection]) -> Iterator[Finding]:
    for place, port in enumerate(ports):
        if port.tls_enabled is True and port.protocol != "tcp":
            yield ("settings", "portConfigs", place, "tlsEnabled"), f"{port.name} is no tcp port"
        if port.proxy_protocol is True and port.tls_enabled is not True:
            yield ("settings", "portConfigs", place, "proxyProtocol"), f"{port.name} has no tlsEnabled"
