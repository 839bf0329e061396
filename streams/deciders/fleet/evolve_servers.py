"""How events change servers, and with them hosts' room, pools and the queue. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from schemas.codec import Message
from schemas.fleet import events as ev
from schemas.fleet.limits import CPU_RESERVED_SHARE
from schemas.fleet.relays import relay_memory_mib
from schemas.fleet.states import LIVE
from schemas.fleet.views import LaunchSpec, Server
from streams.deciders.fleet.state import (
    STOPPED_KEPT_MS,
    FleetState,
    HostState,
    Project,
    Room,
    ServerState,
    StoppedServer,
    entry_key,
    is_idle,
    project_key,
)

Step = Callable[[FleetState, Any, int], FleetState]
_SPEC_BYTES: Final = 1024
"""Of a spec's other fields, about."""
_FORGOTTEN_AT_ONCE: Final = 2
"""Each server that stops lets go as many old ones: the list shrinks, and no event costs much."""


def spec_bytes(spec: LaunchSpec) -> int:
    """About how long a spec is when it is stored."""
    texts = len(spec.startup_args or "") + len(spec.custom_data or "")
    return _SPEC_BYTES + texts + sum(len(variable.sealed) for variable in spec.variables)


def reserved_millis(spec: LaunchSpec) -> int:
    """CPU that no other server is promised: cores of its own, or a quarter of what it may use."""
    return spec.cpu_millis if spec.cores else spec.cpu_millis // CPU_RESERVED_SHARE


def project_of(state: FleetState, studio_id: str, game_id: str) -> Project:
    """A project, new where nothing is known of it."""
    known = state.projects.get(project_key(studio_id, game_id))
    return known if known is not None else Project(studio_id, game_id)


def with_project(state: FleetState, project: Project) -> FleetState:
    """The state with a project as it is now."""
    key = project_key(project.studio_id, project.game_id)
    return replace(state, projects=state.projects.set(key, project))


def _placed(state: FleetState, event: ev.ServerPlaced, _at_ms: int) -> FleetState:
    spec = event.spec
    host = state.hosts[event.server.host_id or ""]
    room = Room(
        host.host.id,
        spec.memory_mb + relay_memory_mib(sum(port.tls_enabled for port in spec.ports)),
        reserved_millis(spec),
        spec_bytes(spec),
        tuple(port.external_port for port in spec.ports),
        tuple(spec.cores),
    )
    state = replace(state, hosts=state.hosts.set(host.host.id, _taken(host, spec.instance_id, room)))
    return _set(
        state,
        event.server,
        room=room,
        spec=spec,
        own_variables=tuple(event.own_variables),
        own_ports=tuple(event.own_ports) if event.own_ports is not None else None,
    )


def _taken(host: HostState, instance_id: str, room: Room) -> HostState:
    used, resting, cores = host.used_ports, host.resting_ports, host.used_cores
    for port in room.ports:
        used = used.set(port, instance_id)
        if port in resting:
            resting = resting.delete(port)
    for core in room.cores:
        cores = cores.set(core, instance_id)
    return replace(
        host,
        next_port=room.ports[-1] + 1 if room.ports else host.next_port,
        used_ports=used,
        resting_ports=resting,
        used_cores=cores,
        servers=host.servers.set(instance_id, True),  # noqa: FBT003 - a set's member
        memory_mb=host.memory_mb + room.memory_mb,
        cpu_millis=host.cpu_millis + room.cpu_millis,
        spec_bytes=host.spec_bytes + room.spec_bytes,
    )


def _freed(state: FleetState, instance_id: str, at_ms: int) -> FleetState:
    """The state once an attempt's end is confirmed."""
    known = state.servers[instance_id]
    room = known.room
    if room is None:
        return state
    host = state.hosts[room.host_id]
    used, resting, cores = host.used_ports, host.resting_ports, host.used_cores
    for port in room.ports:
        used = used.delete(port)
        resting = resting.set(port, at_ms)
    for core in room.cores:
        cores = cores.delete(core)
    host = replace(
        host,
        used_ports=used,
        resting_ports=resting,
        used_cores=cores,
        servers=host.servers.delete(instance_id),
        memory_mb=host.memory_mb - room.memory_mb,
        cpu_millis=host.cpu_millis - room.cpu_millis,
        spec_bytes=host.spec_bytes - room.spec_bytes,
    )
    return replace(
        state,
        hosts=state.hosts.set(room.host_id, host),
        servers=state.servers.set(instance_id, replace(known, room=None, spec=None)),
    )


