"""How the state changes where a player is forgotten: only a tombstone and a pseudonym are left. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from schemas.liveops.events import PlayerForgotten
from schemas.liveops.names import event_aggregate
from streams.deciders.liveops.state import EventWindow, Forgotten, LiveopsState, Lobby


def forgotten(state: LiveopsState, key: str, event: PlayerForgotten, time_ms: int) -> LiveopsState:
    """The state without the player of this aggregate id: a tombstone, and their pseudonym in windows."""
    player = state.players.get(key)
    windows = state.windows
    for window_id, window in windows_with(state, event.game_id, event.external_id):
        windows = windows.set(window_id, _renamed(window, event.external_id, event.pseudonym))
    return LiveopsState(
        state.players.delete(key) if player is not None else state.players,
        state.markers,
        windows,
        time_ms,
        state.forgotten.set(
            key, Forgotten(event.pseudonym, player.sequence + 1 if player is not None else 1)
        ),
    )


def windows_with(state: LiveopsState, game_id: str, external_id: str) -> Iterator[tuple[str, EventWindow]]:
    """The windows of a game, by aggregate id, whose groups or lobbies have a player."""
    prefix = event_aggregate(game_id, "", "").removesuffix("/")
    for window_id, window in state.windows.items():
        if window_id.startswith(prefix) and (
            external_id in window.groups
            or external_id in window.lobby_of
            or any(_has(lobby, external_id) for lobby in window.lobbies.values())
        ):
            yield window_id, window


def _renamed(window: EventWindow, external_id: str, pseudonym: str) -> EventWindow:
    """Their place in a group and in lobbies stays taken, so that sizes hold."""
    groups, lobby_of, lobbies = window.groups, window.lobby_of, window.lobbies
    if external_id in groups:
        groups = groups.delete(external_id).set(pseudonym, groups[external_id])
    if external_id in lobby_of:
        lobby_of = lobby_of.delete(external_id).set(pseudonym, lobby_of[external_id])
    for lobby in window.lobbies.values():
        if _has(lobby, external_id):
            players = tuple(
                (pseudonym if name == external_id else name, joined_at_ms)
                for name, joined_at_ms in lobby.players
            )
            lobbies = lobbies.set(lobby.id, replace(lobby, players=players))
    return replace(window, groups=groups, lobby_of=lobby_of, lobbies=lobbies)


def _has(lobby: Lobby, external_id: str) -> bool:
    return any(name == external_id for name, _ in lobby.players)
