"""Which leaderboard a page means: an event of the game, one of its windows, a group or a segment. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from api.dashboard.answers import NamedEvent
from api.dashboard.parameters import BadParameter, read_number, read_text
from schemas.liveops.definitions import ResolvedEvent, resolve_events
from schemas.liveops.names import board_id
from schemas.liveops.windows import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.edge.ports import Game

WINDOWS: Final = ("now", "before")
_GROUP_MAX: Final = 10_000_000
SEGMENT_MAX: Final = 64


class Choice(msgspec.Struct, frozen=True):
    """What is looked at. `window` is None where none is open; `board_id` is empty where it names no board."""

    events: list[NamedEvent]
    event: ResolvedEvent | None
    window: Window | None
    board_id: str


def read_choice(query: Mapping[str, str], game: Game, now_ms: int) -> Choice:
    """`event` (the game's first where it is missing), `window`, and `part`: a group's number or a segment.

    Raises BadParameter.
    """
    events = resolve_events(game)
    named = [_named(event) for event in events]
    wanted = read_text(query, "event")
    event = next((one for one in events if one.definition.event_key == wanted), None)
    if wanted and event is None:
        raise BadParameter("event", "is none of this game's events")
    part = read_text(query, "part", SEGMENT_MAX)
    which = read_text(query, "window") or WINDOWS[0]
    if which not in WINDOWS:
        raise BadParameter("window", "is now or before")
    event = event or (events[0] if events else None)
    if event is None:
        return Choice(named, None, None, "")
    window = event.window_at(now_ms) if which == "now" else _before(event, now_ms)
    return Choice(named, event, window, _board(part, query, game, event, window))


def _before(event: ResolvedEvent, now_ms: int) -> Window | None:
    """The last window that is over."""
    running = event.window_at(now_ms)
    if running is not None:
        return event.window_at(running.starts_at_ms - 1)
    ends_at = event.definition.window.ends_at
    ended_ms = int(ends_at.timestamp() * 1000) if ends_at is not None else now_ms
    return event.window_at(ended_ms - 1) if ended_ms <= now_ms else None


def _board(
    part: str, query: Mapping[str, str], game: Game, event: ResolvedEvent, window: Window | None
) -> str:
    definition = event.definition
    if window is None:
        return ""
    if definition.mode == "grouped":
        group = read_number(query, "part", default=1, highest=_GROUP_MAX) if part else 1
        return board_id(game.id, definition.event_key, window.id, group=group)
    if definition.mode == "segmented":
        return board_id(game.id, definition.event_key, window.id, segment=part) if part else ""
    return board_id(game.id, definition.event_key, window.id)


def _named(event: ResolvedEvent) -> NamedEvent:
    definition = event.definition
    return NamedEvent(key=definition.event_key, name=definition.name, mode=definition.mode)
