"""Groups and lobbies of an (event, window): who plays where, who is waited for, what bots have scored.

A step here may close an overdue lobby before it fills another, so each event is evolved as it is decided.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal

from msgspec import UNSET, UnsetType

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.liveops.bots import BOT_TICK_MS
from schemas.liveops.commands import JoinEvent, LobbyDue, SettleLobbies
from schemas.liveops.event_windows import (
    EventJoined,
    GroupAssigned,
    LobbiesSettled,
    LobbyActivated,
    LobbyClosed,
    LobbyJoined,
    LobbyOpened,
)
from schemas.liveops.names import board_id, bot_id, event_aggregate, lobby_id, window_aggregate
from schemas.liveops.views import Bot, LobbyMember, WantedServer
from schemas.liveops.windows import window_from_id
from schemas.studio.definitions_events import EventDefinition
from streams.deciders.liveops.bot_scores import scored
from streams.deciders.liveops.evolve import evolve
from streams.deciders.liveops.open_windows import open_window
from streams.deciders.liveops.refusals import conflict, invalid
from streams.deciders.liveops.rules import rules_of
from streams.deciders.liveops.state import EventWindow, LiveopsState, Lobby
from streams.deciders.noun import Request, Verdict

SETTLE_MAX: Final = 1000


def join(state: LiveopsState, request: Request, command: JoinEvent) -> Verdict:
    """A player's group and lobby. Idempotent."""
    opened = open_window(state, request, command.event_key, command.window_id)
    if isinstance(opened, CommandRejected):
        return opened
    definition = opened.rules.definition
    if definition.mode == "segmented" and not command.segment:
        return invalid(f"playerContext.{definition.segment_by} is needed", "playerContext")
    draft = Draft(state, request, command.event_key, command.window_id, definition)
    for pin in opened.pinning:
        draft.emit(pin)
    segment = command.segment if definition.mode == "segmented" else ""
    lobby: Lobby | None = None
    if definition.matchmaking is not None:
        lobby = _lobby_for(draft, command, segment, opened.window.ends_at_ms)
    forming = lobby is not None and lobby.status == "forming"
    group = None if forming else draft.group_of(command.external_id)
    draft.emit(
        EventJoined(
            external_id=command.external_id,
            lobby_id=lobby.id if lobby is not None else "",
            lobby_status=lobby.status if lobby is not None else "active",
            fills_at_ms=lobby.fills_at_ms if lobby is not None else None,
            group=group,
            segment=segment,
            board_id="" if forming else draft.board_of(group, segment),
            **draft.names,
        )
    )
    return tuple(draft.events)


def lobby_due(state: LiveopsState, request: Request, command: LobbyDue) -> Verdict:
    """Start or close a lobby that is overdue, or score its bots. Too early, or too late: nothing."""
    window = state.windows.get(event_aggregate(request.game_id, command.event_key, command.window_id))
    lobby = window.lobbies.get(command.lobby_id) if window is not None else None
    if lobby is None or request.at_ms >= window_from_id(command.window_id).ends_at_ms:
        return ()  # closed before, or SettleLobbies has the last word
    if lobby.status == "active":
        if lobby.next_due_ms is None or request.at_ms < lobby.next_due_ms:
            return ()
        order = _definition(state, request, command).order
        return (scored(lobby, order, request.at_ms, request.at_ms + BOT_TICK_MS, _names(request, command)),)
    if request.at_ms < lobby.fills_at_ms:
        return ()
    draft = Draft(state, request, command.event_key, command.window_id, _definition(state, request, command))
    _fill_or_close(draft, lobby)
    return tuple(draft.events)


def settle(state: LiveopsState, request: Request, command: SettleLobbies) -> Verdict:
    """After the window: bots get their last scores and lobbies close, some at a time."""
    ends_at_ms = window_from_id(command.window_id).ends_at_ms
    if request.at_ms < ends_at_ms:
        return conflict("window_open", "the window is not over")
    window = state.windows.get(event_aggregate(request.game_id, command.event_key, command.window_id))
    lobbies = sorted(window.lobbies.values(), key=lambda lobby: lobby.number) if window is not None else []
    chosen = lobbies[: max(1, min(command.limit, SETTLE_MAX))]
    names = _names(request, command)
    events: list[Message] = []
    for lobby in chosen:
        if lobby.bots:
            events.append(scored(lobby, _definition(state, request, command).order, ends_at_ms, None, names))
        had_server: Literal[True] | UnsetType = True if lobby.has_server else UNSET
        events.append(LobbyClosed(lobby_id=lobby.id, reason="window_over", had_server=had_server, **names))
    events.append(LobbiesSettled(remaining=len(lobbies) - len(chosen), **names))
    return tuple(events)


