"""Discord threads as sessions: which session a thread's messages belong to, and how they are one S1 session.

Source: contract/analytics.md, "`POST /api/webhooks/discord`".
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

CALL_MESSAGES_MAX: Final = 200
"""Messages of one call."""
TEXT_CHARACTERS_MAX: Final = 4000
APPENDS_WITHIN_MS: Final = 30 * 60 * 1000
"""How long after its last call a thread's session takes more messages."""
SESSION_MESSAGES_MAX: Final = 10_000
"""Messages of one session; a call that would bring more begins another. Below what telemetry remembers of a
session's sequence numbers, so that no message ever counts twice."""
REMEMBERED_MAX: Final = 200_000
"""Messages of one studio whose ids are remembered at once; a call that would bring more is refused (429)."""

SOURCE: Final = "discord"
OPENED: Final = "discord_opened"
MESSAGE: Final = "discord_message"
_DEVICE: Final = "discord_"


class DiscordMessage(msgspec.Struct, frozen=True):
    """A message, and when it was written, unix milliseconds. `id` is Discord's."""

    id: str
    author: str
    text: str
    at_ms: int


class MessageSaid(msgspec.Struct, frozen=True):
    """The `props` of a message's event."""

    id: str
    author: str
    text: str


class DiscordAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of the outcome of a call."""

    session_id: str
    sessions_created: int
    messages_ingested: int
    """Those whose ids were new to the session."""


def thread_key(game_id: str, channel_id: str, thread_id: str) -> str:
    """A thread of a channel, or with an empty thread id the channel itself. Game ids hold no line feed."""
    return f"{game_id}\n{len(channel_id)}\n{channel_id}\n{thread_id}"


def device_id(game_id: str, channel_id: str, thread_id: str) -> str:
    """The tester that a thread's sessions are of."""
    digest = sha256(thread_key(game_id, channel_id, thread_id).encode("utf-8", "surrogatepass"))
    return _DEVICE + digest.hexdigest()[:24]
