"""How events change a project's settings and pool. Pure."""

from __future__ import annotations

from typing import Final

from immutables import Map
from msgspec.structs import replace

from schemas.codec import Message
from schemas.fleet import events as ev
from streams.deciders.fleet.evolve_servers import Step, project_of, with_project
from streams.deciders.fleet.state import FleetState, LobbyServer, Project, entry_key


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


def _lobby_given(state: FleetState, event: ev.LobbyServerGiven, at_ms: int) -> FleetState:
    project = project_of(state, event.studio_id, event.game_id)
    return _with_lobby(
        state, project, event.lobby_id, LobbyServer(event.instance_id, event.ends_at_ms), at_ms
    )


def _lobby_refused(state: FleetState, event: ev.LobbyServerRefused, at_ms: int) -> FleetState:
    project = project_of(state, event.studio_id, event.game_id)
    return _with_lobby(state, project, event.lobby_id, LobbyServer("", event.ends_at_ms), at_ms)


def _with_lobby(
    state: FleetState, project: Project, lobby_id: str, given: LobbyServer, at_ms: int
) -> FleetState:
    project = replace(
        project,
        sequence=project.sequence + 1,
        lobbies=project.lobbies.set(lobby_id, given),
        closed_lobbies=_still_open(project, at_ms),
    )
    return with_project(state, project)


def _lobby_ended(state: FleetState, event: ev.LobbyServerEnded, at_ms: int) -> FleetState:
    project = project_of(state, event.studio_id, event.game_id)
    closed, lobbies = _still_open(project, at_ms), project.lobbies
    if event.ends_at_ms > at_ms:
        closed = closed.set(event.lobby_id, event.ends_at_ms)
    if event.lobby_id in lobbies:
        lobbies = lobbies.delete(event.lobby_id)
    return with_project(
        state, replace(project, sequence=project.sequence + 1, lobbies=lobbies, closed_lobbies=closed)
    )


def _still_open(project: Project, at_ms: int) -> Map[str, int]:
    """Of lobbies that have closed, those whose windows are not over by this clock: mostly none."""
    closed = project.closed_lobbies
    for lobby_id in [each for each, ends_at_ms in closed.items() if ends_at_ms <= at_ms]:
        closed = closed.delete(lobby_id)
    return closed


PROJECT_STEPS: Final[dict[type[Message], Step]] = {
    ev.SettingsChanged: _changed,
    ev.PoolPaused: _paused,
    ev.LobbyServerGiven: _lobby_given,
    ev.LobbyServerRefused: _lobby_refused,
    ev.LobbyServerEnded: _lobby_ended,
}
