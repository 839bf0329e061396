"""The window a command speaks of: open now, and by which definition.

A window has one pin: the definition that the partition of its `event_aggregate` met first (OpenWindow). Other
partitions take it from the commands that carry it, and keep it for the window's life: what they have is what
the log says, so no later command and no replay can change it.
"""

from __future__ import annotations

import msgspec

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.liveops.commands import OpenWindow
from schemas.liveops.event_windows import WindowOpened
from schemas.liveops.names import window_aggregate
from schemas.liveops.windows import Window, WindowIdInvalid, window_from_id
from streams.deciders.liveops.refusals import conflict, invalid, not_found
from streams.deciders.liveops.rules import Rules, rules_of
from streams.deciders.liveops.state import LiveopsState
from streams.deciders.noun import Request, Verdict


class Opened(msgspec.Struct, frozen=True):
    """A window with the rules that hold in it, and the event that pins them where this is their first use."""

    window: Window
    rules: Rules
    reference: str
    pinning: tuple[Message, ...]


def pin_window(state: LiveopsState, request: Request, command: OpenWindow) -> Verdict:
    """The pin of an open window, once. A repeat, with another definition too, changes nothing."""
    opened = open_window(state, request, command.event_key, command.window_id)
    return opened if isinstance(opened, CommandRejected) else opened.pinning


def open_window(
    state: LiveopsState, request: Request, event_key: str, window_id: str
) -> Opened | CommandRejected:
    """The open window of a start or a join. 404 for an unknown event, 409 where the window isn't open."""
    if request.definition is None:
        return not_found(f"there is no event {event_key}")
    if not window_id:
        return conflict("no_open_window", f"no window of {event_key} is open")
    opened = pinned_window(state, request, event_key, window_id)
    if isinstance(opened, CommandRejected):
        return opened
    if request.at_ms < opened.window.starts_at_ms:
        return conflict("no_open_window", "the window has not begun")
    if request.at_ms >= opened.window.ends_at_ms:
        return conflict("window_closed", "the window is over")
    return opened


def pinned_window(
    state: LiveopsState, request: Request, event_key: str, window_id: str
) -> Opened | CommandRejected:
    """A window, open or over, with the definition that is pinned here, or else the command's own."""
    try:
        window = window_from_id(window_id)
    except WindowIdInvalid as error:
        return invalid(str(error))
    marker = state.markers.get(window_aggregate(request.game_id, event_key, window_id))
    if marker is not None and marker.definition:
        return Opened(window, rules_of(marker.definition), marker.reference, ())
    if request.definition is None:
        return conflict("no_definition", "the command carries no definition")
    pin = WindowOpened(
        game_id=request.game_id,
        event_key=event_key,
        window_id=window_id,
        starts_at_ms=window.starts_at_ms,
        ends_at_ms=window.ends_at_ms,
        reference=request.reference,
        definition=request.definition,
    )
    return Opened(window, rules_of(request.definition), pin.reference, (pin,))
