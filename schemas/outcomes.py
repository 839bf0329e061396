"""What a decided command amounts to, read from its own events alone. Every reader answers these alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

import msgspec

from schemas.codec import Codec, Message
from schemas.envelope import (
    COMMAND_FAILED,
    COMMAND_REJECTED,
    COMMAND_REPEATED,
    CommandFailed,
    CommandRejected,
    CommandRepeated,
    Decided,
    Outcome,
)

REMEMBERED_REFUSALS: Final = frozenset({404, 409})
"""Refusals that are outcomes. All others (400, 429, 503, 500) are answered and not remembered by key."""

EXPIRED: Final = "expired"
"""The code of the 503 that a command gets which came too late. It surely did not happen."""
SHELL_EVENTS: Final = frozenset({COMMAND_REJECTED, COMMAND_REPEATED, COMMAND_FAILED})
"""Events of the envelope, not of a noun: they say what came of a command and change no aggregate."""

_rejected: Final = msgspec.msgpack.Decoder(CommandRejected)
_repeated: Final = msgspec.msgpack.Decoder(CommandRepeated)
_failed: Final = msgspec.msgpack.Decoder(CommandFailed)
_encode: Final = msgspec.msgpack.Encoder().encode

MessageT = TypeVar("MessageT", bound=Message)


class Sought(NamedTuple):
    """A command whose outcome is looked for."""

    game_id: str
    """The command's own: it says which store has the outcome. Empty where it has none."""
    command_id: str


def messages_of(decided: Decided, events: Codec[MessageT]) -> list[MessageT]:
    """The noun's events, read; none for an outcome of the envelope, which has no others.

    Raises `UnknownWireName` or `msgspec.DecodeError`.
    """
    if decided.events and decided.events[0].type in SHELL_EVENTS:
        return []
    return [events.decode(event.type, event.data) for event in decided.events]


def rejection(decided: Decided) -> CommandRejected | None:
    """The refusal, when the command was refused."""
    events = decided.events
    return _rejected.decode(events[0].data) if events and events[0].type == COMMAND_REJECTED else None


def repetition(decided: Decided) -> CommandRepeated | None:
    """Where the command was decided first, when this is a repeat."""
    events = decided.events
    return _repeated.decode(events[0].data) if events and events[0].type == COMMAND_REPEATED else None


def failure(decided: Decided) -> CommandFailed | None:
    """The decider's own failure on this command."""
    events = decided.events
    return _failed.decode(events[0].data) if events and events[0].type == COMMAND_FAILED else None


def outcome(decided: Decided, answer: Callable[[], tuple[int, msgspec.Struct]]) -> Outcome | None:
    """The stored answer, from the command's own events alone. None for a repeat: the first one answers.

    A refusal and a failure (500) keep the envelope's struct as body; `answer` gives status and body else.
    """
    if repetition(decided) is not None:
        return None
    body: msgspec.Struct
    if (refused := rejection(decided)) is not None:
        status, body = refused.status, refused
    elif (failed := failure(decided)) is not None:
        status, body = 500, failed
    else:
        status, body = answer()
    return Outcome(
        command_id=decided.command_id, fingerprint=decided.fingerprint, status=status, body=_encode(body)
    )


def is_remembered(decided: Decided) -> bool:
    """Whether a retry with the same key must get this outcome: a success (events or none), a 404 or a 409."""
    if not decided.keyed or not decided.events:
        return decided.keyed
    kind = decided.events[0].type
    if kind == COMMAND_REJECTED:
        return _rejected.decode(decided.events[0].data).status in REMEMBERED_REFUSALS
    return kind not in {COMMAND_REPEATED, COMMAND_FAILED}


def is_expired(found: Outcome) -> bool:
    """Whether a command was refused because it came too late. A noun's own 503 is another thing."""
    return found.status == 503 and _rejected.decode(found.body).code == EXPIRED
