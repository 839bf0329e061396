"""What the ClickHouse projector tells the timer, and the body of the part with which the timer answers."""

from __future__ import annotations

from typing import Final

import msgspec

SESSION_ENDS_AFTER_MS: Final = 30 * 60 * 1000
"""A session is over when its game's watermark has passed its last event by this much."""


class GameWatermark(msgspec.Struct, frozen=True, kw_only=True):
    """How far a game's time has come in one partition, unix milliseconds.

    `watermark_ms` is the largest event time seen, never ahead of arrival; `arrived_at_ms` is the latest
    arrival.
    """

    partition: int
    studio_id: str
    game_id: str
    watermark_ms: int
    arrived_at_ms: int


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is not closed in one partition, and the time of its last event there."""

    partition: int
    session_id: str
    last_event_at_ms: int


class SessionDue(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `session.due.v1` part, as JSON: the timer's word that a session has ended.

    The fold believes it only where the session's last event, as of the part's own offset, is old enough.
    """

    session_id: str
    last_event_at_ms: int
    watermark_ms: int


_decoder = msgspec.json.Decoder(SessionDue)


def encode_session_due(due: SessionDue) -> bytes:
    """The body of a part."""
    return msgspec.json.encode(due)


def decode_session_due(body: bytes) -> SessionDue:
    """Read one back. Raises `msgspec.DecodeError`."""
    return _decoder.decode(body)
