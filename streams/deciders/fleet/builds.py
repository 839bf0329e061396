"""Builds from their version to their end: who processes them, and what came of it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet import names
from schemas.fleet.host_commands import BuildReport
from schemas.fleet.limits import (
    BUILD_ATTEMPTS_MAX,
    BUILD_ERROR_CHARACTERS_MAX,
    BUILD_KEPT_MS,
    BUILD_SILENT_MS,
)
from schemas.fleet.views import Build
from streams.deciders.fleet import artefacts
from streams.deciders.fleet.draft import Draft
from streams.deciders.fleet.placement import is_fresh
from streams.deciders.fleet.pools import look_at_pools
from streams.deciders.fleet.refusals import conflict, invalid, not_found, quota
from streams.deciders.fleet.state import FleetState, project_key
from streams.deciders.noun import Request, Verdict

SILENT = "Processing ended without a word, three times in a row"


def create(state: FleetState, request: Request, command: ask.CreateBuild) -> Verdict:
    """A version for what is to come; an image is processed at once."""
    draft = Draft(state, request)
    project, limits = draft.project, command.limits
    if project.kept_builds >= limits.builds:
        return quota("builds", f"The plan allows {limits.builds} builds; delete one first")
    build = Build(
        id=names.build_id(request.command_id),
        studio_id=request.studio_id,
        game_id=request.game_id,
        name=command.name,
        version=project.versions.get(command.name, 0) + 1,
        status="uploading",
        build_type=command.build_type,
        created_at_ms=draft.at_ms,
        updated_at_ms=draft.at_ms,
        executable_path=command.executable_path,
        image_url=command.image_url,
        credentials_key=command.credentials_key,
        processes_itself=command.processes_itself is True,
    )
    draft.emit(ev.BuildCreated(build=build))
    if command.build_type == "docker_image":
        _begin(draft, build)
    return draft.decided()


def process(state: FleetState, request: Request, command: ask.ProcessBuild) -> Verdict:
    """Process what was uploaded, or try a failed one anew."""
    draft = Draft(state, request)
    known = draft.project.builds.get(command.build_id)
    if known is None:
        return not_found("Build")
    build = known.build
    if command.name not in {None, build.name}:
        return invalid("name", f"The build's name is {build.name}")
    if build.status == "processing":
        return ()
    if build.status in {"ready", "deleted"}:
        return conflict("wrong_status")
    if build.build_type == "zip" and command.upload_bytes is None:
        return conflict("nothing_uploaded")
    _begin(draft, replace(build, upload_bytes=command.upload_bytes))
    return draft.decided()


def delete(state: FleetState, request: Request, command: ask.DeleteBuild) -> Verdict:
    """No new servers of it; its pool servers give way."""
    draft = Draft(state, request)
    known = draft.project.builds.get(command.build_id)
    if known is None:
        return not_found("Build")
    if known.build.status == "deleted":
        return ()
    due_at_ms = draft.at_ms + BUILD_KEPT_MS if known.build.artefact is not None else None
    deleted = _changed(draft, known.build, status="deleted", due_at_ms=due_at_ms)
    draft.emit(ev.BuildDeleted(build=deleted))
    draft.pools.add(draft.key)
    return look_at_pools(draft)


def build_due(state: FleetState, request: Request, command: ask.BuildDue) -> Verdict:
    """An attempt of which nothing was heard is given to another host; unused bytes go."""
    draft = Draft(state, request)
    known = draft.project.builds.get(command.build_id)
    if known is None or known.build.status not in {"processing", "deleted"}:
        return ()
    if known.build.status == "deleted":
        artefacts.look_at(draft, known.build)
    elif known.build.host_id is None:
        give_waiting(draft)
    elif draft.at_ms >= known.heard_at_ms + BUILD_SILENT_MS:
        try_again(draft, known.build)
    return draft.decided()


def ended(draft: Draft, host_id: str, told: BuildReport) -> None:
    """What came of an attempt. What is not of the current one here changes nothing."""
    key = draft.state.hosts[host_id].processing.get(told.build_id)
    known = draft.project_of(key).builds.get(told.build_id) if key is not None else None
    if key is None or known is None or known.build.attempt != told.attempt:
        return
    if told.artefact is not None and artefacts.is_gone(draft, key, told.artefact):
        try_again(draft, known.build)
    elif told.artefact is not None:
        ready = _changed(draft, known.build, status="ready", artefact=told.artefact, error=None)
        draft.emit(ev.BuildReady(build=ready))
        draft.pools.add(key)
    else:
        _fail(draft, known.build, told.error or "Processing failed")


def try_again(draft: Draft, build: Build) -> None:
    """Give an attempt that was lost to another host, three times in all."""
    if build.attempt - build.first_attempt + 1 >= BUILD_ATTEMPTS_MAX:
        _fail(draft, build, SILENT)
    else:
        _give(draft, build)


def give_waiting(draft: Draft) -> None:
    """Give builds that wait to hosts that can process them now."""
    for build_id, key in sorted(draft.state.waiting_builds.items()):
        build = draft.project_of(key).builds[build_id].build
        if _host_for(draft, build) is None:
            return
        _give(draft, build)


def _begin(draft: Draft, build: Build) -> None:
    _give(draft, replace(build, first_attempt=build.attempt + 1, error=None))


def _give(draft: Draft, build: Build) -> None:
    """The next attempt; without a host it waits for one."""
    host_id = _host_for(draft, build)
    if host_id is None:
        given = _changed(draft, build, status="processing")
    else:
        given = _changed(
            draft,
            build,
            status="processing",
            attempt=build.attempt + 1,
            generation=draft.project_of(project_key(build.studio_id, build.game_id)).generation,
            host_id=host_id,
            due_at_ms=draft.at_ms + BUILD_SILENT_MS,
        )
    draft.emit(ev.BuildProcessing(build=given))


def _host_for(draft: Draft, build: Build) -> str | None:
    """The host that is at the fewest builds, rather another than last time."""
    fresh = [
        known
        for known in draft.state.hosts.values()
        if known.host.capacity.runs_builds and is_fresh(known, draft.at_ms)
    ]
    best = min(
        fresh,
        key=lambda known: (known.host.id == build.host_id, len(known.processing), known.host.id),
        default=None,
    )
    return best.host.id if best is not None else None


def _fail(draft: Draft, build: Build, error: str) -> None:
    failed = _changed(draft, build, status="failed", error=error[:BUILD_ERROR_CHARACTERS_MAX])
    draft.emit(ev.BuildFailed(build=failed))


def _changed(draft: Draft, build: Build, **fields: Any) -> Build:
    """A build as it is from now on: no host's attempt, unless that is given."""
    fresh: dict[str, Any] = {"host_id": None, "due_at_ms": None, "updated_at_ms": draft.at_ms}
    return replace(build, **(fresh | fields))
