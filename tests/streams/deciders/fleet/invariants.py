"""What must hold of a fleet's state after every event, read from the state alone."""

from __future__ import annotations

from collections import Counter

from schemas.fleet.limits import POOL_SERVERS_MAX
from schemas.fleet.relays import relay_memory_mib
from schemas.fleet.sizes import SIZES
from schemas.fleet.states import LIVE
from streams.deciders.fleet.state import FleetState, HostState, entry_key, is_idle, project_key


def check(state: FleetState) -> None:
    """No room is promised twice, nothing leaks, and what is counted is what there is."""
    for host in state.hosts.values():
        check_host(state, host)
    for instance_id in state.servers:
        check_server(state, instance_id)
    active = Counter(
        project_key(known.server.studio_id, known.server.game_id)
        for known in state.servers.values()
        if known.server.phase in LIVE
    )
    for key, project in state.projects.items():
        assert project.active == active[key]
        check_builds(state, key)
        check_pool(state, key)
    queued = {each for each, known in state.servers.items() if known.server.phase == "queued"}
    assert set(state.queued) == queued
    assert len(set(state.queued.values())) == len(queued)
    assert set(state.stopped_order.values()) == set(state.stopped)
    assert not set(state.stopped) & set(state.servers)


def check_host(state: FleetState, known: HostState) -> None:
    capacity = known.host.capacity
    held = {
        each: room
        for each, server in state.servers.items()
        if (room := server.room) is not None and room.host_id == known.host.id
    }
    assert set(known.servers) == set(held)
    assert known.memory_mb == sum(room.memory_mb for room in held.values())
    assert known.cpu_millis == sum(room.cpu_millis for room in held.values())
    assert known.spec_bytes == sum(room.spec_bytes for room in held.values())
    assert known.cpu_millis <= capacity.cpu_millis
    assert capacity.overcommit or known.memory_mb <= capacity.memory_mb
    ports = [port for room in held.values() for port in room.ports]
    assert len(ports) == len(set(ports))
    assert dict(known.used_ports) == {port: each for each, room in held.items() for port in room.ports}
    assert all(capacity.first_port <= port <= capacity.last_port for port in ports)
    assert not set(known.used_ports) & set(known.resting_ports)
    cores = [core for room in held.values() for core in room.cores]
    assert len(cores) == len(set(cores))
    assert dict(known.used_cores) == {core: each for each, room in held.items() for core in room.cores}
    for build_id, key in known.processing.items():
        build = state.projects[key].builds[build_id].build
        assert (build.status, build.host_id) == ("processing", known.host.id)


def check_server(state: FleetState, instance_id: str) -> None:
    """A server is somebody's, and has a host while an attempt of it may be there."""
    known = state.servers[instance_id]
    server, room = known.server, known.room
    assert project_key(server.studio_id, server.game_id) in state.projects
    assert server.phase != "stopped"
    assert (room is not None) == (server.phase in {"starting", "running", "stopping"})
    assert (known.spec is not None) == (room is not None)
    if room is not None and known.spec is not None:
        size = SIZES[server.compute_size]
        relay_mb = relay_memory_mib(sum(port.tls_enabled for port in server.ports))
        assert (room.host_id, room.memory_mb) == (server.host_id, size.memory_mb + relay_mb)
        assert known.spec.attempt == server.attempt
        assert [port.external_port for port in server.ports] == list(room.ports)
        assert len(room.cores) == size.cores
    else:
        assert not server.ports or server.phase == "queued"
    assert (server.ready_at_ms is not None) >= (server.phase == "running")
    assert (server.stopped_at_ms is not None) == (server.phase == "stopping")
    assert (server.backoff_until_ms is not None) == (server.phase == "backoff")
    assert not server.restarting or server.phase == "starting"
    assert server.auto_restart or not SIZES[server.compute_size].persistent


def check_builds(state: FleetState, key: str) -> None:
    project = state.projects[key]
    builds = [known.build for known in project.builds.values()]
    assert len({(build.name, build.version) for build in builds}) == len(builds)
    assert project.kept_builds == sum(build.status != "deleted" for build in builds)
    ready = {(build.name, build.version): build.id for build in builds if build.status == "ready"}
    assert ready == {
        (name, version): each
        for name, versions in project.ready.items()
        for version, each in versions.items()
    }
    for build in builds:
        assert build.host_id is None or build.id in state.hosts[build.host_id].processing
        waits = build.status == "processing" and build.host_id is None
        assert waits == (build.id in state.waiting_builds)
        assert build.attempt - build.first_attempt < 3


def check_pool(state: FleetState, key: str) -> None:
    project = state.projects[key]
    idle: dict[str, set[str]] = {}
    for each, known in state.servers.items():
        server = known.server
        if project_key(server.studio_id, server.game_id) == key and server.phase in LIVE and is_idle(server):
            idle.setdefault(entry_key(server.region, server.compute_size), set()).add(each)
    assert {name: set(waiting) for name, waiting in project.idle.items()} == idle
    assert sum(map(len, idle.values())) <= POOL_SERVERS_MAX + len(idle)
