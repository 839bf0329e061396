"""Servers of live-ops lobbies: each lobby is given one, once, and it ends with the lobby.

What a lobby was given is known until the lobby has closed, and no lobby is given anything after its window's
end: so the same lobby may be asked for again at any time, a log that is read from its start included.
"""

from __future__ import annotations

from schemas.envelope import CommandRejected
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet import names
from schemas.fleet.states import LIVE
from streams.deciders.fleet.draft import Draft
from streams.deciders.fleet.endings import stop
from streams.deciders.fleet.pools import look_at_pools
from streams.deciders.fleet.servers import begin
from streams.deciders.fleet.state import FleetState
from streams.deciders.noun import Request, Verdict

_LOBBY_CLOSED = "LOBBY_CLOSED"


def start(state: FleetState, request: Request, command: ask.StartLobbyServer) -> Verdict:
    """A server, one that waits for room, or the refusal that stays."""
    draft = Draft(state, request)
    project = draft.project
    known = command.lobby_id in project.lobbies or command.lobby_id in project.closed_lobbies
    if known or command.ends_at_ms <= draft.at_ms:
        return ()
    server = begin(draft, command, names.lobby_instance_id(command.lobby_id), may_wait=True)
    if isinstance(server, CommandRejected):
        draft.emit(
            ev.LobbyServerRefused(
                studio_id=request.studio_id,
                game_id=request.game_id,
                lobby_id=command.lobby_id,
                code=server.code,
                message=server.message,
                ends_at_ms=command.ends_at_ms,
            )
        )
        return draft.decided()
    draft.emit(
        ev.LobbyServerGiven(
            studio_id=request.studio_id,
            game_id=request.game_id,
            lobby_id=command.lobby_id,
            instance_id=server.instance_id,
            ends_at_ms=command.ends_at_ms,
        )
    )
    return look_at_pools(draft)


def end(state: FleetState, request: Request, command: ask.EndLobbyServer) -> Verdict:
    """The lobby's server stops, unless it has stopped or is about to."""
    draft = Draft(state, request)
    given = draft.project.lobbies.get(command.lobby_id)
    if given is None:
        return ()
    draft.emit(
        ev.LobbyServerEnded(
            studio_id=request.studio_id,
            game_id=request.game_id,
            lobby_id=command.lobby_id,
            ends_at_ms=given.ends_at_ms,
        )
    )
    known = draft.own_server(given.instance_id)
    if known is not None and known.server.phase in LIVE:
        stop(draft, known, _LOBBY_CLOSED)
    return look_at_pools(draft)
