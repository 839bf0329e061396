"""What a noun tells webhooks: which of its events, of whom, in which words. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.codec import Codec, Message


class Notification(msgspec.Struct, frozen=True):
    """One thing to tell, and of what: notifications of one subject are delivered in order."""

    type: str
    subject: str
    data: dict[str, Any]


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