def _set(state: FleetState, server: Server, **changes: Any) -> FleetState:
    """The state with a server as the event says it is now, and all that is counted by its phase."""
    known = state.servers.get(server.instance_id)
    if known is None:
        after = ServerState(server, **changes)
    else:
        after = replace(known, server=server, sequence=known.sequence + 1, **changes)
    state = _counted(state, known.server if known is not None else None, server)
    return replace(state, servers=state.servers.set(server.instance_id, after))


def _counted(state: FleetState, before: Server | None, after: Server) -> FleetState:
    state = _queued(state, after)
    was_live = before is not None and before.phase in LIVE
    is_live = after.phase in LIVE
    was_idle = was_live and before is not None and is_idle(before)
    now_idle = is_live and is_idle(after)
    if was_live == is_live and was_idle == now_idle:
        return state
    project = project_of(state, after.studio_id, after.game_id)
    entry = entry_key(after.region, after.compute_size)
    waiting = project.idle.get(entry, ())
    if now_idle and not was_idle:
        waiting = (*waiting, after.instance_id)
    elif was_idle and not now_idle:
        waiting = tuple(each for each in waiting if each != after.instance_id)
    idle = project.idle.set(entry, waiting) if waiting else project.idle
    if not waiting and entry in idle:
        idle = idle.delete(entry)
    return with_project(state, replace(project, active=project.active + is_live - was_live, idle=idle))


def _queued(state: FleetState, server: Server) -> FleetState:
    waits, waited = server.phase == "queued", server.instance_id in state.queued
    if waits and not waited:
        queued = state.queued.set(server.instance_id, state.next_turn)
        return replace(state, queued=queued, next_turn=state.next_turn + 1)
    if waited and not waits:
        return replace(state, queued=state.queued.delete(server.instance_id))
    return state


def _stepped(state: FleetState, event: ev.ServerEvent, _at_ms: int) -> FleetState:
    """Events that change a server and nothing of its room."""
    return _set(state, event.server)


def _exited(state: FleetState, event: ev.ServerExited, at_ms: int) -> FleetState:
    state = _freed(state, event.server.instance_id, at_ms)
    return _set(state, event.server, failures=event.failures, quick_exits=event.quick_exits)


def _restarting(state: FleetState, event: ev.ServerRestarting, at_ms: int) -> FleetState:
    before = state.servers[event.server.instance_id].server
    if before.build_id != event.server.build_id:
        state = _left_build(state, before, at_ms)
    return _set(
        state,
        event.server,
        own_variables=tuple(event.own_variables),
        own_ports=tuple(event.own_ports) if event.own_ports is not None else None,
        failures=0,
        quick_exits=0,
    )


def _left_build(state: FleetState, server: Server, at_ms: int) -> FleetState:
    project = project_of(state, server.studio_id, server.game_id)
    known = project.builds.get(server.build_id)
    if known is None:
        return state
    known = replace(known, used_until_ms=at_ms)
    return with_project(state, replace(project, builds=project.builds.set(server.build_id, known)))


def _stopped(state: FleetState, event: ev.ServerStopped, at_ms: int) -> FleetState:
    server = event.server
    state = _left_build(state, server, at_ms)
    state = _freed(state, server.instance_id, at_ms)
    known = state.servers[server.instance_id]
    state = _counted(state, known.server, server)
    gone = StoppedServer(project_key(server.studio_id, server.game_id), known.sequence + 1, at_ms)
    state = replace(
        state,
        servers=state.servers.delete(server.instance_id),
        stopped=state.stopped.set(server.instance_id, gone),
        stopped_order=state.stopped_order.set(state.next_stopped, server.instance_id),
        next_stopped=state.next_stopped + 1,
    )
    for _ in range(_FORGOTTEN_AT_ONCE):
        oldest = state.stopped_order[state.first_stopped]
        if state.stopped[oldest].at_ms > at_ms - STOPPED_KEPT_MS:
            break
        state = replace(
            state,
            stopped=state.stopped.delete(oldest),
            stopped_order=state.stopped_order.delete(state.first_stopped),
            first_stopped=state.first_stopped + 1,
        )
    return state


SERVER_STEPS: Final[dict[type[Message], Step]] = {
    ev.ServerPlaced: _placed,
    ev.ServerQueued: _stepped,
    ev.ServerClaimed: _stepped,
    ev.ServerStarted: _stepped,
    ev.ServerReady: _stepped,
    ev.ServerExited: _exited,
    ev.ServerStopping: _stepped,
    ev.ServerStopped: _stopped,
    ev.ServerRestarting: _restarting,
    ev.ServerUpdated: _stepped,
}
