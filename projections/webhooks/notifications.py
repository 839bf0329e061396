"""What a noun tells webhooks: which of its events, of whom, in which words. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from schemas.codec import Codec, Message
from schemas.timestamps import iso_ms

_encode: Final = msgspec.json.Encoder().encode


class Notification(msgspec.Struct, frozen=True):
    """One thing to tell, and of what: notifications of one subject are delivered in order."""

    type: str
    subject: str
    data: dict[str, Any]


class Dropped(NamedTuple):
    """Deliveries of a subject that wait for a game's targets, and are to be told to nobody any more."""

    game_id: str
    subject: str
    holding: str = ""
    """A text of the bodies of those that go; empty: all go."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Notified:
    """A noun's notifications."""

    wire_names: frozenset[str]
    """Of the events that are told."""
    events: Codec[Any]
    notifications: Callable[[Message, int], Sequence[Notification]]
    """What an event that happened at a time (ms) tells."""
    body: Callable[[str, Notification, str, int], bytes]
    """A request's body, the same bytes every time: of a delivery's id, what it tells, of which game, when."""
    game_of: Callable[[Any], str] = lambda message: str(message.game_id)
    """The game of one of its events."""
    dropped: Callable[[Any], Sequence[Dropped]] = lambda _message: ()
    """What of that which waits is not to be told after an event."""


def standard_body(identifier: str, what: Notification, game_id: str, at_ms: int) -> bytes:
    """`{"id", "type", "createdAt", "gameId", "data"}`: the body of a noun whose reference shows no other."""
    return _encode(
        {
            "id": identifier,
            "type": what.type,
            "createdAt": iso_ms(at_ms),
            "gameId": game_id,
            "data": what.data,
        }
    )
