"""How events change groups, lobbies and boards of an (event, window). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from schemas.codec import Message
from schemas.liveops.event_windows import (
    BoardChunkFinalized,
    BoardFinalized,
    BotsScored,
    EventJoined,
    GroupAssigned,
    LobbiesSettled,
    LobbyActivated,
    LobbyClosed,
    LobbyJoined,
    LobbyOpened,
)
from streams.deciders.liveops.state import Board, Entry, EventWindow, Lobby


def _counted(window: EventWindow, event: EventJoined | LobbiesSettled) -> EventWindow:
    del event
    return replace(window, sequence=window.sequence + 1)


def _group(window: EventWindow, event: GroupAssigned) -> EventWindow:
    fresh = event.group != window.last_group
    return replace(
        window,
        sequence=window.sequence + 1,
        groups=window.groups.set(event.external_id, event.group),
        last_group=event.group,
        last_group_members=1 if fresh else window.last_group_members + 1,
    )


def _opened(window: EventWindow, event: LobbyOpened) -> EventWindow:
    lobby = Lobby(
        id=event.lobby_id,
        number=event.number,
        status="forming",
        segment=event.segment,
        size=event.size,
        min_players=event.min_players,
        fills_at_ms=event.fills_at_ms,
        bots_per_minute=event.bots_per_minute,
    )
    return replace(
        window,
        sequence=window.sequence + 1,
        lobbies=window.lobbies.set(lobby.id, lobby),
        lobby_count=event.number,
        forming=window.forming.set(event.segment, lobby.id),
    )


def _joined(window: EventWindow, event: LobbyJoined) -> EventWindow:
    lobby = window.lobbies[event.lobby_id]
    players = (*lobby.players, (event.external_id, event.joined_at_ms))
    return replace(
        window,
        sequence=window.sequence + 1,
        lobbies=window.lobbies.set(lobby.id, replace(lobby, players=players)),
        lobby_of=window.lobby_of.set(event.external_id, lobby.id),
    )


def _activated(window: EventWindow, event: LobbyActivated) -> EventWindow:
    lobby = replace(
        window.lobbies[event.lobby_id],
        status="active",
        activated_at_ms=event.activated_at_ms,
        bots=tuple(event.bots),
        next_due_ms=event.next_due_ms,
        has_server=event.server is not UNSET,
    )
    return replace(
        _not_forming(window, lobby),
        sequence=window.sequence + 1,
        lobbies=window.lobbies.set(lobby.id, lobby),
    )


def _closed(window: EventWindow, event: LobbyClosed) -> EventWindow:
    return replace(
        _not_forming(window, window.lobbies[event.lobby_id]),
        sequence=window.sequence + 1,
        lobbies=window.lobbies.delete(event.lobby_id),
    )


def _not_forming(window: EventWindow, lobby: Lobby) -> EventWindow:
    if window.forming.get(lobby.segment) != lobby.id:
        return window
    return replace(window, forming=window.forming.delete(lobby.segment))


def _bots(window: EventWindow, event: BotsScored) -> EventWindow:
    lobby = window.lobbies[event.lobby_id]
    entries = lobby.bot_entries
    for bot in event.entries:
        entry = bot.entry
        entries = entries.set(bot.bot_id, Entry(entry.score, entry.best, entry.achieved_at_ms))
    lobby = replace(lobby, bot_entries=entries, next_due_ms=event.next_due_ms)
    return replace(window, sequence=window.sequence + 1, lobbies=window.lobbies.set(lobby.id, lobby))


def _chunk(window: EventWindow, event: BoardChunkFinalized) -> EventWindow:
    before = window.boards.get(event.board_id) or Board(0, 0)
    board = Board(event.chunk + 1, before.frozen + len(event.entries))
    return replace(window, sequence=window.sequence + 1, boards=window.boards.set(event.board_id, board))


def _finalized(window: EventWindow, event: BoardFinalized) -> EventWindow:
    board = Board(event.chunks, event.total_players, finalized=True)
    return replace(window, sequence=window.sequence + 1, boards=window.boards.set(event.board_id, board))


WINDOW_STEPS: Final[dict[type[Message], Callable[[EventWindow, Any], EventWindow]]] = {
    GroupAssigned: _group,
    LobbyOpened: _opened,
    LobbyJoined: _joined,
    LobbyActivated: _activated,
    LobbyClosed: _closed,
    BotsScored: _bots,
    EventJoined: _counted,
    LobbiesSettled: _counted,
    BoardChunkFinalized: _chunk,
    BoardFinalized: _finalized,
}
