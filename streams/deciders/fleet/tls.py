"""Whether TLS can be ended on the ports that are asked for: as hosts said when they last joined. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.envelope import CommandRejected
from schemas.fleet.views import PortConfig
from streams.deciders.fleet.refusals import invalid
from streams.deciders.fleet.state import FleetState


def tls_refused(
    state: FleetState, configs: Iterable[PortConfig], region: str | None = None
) -> CommandRejected | None:
    """422 where a port asks for TLS and no host, of the region if one is given, has a certificate for it.

    A host that is silent or lost counts as well: it may come back, and until then there is no room (503).
    """
    asking = next((config for config in configs if config.tls_enabled), None)
    if asking is None:
        return None
    capacities = (known.host.capacity for known in state.hosts.values())
    if any(has.tls and (region is None or region in has.regions) for has in capacities):
        return None
    where = "of this deployment" if region is None else f"in {region}"
    message = f"the port {asking.name} has tls_enabled, but no host {where} has a certificate to end TLS with"
    return invalid("port_configs", message)
