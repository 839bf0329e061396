"""What processing tells as it goes, and what it ends with: lines of JSON from the sandboxed child. Pure.

The child has read hostile bytes, so nothing of it is trusted: lines are bounded, and read into these shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from streams.fleet.builds.limits import (
    IMAGE_CONFIG_BYTES_MAX,
    IMAGE_ENTRIES_MAX,
    PATH_BYTES_MAX,
    UNPACKED_BYTES_MAX,
)

MESSAGE_CHARACTERS_MAX: Final = 1_000
LINES_MAX: Final = 1_000
"""Of one attempt."""
REPLY_BYTES_MAX: Final = 2 * IMAGE_CONFIG_BYTES_MAX
"""One line of the child's."""

Level = Literal["info", "warn", "error"]
Step = Literal["fetch", "resolve", "pull", "unpack", "validate", "archive", "store", "done"]
Log = Callable[[Level, Step, str], None]

_Message = Annotated[str, Meta(min_length=1, max_length=MESSAGE_CHARACTERS_MAX)]
_Path = Annotated[str, Meta(max_length=PATH_BYTES_MAX)]


class Confined(msgspec.Struct, frozen=True, tag="confined", forbid_unknown_fields=True):
    """The child has confined itself; from here on it reads what is hostile."""

    missing: Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=10)]
    """Parts of the sandbox that could not be had here."""


class LogLine(msgspec.Struct, frozen=True, tag="log", forbid_unknown_fields=True):
    """A line for the build's log."""

    level: Level
    step: Step
    message: _Message


class Made(msgspec.Struct, frozen=True, tag="made", forbid_unknown_fields=True):
    """The artefact is written, whole."""

    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, Meta(ge=1, le=UNPACKED_BYTES_MAX + 2**30)]
    unpacked_bytes: Annotated[int, Meta(ge=0, le=UNPACKED_BYTES_MAX)]
    files: Annotated[int, Meta(ge=0, le=IMAGE_ENTRIES_MAX)]
    executable_path: _Path
    """In the artefact; empty where none was asked for."""


class Configured(msgspec.Struct, frozen=True, tag="configured", forbid_unknown_fields=True):
    """An image's layers can be unpacked, and this is how it is to be run."""

    entrypoint: list[str]
    cmd: list[str]
    env: list[str]
    """`NAME=value`."""
    workdir: str


class Refused(msgspec.Struct, frozen=True, tag="refused", forbid_unknown_fields=True):
    """The input can't become a build."""

    message: _Message


Reply = Confined | LogLine | Made | Configured | Refused

decode_reply: Final = msgspec.json.Decoder(Reply).decode
"""A line of the child's. Raises msgspec.DecodeError and its ValidationError."""


def encode_reply(reply: Reply) -> bytes:
    """As the child writes it: one line."""
    return msgspec.json.encode(reply) + b"\n"


def bounded(message: str) -> str:
    """A message that a line of the log can hold."""
    if len(message) <= MESSAGE_CHARACTERS_MAX:
        return message or "(nothing)"
    return f"{message[: MESSAGE_CHARACTERS_MAX - 3]}..."
