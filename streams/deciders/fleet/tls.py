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

    Likewise for the PROXY protocol, which agents of older releases don't speak. A host that is silent or lost
    counts as well: it may come back, and until then there is no room (503).
    """
    asking = [config for config in configs if config.tls_enabled]
    if not asking:
        return None
    capacities = (known.host.capacity for known in state.hosts.values())
    ending = [has for has in capacities if has.tls and (region is None or region in has.regions)]
    where = "of this deployment" if region is None else f"in {region}"
    if not ending:
        message = f"has tls_enabled, but no host {where} has a certificate to end TLS with"
        return invalid("port_configs", f"the port {asking[0].name} {message}")
    proxied = next((config for config in asking if config.proxy_protocol), None)
    if proxied is not None and not any(has.proxy_protocol for has in ending):
        message = f"has proxy_protocol, but no host {where} can say who a player is"
        return invalid("port_configs", f"the port {proxied.name} {message}")
    return None
