"""How events change a project's settings and pool. Pure."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from schemas.codec import Message
from schemas.fleet import events as ev
from streams.deciders.fleet.evolve_servers import Step, project_of, with_project
from streams.deciders.fleet.state import FleetState, entry_key


def _changed(state: FleetState, event: ev.SettingsChanged, _at_ms: int) -> FleetState:
    project = project_of(state, event.studio_id, event.game_id)
    limits = event.limits if event.limits is not None else project.limits
    return with_project(
        state, replace(project, sequence=project.sequence + 1, settings=event.settings, limits=limits)
    )


def _paused(state: FleetState, event: ev.PoolPaused, _at_ms: int) -> FleetState:
    project = project_of(state, event.studio_id, event.game_id)
    entry = entry_key(event.region, event.compute_size)
    if event.until_ms is not None:
        paused = project.paused.set(entry, event.until_ms)
    else:
        paused = project.paused.delete(entry)
    return with_project(state, replace(project, sequence=project.sequence + 1, paused=paused))


PROJECT_STEPS: Final[dict[type[Message], Step]] = {
    ev.SettingsChanged: _changed,
    ev.PoolPaused: _paused,
}