class Draft:
    """A decision as it grows: each event is evolved at once, so that the next step sees it."""

    def __init__(
        self,
        state: LiveopsState,
        request: Request,
        event_key: str,
        window_id: str,
        definition: EventDefinition,
    ) -> None:
        self.request = request
        self.definition = definition
        self.names: dict[str, Any] = {
            "game_id": request.game_id,
            "event_key": event_key,
            "window_id": window_id,
        }
        self.aggregate_id = event_aggregate(request.game_id, event_key, window_id)
        self.events: list[Message] = []
        self._state = state

    def emit(self, event: Message) -> None:
        """Add an event."""
        self._state = evolve(self._state, event, self.request.at_ms)
        self.events.append(event)

    @property
    def window(self) -> EventWindow:
        """The window's groups and lobbies after the events so far."""
        return self._state.windows.get(self.aggregate_id) or EventWindow()

    def board_of(self, group: int | None, segment: str) -> str:
        """The board of a group or segment."""
        names = self.names
        return board_id(
            names["game_id"], names["event_key"], names["window_id"], group=group, segment=segment
        )

    def group_of(self, external_id: str) -> int | None:
        """A player's group, assigned now where they have none; None but in mode grouped."""
        size = self.definition.group_size
        if self.definition.mode != "grouped" or size is None:
            return None
        window = self.window
        group = window.groups.get(external_id)
        if group is None:
            full = window.last_group == 0 or window.last_group_members >= size
            group = window.last_group + full
            board = self.board_of(group, "")
            self.emit(GroupAssigned(external_id=external_id, group=group, board_id=board, **self.names))
        return group


def _lobby_for(draft: Draft, command: JoinEvent, segment: str, ends_at_ms: int) -> Lobby:
    """The player's lobby, unless they are done with it; else a place in the one that is forming."""
    mine = _settled(draft, draft.window.lobby_of.get(command.external_id, ""))
    if mine is not None and (mine.status == "forming" or mine.id != command.done_lobby_id):
        return mine
    lobby = _settled(draft, draft.window.forming.get(segment, ""))
    if lobby is None or lobby.status == "active":
        lobby = _opened(draft, segment, ends_at_ms)
    at_ms = draft.request.at_ms
    draft.emit(
        LobbyJoined(
            lobby_id=lobby.id,
            external_id=command.external_id,
            joined_at_ms=at_ms,
            players=len(lobby.players) + 1,
            **draft.names,
        )
    )
    lobby = draft.window.lobbies[lobby.id]
    if len(lobby.players) >= lobby.size:
        _activate(draft, lobby)
    return draft.window.lobbies[lobby.id]


def _settled(draft: Draft, identifier: str) -> Lobby | None:
    """A lobby as time has left it: started or closed first if that is due. None when it is closed."""
    lobby = draft.window.lobbies.get(identifier)
    if lobby is not None and lobby.status == "forming" and draft.request.at_ms >= lobby.fills_at_ms:
        _fill_or_close(draft, lobby)
        return draft.window.lobbies.get(identifier)
    return lobby


def _opened(draft: Draft, segment: str, ends_at_ms: int) -> Lobby:
    matchmaking = draft.definition.matchmaking
    if matchmaking is None:
        raise ValueError("an event without matchmaking has no lobbies")
    number = draft.window.lobby_count + 1
    identifier = lobby_id(draft.aggregate_id, number)
    at_ms = draft.request.at_ms
    draft.emit(
        LobbyOpened(
            lobby_id=identifier,
            number=number,
            size=matchmaking.size,
            min_players=matchmaking.min_players,
            segment=segment,
            opened_at_ms=at_ms,
            fills_at_ms=min(at_ms + matchmaking.fill_seconds * 1000, ends_at_ms),
            bots_per_minute=matchmaking.bots.per_minute if matchmaking.bots is not None else None,
            **draft.names,
        )
    )
    return draft.window.lobbies[identifier]


def _fill_or_close(draft: Draft, lobby: Lobby) -> None:
    if len(lobby.players) >= lobby.min_players:
        _activate(draft, lobby)
    else:
        draft.emit(LobbyClosed(lobby_id=lobby.id, reason="too_few_players", **draft.names))


def _activate(draft: Draft, lobby: Lobby) -> None:
    """Every player gets a board; bots take the empty places on the first player's."""
    members = [
        LobbyMember(
            external_id=external_id,
            joined_at_ms=joined_at_ms,
            board_id=draft.board_of(draft.group_of(external_id), lobby.segment),
        )
        for external_id, joined_at_ms in lobby.players
    ]
    bots: list[Bot] = []
    if lobby.bots_per_minute is not None:
        bots = [
            Bot(id=bot_id(lobby.id, place), seed=_bot_seed(draft, lobby, place), board_id=members[0].board_id)
            for place in range(len(members) + 1, lobby.size + 1)
        ]
    at_ms = draft.request.at_ms
    draft.emit(
        LobbyActivated(
            lobby_id=lobby.id,
            activated_at_ms=at_ms,
            players=members,
            bots=bots,
            next_due_ms=at_ms + BOT_TICK_MS if bots else None,
            server=_wanted_server(draft.definition),
            **draft.names,
        )
    )


def _wanted_server(definition: EventDefinition) -> WantedServer | UnsetType:
    server = definition.matchmaking.server if definition.matchmaking is not None else UNSET
    if server is UNSET:
        return UNSET
    return WantedServer(
        region=server.region,
        compute_size=server.compute_size,
        version_tag=server.version_tag,
        version=server.version,
        startup_args=server.startup_args,
        ttl_s=server.ttl,
        auto_restart=server.auto_restart,
    )


def _bot_seed(draft: Draft, lobby: Lobby, place: int) -> str:
    return hashlib.sha256(draft.request.seed + f"{lobby.id}/{place}".encode()).hexdigest()[:32]


def _definition(state: LiveopsState, request: Request, command: LobbyDue | SettleLobbies) -> EventDefinition:
    marker = state.markers[window_aggregate(request.game_id, command.event_key, command.window_id)]
    return rules_of(marker.definition).definition


def _names(request: Request, command: LobbyDue | SettleLobbies) -> dict[str, Any]:
    return {"game_id": request.game_id, "event_key": command.event_key, "window_id": command.window_id}
