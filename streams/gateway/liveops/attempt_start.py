"""Starting an attempt: window, group and lobby first, then the attempt itself.

Source: the S3 reference's `/start` and contract/liveops.md. A keyed start that was decided answers at once,
before the player is put into a lobby again. What is asked of a player, and where they play, follows from the
definition that is pinned for the window, not from the game's newest one.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec

from schemas.edge.errors import Refused
from schemas.envelope import Outcome
from schemas.liveops import commands as ask
from schemas.liveops.answers import JoinAnswer
from schemas.liveops.definitions import ResolvedEvent
from schemas.liveops.names import event_aggregate, player_aggregate
from schemas.liveops.ports import PlayerReads
from streams.gateway.liveops.asking import Asked, Asking
from streams.gateway.liveops.bodies import StartBody
from streams.gateway.liveops.window_pins import WindowPins

_RETRY_LEAST_MS: Final = 500
_RETRY_MOST_MS: Final = 5_000


class Forming(Exception):
    """The lobby is still forming: 202."""

    def __init__(self, lobby_id: str, retry_after_ms: int) -> None:
        super().__init__(lobby_id)
        self.lobby_id = lobby_id
        self.retry_after_ms = retry_after_ms


class Starting:
    """Starts attempts."""

    def __init__(self, asking: Asking, players: PlayerReads, pins: WindowPins) -> None:
        self._asking = asking
        self._players = players
        self._pins = pins

    async def start(
        self, asked: Asked, body: StartBody, event_key: str, event: ResolvedEvent | None, now_ms: int
    ) -> Outcome:
        """The start's outcome, or a refused join's. Raises Forming, and as `asking` does."""
        game = asked.caller.game
        aggregate_id = player_aggregate(game.id, asked.player)
        window = event.window_at(now_ms) if event is not None else None
        window_id = window.id if window is not None else ""
        if event is not None and window is not None:
            pinned = self._pins.held(game.id, event_key, window_id)
            if pinned is None or _needs_place(pinned):
                stored = await self._asking.stored(asked, aggregate_id)
                if stored is not None:
                    return stored
            if pinned is None:
                pinned = await self._pins.find(game, event, window_id, partial(self._asking.anew, asked))
            event = pinned
        segment = _segment(event, body)
        command = ask.StartAttempt(
            event_key=event_key,
            window_id=window_id,
            segment=segment,
            player_context=body.player_context or {},
        )
        if event is not None and window is not None and _needs_place(event):
            joined = await self._join(asked, event_key, event, window_id, segment)
            if joined.status != 200:
                return joined
            place = msgspec.msgpack.decode(joined.body, type=JoinAnswer)
            if place.lobby_status == "forming":
                left_ms = (place.fills_at_ms or now_ms) - now_ms
                raise Forming(place.lobby_id, min(max(left_ms, _RETRY_LEAST_MS), _RETRY_MOST_MS))
            command = msgspec.structs.replace(
                command, group=place.group, segment=place.segment, lobby_id=place.lobby_id
            )
        return await self._asking.ask(asked, command, aggregate_id, event=event)

    async def _join(
        self, asked: Asked, event_key: str, event: ResolvedEvent, window_id: str, segment: str
    ) -> Outcome:
        game_id = asked.caller.game.id
        (run,) = await self._players.runs(game_id, asked.player, [(event_key, window_id)])
        join = ask.JoinEvent(
            event_key=event_key,
            window_id=window_id,
            external_id=asked.player,
            segment=segment,
            done_lobby_id=run.done_lobby_id if run is not None else "",
        )
        aggregate_id = event_aggregate(game_id, event_key, window_id)
        return await self._asking.anew(asked, join, aggregate_id, event)


def _needs_place(event: ResolvedEvent) -> bool:
    return event.definition.mode == "grouped" or event.definition.matchmaking is not None


def _segment(event: ResolvedEvent | None, body: StartBody) -> str:
    """The player's segment. A missing one is the decider's to refuse; one that is no text is 400."""
    if event is None or event.definition.segment_by is None:
        return ""
    value: Any = (body.player_context or {}).get(event.definition.segment_by, "")
    if not isinstance(value, str) or len(value) > 64:
        name = f"playerContext.{event.definition.segment_by}"
        raise Refused(400, f"{name} must be a text of at most 64 characters", field=name)
    return value
