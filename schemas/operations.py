"""What operators do that no command of a noun says: records of the topic `operations`.

Each act is two records of one id: it began, and how it ended. An act without an end was broken off, or runs.
NOTE: stored and positional: append fields with a default, never reorder.
"""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.topics import Topic

OPERATION_VERSION: Final = 1
TEXT_CHARACTERS_MAX: Final = 500
OPERATIONS: Final = Topic(
    name="operations",
    partitions=1,
    partitions_max=1,
    description="What operators do by the command line that changes no noun's state: who, what, on what.",
)
BEGAN: Final = "began"
DONE: Final = "done"


class Operation(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One moment of an operator's act. It holds no secret: names and ids alone."""

    version: int
    id: str
    """UUID text, the same in the act's two records."""
    act: str
    """The command without its values: `analysts create`, `webhooks secret`."""
    outcome: str
    """`began`, `done`, or what it failed with: the kind of error, never its text."""
    by: str
    """As `schemas.envelope.Command.by`."""
    studio_id: str = ""
    """Empty: of no one studio."""
    target: str = ""
    """What it is done to: a name or an id."""


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Operation)


def encode_operation(operation: Operation) -> bytes:
    """The value of a record."""
    return _encoder.encode(operation)


def decode_operation(value: bytes) -> Operation:
    """Read one back. Raises `msgspec.DecodeError` or `ValueError`."""
    operation = _decoder.decode(value)
    if operation.version != OPERATION_VERSION:
        raise ValueError(f"operation version {operation.version} is unknown; this build reads 1")
    return operation


def principal_of_key(key_id: str) -> str:
    """Who asks with a key: its id. Empty where none was shown."""
    return f"key {key_id}" if key_id else ""
