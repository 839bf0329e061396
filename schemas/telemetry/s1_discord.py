"""The body of `POST /api/webhooks/discord`, decoded and validated. Pure.

Source: the S1 reference and contract/analytics.md. `timestamp` is read as S1's other times are. Unknown
fields are ignored, so that a bot may pass on what Discord gave it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from schemas.edge.zod import custom, issue_of
from schemas.identifiers import NAME_CHARACTERS_MAX, id_problem
from schemas.studio.discord import CALL_MESSAGES_MAX, TEXT_CHARACTERS_MAX, DiscordMessage
from schemas.telemetry.s1 import check_text, json_object, plain_fields
from schemas.telemetry.s1_batch import InvalidBatch, Moment
from schemas.telemetry.values import Budget
from schemas.timestamps import TimestampError, check_range, unix_ms

BODY_BYTES_MAX: Final = 100 * 1024

_Name = Annotated[str, Meta(min_length=1, max_length=120)]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it was written."""

    id: Annotated[str, Meta(min_length=1, max_length=128, description="Discord's id: it counts once.")]
    author: _Name
    text: Annotated[str, Meta(max_length=TEXT_CHARACTERS_MAX)]
    timestamp: Moment


class DiscordBody(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a channel, or of one of its threads."""

    channel_id: _Name
    game: Annotated[str, Meta(min_length=1, max_length=120, description="Game slug or id")]
    thread_id: _Name | None = None
    messages: Annotated[list[Message], Meta(max_length=CALL_MESSAGES_MAX)] = []
    title: Annotated[str, Meta(max_length=NAME_CHARACTERS_MAX)] | None = None
    build: Annotated[str, Meta(max_length=120)] | None = None


def validate_discord(body: bytes, arrived_at_ms: int) -> tuple[DiscordBody, list[DiscordMessage]]:
    """A body, and its messages with their times. Raises `InvalidBatch` naming what is wrong."""
    fields = plain_fields(json_object(body), [], Budget())
    try:
        call = msgspec.convert(fields, DiscordBody)
    except msgspec.ValidationError as error:
        raise InvalidBatch(issue_of(error, [])) from None
    check_text(["channel_id"], id_problem(call.channel_id))
    if call.thread_id is not None:
        check_text(["thread_id"], id_problem(call.thread_id))
    return call, [_message(index, one, arrived_at_ms) for index, one in enumerate(call.messages)]


def _message(index: int, sent: Message, arrived_at_ms: int) -> DiscordMessage:
    check_text(["messages", index, "id"], id_problem(sent.id))
    try:
        at_ms = unix_ms(sent.timestamp) if isinstance(sent.timestamp, str) else int(sent.timestamp)
        check_range(at_ms, arrived_at_ms)
    except (TimestampError, ValueError, OverflowError) as error:
        raise InvalidBatch(custom(["messages", index, "timestamp"], str(error))) from None
    return DiscordMessage(sent.id, sent.author, sent.text, at_ms)
