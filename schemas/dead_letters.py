"""What could not be read, kept whole with where it came from and why, so that it can be replayed.

NOTE: stored and positional: append fields with a default, never reorder.
"""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.log import Appender
from schemas.topics import DEAD_LETTERS

DEAD_LETTER_VERSION: Final = 1

BODY_BYTES_MAX: Final = 15 * 1024 * 1024
"""A larger body would not fit into a record of its own: it stays in its source record (`body` is None)."""


class DeadLetter(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A record, or one entry or command of it, that a reader gave up on. The same failure has the same id."""

    version: int
    topic: str
    partition: int
    offset: int
    index: int | None
    """The entry or command within the record; None for the record as a whole."""
    reader: str
    """The role that gave up, e.g. `decider.studio`."""
    reason: str
    """A short code: `undecodable-record`, `undecodable-command`, `undecodable-part`, …"""
    error: str
    appended_at_ms: int
    """LogAppendTime of the source record."""
    key: bytes | None
    body: bytes | None
    """The original bytes; None when they are only in the source record (see BODY_BYTES_MAX)."""

    @property
    def id(self) -> str:
        """`topic-partition-offset[-index]`: appending it twice is one dead letter."""
        name = f"{self.topic}-{self.partition}-{self.offset}"
        return name if self.index is None else f"{name}-{self.index}"


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(DeadLetter)


def encode_dead_letter(letter: DeadLetter) -> bytes:
    """The record value of a dead letter; a body that is too large is left in its source record."""
    if letter.body is not None and len(letter.body) > BODY_BYTES_MAX:
        letter = msgspec.structs.replace(letter, body=None)
    return _encoder.encode(letter)


def decode_dead_letter(value: bytes) -> DeadLetter:
    """Read one back. Raises `msgspec.DecodeError` or `ValueError`."""
    letter = _decoder.decode(value)
    if letter.version != DEAD_LETTER_VERSION:
        raise ValueError(
            f"dead letter version {letter.version} is unknown; this build reads {DEAD_LETTER_VERSION}"
        )
    return letter


def replayed_id(command_id: str, attempt: int) -> str:
    """The id under which a dead command is replayed: `id#rN`, so that a second replay is another command."""
    return f"{command_id.partition('#')[0]}#r{attempt}"


async def append_dead_letter(appender: Appender, letter: DeadLetter) -> None:
    """Append a dead letter and wait for it. Raises `LogUnavailable`: the source record must be read again."""
    await appender.append(DEAD_LETTERS.name, 0, encode_dead_letter(letter), letter.id.encode())
