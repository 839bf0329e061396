"""How events change builds, and with them what their hosts are at. Pure."""

from __future__ import annotations

from typing import Any, Final

from immutables import Map
from msgspec.structs import replace

from schemas.codec import Message
from schemas.fleet import events as ev
from schemas.fleet.views import Build
from streams.deciders.fleet.evolve_servers import Step, project_of, with_project
from streams.deciders.fleet.state import BuildState, FleetState, project_key


def _created(state: FleetState, event: ev.BuildCreated, _at_ms: int) -> FleetState:
    build = event.build
    project = project_of(state, build.studio_id, build.game_id)
    known = BuildState(build, number=len(project.builds) + 1)
    project = replace(
        project,
        builds=project.builds.set(build.id, known),
        versions=project.versions.set(build.name, build.version),
        kept_builds=project.kept_builds + 1,
    )
    return with_project(state, project)


def _set(state: FleetState, build: Build, **changes: Any) -> FleetState:
    """The state with a build as the event says it is now."""
    key = project_key(build.studio_id, build.game_id)
    project = state.projects[key]
    known = project.builds[build.id]
    state = _given(state, known.build.host_id, build, key)
    after = replace(known, build=build, sequence=known.sequence + 1, **changes)
    return with_project(state, replace(project, builds=project.builds.set(build.id, after)))


def _given(state: FleetState, before: str | None, build: Build, key: str) -> FleetState:
    """Hosts know what they process, and the partition what waits for one."""
    hosts, waiting = state.hosts, state.waiting_builds
    if before is not None and before != build.host_id:
        host = hosts[before]
        hosts = hosts.set(before, replace(host, processing=host.processing.delete(build.id)))
    if build.host_id is not None and build.host_id != before:
        host = hosts[build.host_id]
        hosts = hosts.set(build.host_id, replace(host, processing=host.processing.set(build.id, key)))
    waits = build.status == "processing" and build.host_id is None
    if waits:
        waiting = waiting.set(build.id, key)
    elif build.id in waiting:
        waiting = waiting.delete(build.id)
    return replace(state, hosts=hosts, waiting_builds=waiting)


def _processing(state: FleetState, event: ev.BuildProcessing, at_ms: int) -> FleetState:
    return _set(state, event.build, heard_at_ms=at_ms)


def _ready(state: FleetState, event: ev.BuildReady, _at_ms: int) -> FleetState:
    build = event.build
    state = _set(state, build)
    project = project_of(state, build.studio_id, build.game_id)
    versions: Map[int, str] = project.ready.get(build.name, Map())
    ready = project.ready.set(build.name, versions.set(build.version, build.id))
    return with_project(state, replace(project, ready=ready))


def _failed(state: FleetState, event: ev.BuildFailed, _at_ms: int) -> FleetState:
    return _set(state, event.build)


def _kept(state: FleetState, event: ev.BuildKept, _at_ms: int) -> FleetState:
    return _set(state, event.build)


def _removed(state: FleetState, event: ev.BuildRemoved, _at_ms: int) -> FleetState:
    build = event.build
    state = _set(state, build)
    project = project_of(state, build.studio_id, build.game_id)
    return with_project(state, replace(project, generation=project.generation + 1))


def _deleted(state: FleetState, event: ev.BuildDeleted, at_ms: int) -> FleetState:
    build = event.build
    state = _set(state, build, used_until_ms=at_ms)
    project = project_of(state, build.studio_id, build.game_id)
    versions = project.ready.get(build.name, Map())
    ready = project.ready
    if build.version in versions:
        versions = versions.delete(build.version)
        ready = ready.set(build.name, versions) if versions else ready.delete(build.name)
    return with_project(state, replace(project, ready=ready, kept_builds=project.kept_builds - 1))


BUILD_STEPS: Final[dict[type[Message], Step]] = {
    ev.BuildCreated: _created,
    ev.BuildProcessing: _processing,
    ev.BuildReady: _ready,
    ev.BuildFailed: _failed,
    ev.BuildDeleted: _deleted,
    ev.BuildKept: _kept,
    ev.BuildRemoved: _removed,
}
