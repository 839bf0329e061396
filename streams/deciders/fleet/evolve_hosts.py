"""How events change hosts. Pure."""

from __future__ import annotations

from typing import Final

from immutables import Map
from msgspec.structs import replace

from schemas.codec import Message
from schemas.fleet import events as ev
from streams.deciders.fleet.evolve_servers import Step
from streams.deciders.fleet.state import FleetState, HostState


def _set(state: FleetState, host: HostState) -> FleetState:
    return replace(state, hosts=state.hosts.set(host.host.id, host))


def _joined(state: FleetState, event: ev.HostJoined, _at_ms: int) -> FleetState:
    known = state.hosts.get(event.host.id)
    builds = Map(dict.fromkeys(event.builds, True))
    if known is None:
        first_port = event.host.capacity.first_port
        return _set(state, HostState(event.host, next_port=first_port, builds=builds))
    return _set(
        state,
        replace(known, host=event.host, sequence=known.sequence + 1, draining=False, builds=builds),
    )


def _seen(state: FleetState, event: ev.HostSeen, at_ms: int) -> FleetState:
    known = state.hosts[event.host.id]
    builds = known.builds if event.builds is None else Map(dict.fromkeys(event.builds, True))
    state = _set(state, replace(known, host=event.host, sequence=known.sequence + 1, builds=builds))
    projects = state.projects
    for named in event.processing:
        key = known.processing[named.id]
        project = projects[key]
        build = replace(project.builds[named.id], build=named, heard_at_ms=at_ms)
        projects = projects.set(key, replace(project, builds=project.builds.set(named.id, build)))
    return replace(state, projects=projects)


def _stepped(state: FleetState, event: ev.HostEvent, _at_ms: int) -> FleetState:
    known = state.hosts[event.host.id]
    draining = known.draining or isinstance(event, ev.HostDraining)
    return _set(state, replace(known, host=event.host, sequence=known.sequence + 1, draining=draining))


HOST_STEPS: Final[dict[type[Message], Step]] = {
    ev.HostJoined: _joined,
    ev.HostSeen: _seen,
    ev.HostSuspected: _stepped,
    ev.HostLost: _stepped,
    ev.HostDraining: _stepped,
}
