"""Pools: so many servers of each entry are kept ready, of the build that a start would get.

An entry's servers are replaced one by one when there is another build: one more is made, and once it is ready
an old one ends. What a plan allows no more ends too, as long as it is idle. Every decision that may have
changed a pool looks at it before it ends; `PoolDue` does so in time, where a pause was in the way.
Source: contract/fleet.md, "Pool".
"""

from __future__ import annotations

from typing import cast

import msgspec

from schemas.codec import Message
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet import names
from schemas.fleet.sizes import ComputeSize, Region
from schemas.fleet.views import Build, Server
from streams.deciders.fleet.draft import Draft
from streams.deciders.fleet.endings import stop
from streams.deciders.fleet.launching import attempt, build_of, place_queued
from streams.deciders.fleet.state import FleetState, Project, ServerState, entry_key
from streams.deciders.noun import Request, Verdict

_DRAINED = "POOL_DRAINED"


class _Entry(msgspec.Struct, frozen=True):
    """What is to be of a region and a size, and the build it is to be of."""

    region: Region
    size: ComputeSize
    count: int
    build: Build | None


def pool_due(state: FleetState, request: Request, _command: ask.PoolDue) -> Verdict:
    """Bring the project's pool to what it should be."""
    draft = Draft(state, request)
    for name, until_ms in sorted(draft.project.paused.items()):
        if until_ms <= draft.at_ms:
            _pause(draft, draft.project, name, None)
    draft.pools.add(draft.key)
    return look_at_pools(draft)


def _pause(draft: Draft, project: Project, name: str, until_ms: int | None) -> None:
    region, _, size = name.partition("/")
    draft.emit(
        ev.PoolPaused(
            studio_id=project.studio_id,
            game_id=project.game_id,
            region=cast("Region", region),
            compute_size=cast("ComputeSize", size),
            until_ms=until_ms,
        )
    )


def look_at_pools(draft: Draft) -> tuple[Message, ...]:
    """What ends a decision: queued servers get the room that came free, pools are filled again."""
    if draft.room_freed and draft.state.queued:
        place_queued(draft)
    for key in sorted(draft.pools):
        project = draft.state.projects.get(key)
        if project is not None:
            _look(draft, key, project)
    return draft.decided()


def _look(draft: Draft, key: str, project: Project) -> None:
    pool = project.settings.pool
    build = build_of(project, pool.version_tag, None) if pool.enabled else None
    limits = project.limits
    allowed = limits.sizes if limits is not None else None
    entries = {
        entry_key(region, size): _Entry(
            region, size, count if build is not None and (allowed is None or size in allowed) else 0, build
        )
        for region, sizes in sorted(pool.regions.items())
        for size, count in sorted(sizes.items())
    }
    for name in sorted({*entries, *project.idle}):
        entry = entries.get(name)
        if entry is None or not pool.enabled:
            for instance_id in project.idle.get(name, ()):
                stop(draft, draft.state.servers[instance_id], _DRAINED)
        else:
            _shrink(draft, key, name, entry)
            _grow(draft, key, name, entry)


def keep_to_plan(draft: Draft, key: str) -> None:
    """End idle servers that a plan allows no more: first what is not ready, then the youngest."""
    project = draft.project_of(key)
    surplus = project.active - project.limits.active_servers if project.limits is not None else 0
    if surplus > 0:
        idle = [known for name in sorted(project.idle) for known in _idle(draft, key, name)]
        idle.reverse()  # of those of one moment the last made is the youngest
        idle.sort(key=lambda known: (known.server.phase == "running", -known.server.created_at_ms))
        for known in idle[:surplus]:
            stop(draft, known, _DRAINED)


def _idle(draft: Draft, key: str, name: str) -> list[ServerState]:
    idle = draft.project_of(key).idle.get(name, ())
    return [draft.state.servers[instance_id] for instance_id in idle]


def _shrink(draft: Draft, key: str, name: str, entry: _Entry) -> None:
    """End what is too much: first what is not ready, then old builds', then the youngest."""
    idle = _idle(draft, key, name)
    surplus = len(idle) - entry.count
    if surplus <= 0:
        return
    build_id = entry.build.id if entry.build is not None else None
    old = [known for known in idle if known.server.build_id != build_id]
    replacing = entry.count > 0 and bool(old)
    if replacing and any(
        known.server.build_id == build_id and known.server.phase != "running" for known in idle
    ):
        surplus -= 1  # the one that is made in an old one's place
    first = old if replacing else idle[::-1]
    for known in sorted(first, key=lambda known: known.server.phase == "running")[:surplus]:
        stop(draft, known, _DRAINED)


def _grow(draft: Draft, key: str, name: str, entry: _Entry) -> None:
    """Make what is missing, or one in place of an old one."""
    project = draft.project_of(key)
    build = entry.build
    if build is None or name in project.paused:
        return
    idle = _idle(draft, key, name)
    missing = entry.count - len(idle)
    if missing == 0 and entry.count:
        old = any(known.server.build_id != build.id for known in idle)
        making = any(known.server.phase != "running" for known in idle)
        missing = int(old and not making)
    for _ in range(missing):
        project = draft.project_of(key)
        limits = project.limits
        if limits is None or project.active >= limits.active_servers:
            return
        if not draft.takes_more():
            _pause(draft, project, name, draft.at_ms)
            return
        _make(draft, project, entry, build)


def _make(draft: Draft, project: Project, entry: _Entry, build: Build) -> None:
    draft.made_servers += 1
    at_ms = draft.at_ms
    server = Server(
        instance_id=names.instance_id(draft.request.command_id, draft.made_servers),
        studio_id=project.studio_id,
        game_id=project.game_id,
        name=f"pool-{entry.region}-{entry.size}",
        phase="queued",
        region=entry.region,
        compute_size=entry.size,
        version_tag=build.name,
        version=build.version,
        build_id=build.id,
        created_at_ms=at_ms,
        updated_at_ms=at_ms,
        auto_restart=True,
        is_pool_server=True,
    )
    if not attempt(draft, server, (), None):
        draft.emit(ev.ServerQueued(server=server))
