"""The fleet noun: every command to the module that decides it, every aggregate by its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import schemas.fleet.events
import schemas.fleet.limits
import schemas.fleet.names
import schemas.fleet.states
import schemas.fleet.views
from schemas.codec import Message
from schemas.fleet import commands as ask
from schemas.fleet import host_commands as host_ask
from schemas.fleet import names
from schemas.fleet.events import EVENTS, BuildEvent, HostEvent, ProjectEvent, ServerEvent
from streams.deciders.fleet import (
    builds,
    evolve_builds,
    evolve_hosts,
    evolve_projects,
    evolve_servers,
    hosts,
    lobbies,
    pools,
    projects,
    servers,
    snapshot,
)
from streams.deciders.fleet import evolve as evolving
from streams.deciders.fleet import state as states
from streams.deciders.fleet.evolve import evolve
from streams.deciders.fleet.snapshot import pack, unpack
from streams.deciders.fleet.state import FleetState, project_key
from streams.deciders.fold_code import FOLD_CODE
from streams.deciders.noun import Noun, Request, Verdict, decided_by, time_of_state

_DECIDERS: Final[dict[type[Message], Callable[[FleetState, Request, Any], Verdict]]] = {
    ask.StartServer: servers.start,
    ask.StopServer: servers.stop,
    ask.StartLobbyServer: lobbies.start,
    ask.EndLobbyServer: lobbies.end,
    ask.UpdateServer: servers.update,
    ask.RestartServer: servers.restart,
    ask.ServerDue: servers.server_due,
    ask.PoolDue: pools.pool_due,
    ask.CreateBuild: builds.create,
    ask.ProcessBuild: builds.process,
    ask.DeleteBuild: builds.delete,
    ask.BuildDue: builds.build_due,
    ask.ChangeSettings: projects.change,
    host_ask.JoinHost: hosts.join,
    host_ask.ReportHost: hosts.report,
    host_ask.DrainHost: hosts.drain,
    host_ask.HostDue: hosts.host_due,
}


def aggregate_of(event: Message) -> str:
    """The aggregate an event belongs to. Raises TypeError for another noun's."""
    match event:
        case ServerEvent():
            server = event.server
            return names.server_aggregate(server.studio_id, server.game_id, server.instance_id)
        case BuildEvent():
            return names.build_aggregate(event.build.studio_id, event.build.game_id, event.build.id)
        case HostEvent():
            return names.host_aggregate(event.host.id)
        case ProjectEvent():
            return names.project_aggregate(event.studio_id, event.game_id)
        case _:
            raise TypeError(f"{type(event).__name__} is no event of this noun")


def sequence(state: FleetState, aggregate_id: str) -> int:
    """How many events an aggregate has had."""
    kind, *path = aggregate_id.split("/")
    known: Any = None
    match kind, path:
        case "server", [_, _, instance_id]:
            known = state.servers.get(instance_id) or state.stopped.get(instance_id)
        case "host", [host_id]:
            known = state.hosts.get(host_id)
        case "project", [studio_id, game_id]:
            known = state.projects.get(project_key(studio_id, game_id))
        case "build", [studio_id, game_id, build_id]:
            project = state.projects.get(project_key(studio_id, game_id))
            known = project.builds.get(build_id) if project is not None else None
        case _:
            pass
    return known.sequence if known is not None else 0


FLEET: Final = Noun(
    name="fleet",
    commands=ask.COMMANDS,
    events=EVENTS,
    initial=FleetState(),
    decide=decided_by(_DECIDERS),
    evolve=evolve,
    aggregate_of=aggregate_of,
    sequence=sequence,
    time_of=time_of_state,
    pack=pack,
    unpack=unpack,
    code=(
        *FOLD_CODE,
        states,
        snapshot,
        evolving,
        evolve_builds,
        evolve_hosts,
        evolve_projects,
        evolve_servers,
        schemas.fleet.events,
        schemas.fleet.limits,
        schemas.fleet.names,
        schemas.fleet.states,
        schemas.fleet.views,
    ),
)
