"""How an attempt begins: its build, its launch spec, its place, or a turn in the queue."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schemas.fleet import events as ev
from schemas.fleet.sizes import SIZES
from schemas.fleet.states import LIVE
from schemas.fleet.views import Artefact, Build, Image, LaunchSpec, Port, PortConfig, SealedVariable, Server
from streams.deciders.fleet.draft import Draft
from streams.deciders.fleet.evolve_servers import spec_bytes
from streams.deciders.fleet.placement import Place, Wanted, place
from streams.deciders.fleet.state import Project, ServerState, project_key

_QUEUE_TRIES: int = 256
"""Queued servers that one decision tries to place; the rest waits for the next."""


def build_of(project: Project, tag: str | None, version: int | None) -> Build | None:
    """The ready build that a start means: a name's highest version, or the newest one of any name."""
    if tag is None and version is None:
        ready = [project.builds[each] for one in project.ready.values() for each in one.values()]
        return max(ready, key=lambda known: known.number).build if ready else None
    versions = project.ready.get("default" if tag is None else tag)
    if not versions:
        return None
    build_id = versions.get(version if version is not None else max(versions))
    return project.builds[build_id].build if build_id is not None else None


def due_at_ms(server: Server) -> int | None:
    """When something happens to a server by itself."""
    times = [server.backoff_until_ms if server.phase == "backoff" else None]
    times.append(server.expires_at_ms if server.phase in LIVE else None)
    return min((time for time in times if time is not None), default=None)


def changed(server: Server, at_ms: int, **fields: Any) -> Server:
    """A server as it is from now on."""
    server = replace(server, updated_at_ms=at_ms, **fields)
    return replace(server, due_at_ms=due_at_ms(server))


def waits(server: Server, at_ms: int, **fields: Any) -> Server:
    """A server whose next attempt is still to be placed: it has no host and no address."""
    fresh: dict[str, Any] = {
        "phase": "queued",
        "ports": [],
        "host_id": None,
        "isolation": None,
        "process_started_at_ms": None,
        "ready_at_ms": None,
        "restarting": False,
        "backoff_until_ms": None,
    }
    return changed(server, at_ms, **(fresh | fields))


def attempt(
    draft: Draft,
    server: Server,
    own_variables: tuple[SealedVariable, ...],
    own_ports: tuple[PortConfig, ...] | None,
) -> bool:
    """Place a server's next attempt, where there is room; whether there was."""
    project = draft.project_of(project_key(server.studio_id, server.game_id))
    settings = project.settings
    variables = {one.name: one for one in (*settings.variables, *own_variables)}
    configs = settings.port_configs if own_ports is None else list(own_ports)
    size = SIZES[server.compute_size]
    build = project.builds[server.build_id].build
    spec = LaunchSpec(
        studio_id=server.studio_id,
        game_id=server.game_id,
        instance_id=server.instance_id,
        attempt=server.attempt + 1,
        name=server.name,
        build=Image(build_id=build.id, build_type=build.build_type, artefact=_artefact(build)),
        version_tag=server.version_tag,
        version=server.version,
        region=server.region,
        compute_size=server.compute_size,
        cpu_millis=size.cpu_millis,
        memory_mb=size.memory_mb,
        startup_args=server.startup_args,
        variables=list(variables.values()),
        readiness=settings.readiness,
        startup_timeout_s=settings.startup_timeout_s,
        stop_grace_s=settings.stop_grace_s,
        match_id=server.match_id,
        custom_data=server.custom_data,
        ttl_s=server.ttl_s,
        expires_at_ms=server.expires_at_ms,
        auto_restart=server.auto_restart,
        is_pool_server=server.is_pool_server,
        pool_claimed_at_ms=server.pool_claimed_at_ms,
        created_at_ms=server.created_at_ms,
        placed_at_ms=draft.at_ms,
    )
    wanted = Wanted(
        server.region,
        size,
        spec.build.artefact.sha256,
        len(configs),
        sum(config.tls_enabled for config in configs),
        spec_bytes(spec),
        any(config.proxy_protocol for config in configs),
    )
    found = _place(draft, wanted)
    if found is None:
        return False
    ports = _ports(configs, found)
    spec = replace(spec, ports=ports, cores=list(found.cores))
    draft.count(spec)
    placed = waits(
        server, draft.at_ms, phase="starting", ports=ports, attempt=spec.attempt, host_id=found.host.host.id
    )
    draft.emit(
        ev.ServerPlaced(
            server=placed,
            spec=spec,
            own_variables=list(own_variables),
            own_ports=list(own_ports) if own_ports is not None else None,
        )
    )
    return True


def _place(draft: Draft, wanted: Wanted) -> Place | None:
    kind = (
        *(wanted.region, wanted.size, wanted.ports, wanted.tls_ports, wanted.spec_bytes),
        wanted.proxy_protocol,
    )
    if kind in draft.full:
        return None
    found = place(draft.state, wanted, draft.at_ms)
    if found is None:
        draft.full.add(kind)
    return found


def _artefact(build: Build) -> Artefact:
    if build.artefact is None:
        raise ValueError(f"{build.id} was never ready")
    return build.artefact


def _ports(configs: list[PortConfig], found: Place) -> list[Port]:
    address = found.host.host.capacity.address
    return [
        Port(
            name=config.name,
            internal_port=config.internal_port,
            protocol=config.protocol,
            tls_enabled=config.tls_enabled,
            proxy_protocol=config.proxy_protocol,
            external_port=external,
            host=address,
        )
        for config, external in zip(configs, found.ports, strict=True)
    ]


def again(draft: Draft, known: ServerState) -> bool:
    """Place a server that waits; whether there was room."""
    return attempt(draft, known.server, known.own_variables, known.own_ports)


def place_queued(draft: Draft) -> None:
    """Place what is queued and finds room now, in its turn; what needs more than there is lets others by."""
    waiting = draft.state.queued
    turns = sorted(waiting, key=waiting.__getitem__) if len(waiting) > 1 else list(waiting)
    for instance_id in turns[:_QUEUE_TRIES]:
        if not draft.takes_more():
            break
        again(draft, draft.state.servers[instance_id])
