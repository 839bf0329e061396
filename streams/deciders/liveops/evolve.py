"""The state after an event. An event that no decider could have written raises, and halts its reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from schemas.codec import Message
from schemas.liveops.event_windows import EventWindowEvent, MarkerEvent, WindowClosing, WindowOpened
from schemas.liveops.events import PlayerCreated, PlayerEvent, PlayerForgotten
from schemas.liveops.names import event_aggregate, player_aggregate, window_aggregate
from streams.deciders.liveops.evolve_forgotten import forgotten
from streams.deciders.liveops.evolve_players import PLAYER_STEPS, first_seen
from streams.deciders.liveops.evolve_windows import WINDOW_STEPS
from streams.deciders.liveops.state import EventWindow, LiveopsState, Marker


def evolve(state: LiveopsState, event: Message, at_ms: int) -> LiveopsState:
    """The state after an event of this noun."""
    time_ms = max(state.time_ms, at_ms)
    if isinstance(event, PlayerEvent):
        key = player_aggregate(event.game_id, event.external_id)
        if isinstance(event, PlayerForgotten):
            return forgotten(state, key, event, time_ms)
        if isinstance(event, PlayerCreated):
            player = first_seen(event)
        else:
            player = PLAYER_STEPS[type(event)](state.players[key], event, at_ms)
        players = state.players.set(key, player)
        return LiveopsState(players, state.markers, state.windows, time_ms, state.forgotten)
    if isinstance(event, EventWindowEvent):
        key = event_aggregate(event.game_id, event.event_key, event.window_id)
        window = WINDOW_STEPS[type(event)](state.windows.get(key) or EventWindow(), event)
        windows = state.windows.set(key, window)
        return LiveopsState(state.players, state.markers, windows, time_ms, state.forgotten)
    if isinstance(event, MarkerEvent):
        key = window_aggregate(event.game_id, event.event_key, event.window_id)
        marker = _MARKER_STEPS[type(event)](state.markers.get(key), event, at_ms)
        markers = state.markers.set(key, marker)
        return LiveopsState(state.players, markers, state.windows, time_ms, state.forgotten)
    raise TypeError(f"{type(event).__name__} is no event of this noun")


def _window_opened(marker: Marker | None, event: WindowOpened, at_ms: int) -> Marker:
    del at_ms
    return Marker(
        event.ends_at_ms,
        event.reference,
        _definitions.setdefault(event.definition, event.definition),
        marker.closed_at_ms if marker is not None else None,
        marker.sequence + 1 if marker is not None else 1,
    )


def _window_closing(marker: Marker | None, event: WindowClosing, at_ms: int) -> Marker:
    if marker is None:
        return Marker(event.ends_at_ms, closed_at_ms=at_ms)
    return Marker(marker.ends_at_ms, marker.reference, marker.definition, at_ms, marker.sequence + 1)


_MARKER_STEPS: Final[dict[type[Message], Callable[[Marker | None, Any, int], Marker]]] = {
    WindowOpened: _window_opened,
    WindowClosing: _window_closing,
}

_definitions: Final[dict[bytes, bytes]] = {}
"""One object for equal definitions, however many windows pin them. Never more than games have versions."""
