"""The envelope of the command path: command records, events records, outcomes.

NOTE: these shapes are stored. Fields are positional (`array_like`): append with a default, never reorder.
Source of the rules: the write path of the design (one command record gives exactly one events record, `src`).
"""

from __future__ import annotations

from typing import Final

import msgspec

ENVELOPE_VERSION: Final = 1


class Command(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A self-contained request to decide. The decider looks at nothing but this and its folded state."""

    command_id: str
    """UUID text: v5 of (game, subject, operation, idempotency key), or random where there is no key."""
    type: str
    """Wire name with version, e.g. `studio.key-create.v1`."""
    aggregate_id: str
    studio_id: str
    game_id: str
    body: bytes
    """MessagePack of the command's struct in `schemas/<noun>/commands.py`."""
    at_ms: int
    """When it was asked, by the gateway's clock; the decider clamps it to the record's LogAppendTime."""
    seed: bytes
    """16 random bytes: the only randomness a decider may use."""
    fingerprint: bytes
    """SHA-256 of the request's meaning; the same command_id with another fingerprint is a conflict."""
    keyed: bool
    """True when the client gave an idempotency key: its outcome is kept 24 hours instead of 2 minutes."""
    definition: str = ""
    """`version:hash` of the definition in `CommandRecord.definitions` this command was resolved with."""
    by: str = ""
    """Who asked, as `questlog audit` shows it: `operator NAME@HOST` or `key ID`, never a key's value. Empty:
    a player, a process of questlog's own, or a release before the field."""


class CommandRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One record of `<noun>.commands`: what one gateway gathered for one partition."""

    version: int
    gateway_id: str
    """Where the notification goes: the Redis channel `wake:{gateway_id}`."""
    record_id: str
    """Names this record to its gateway; the notification carries it back."""
    commands: list[Command]
    definitions: dict[str, bytes] = {}


class CommandsHead(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The beginning of a CommandRecord: which record of which gateway it is."""

    version: int
    gateway_id: str
    record_id: str


class Event(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One thing that happened. `type` is a past-tense wire name with version: `studio.key-created.v1`."""

    type: str
    aggregate_id: str
    sequence: int
    """Position in its aggregate's history, from 1. A field for readers; `src` is what guards."""
    at_ms: int
    data: bytes


class Decided(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What came of one command. Every command has one, in the order of the command record."""

    command_id: str
    studio_id: str
    game_id: str
    keyed: bool
    fingerprint: bytes
    events: list[Event]
    by: str = ""
    """The command's `by`."""


class EventsRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One record of `<noun>.events`. Readers accept it only if `src` is the last accepted `src` plus 1."""

    version: int
    src: int
    gateway_id: str
    record_id: str
    decided: list[Decided]
    appended_at_ms: int = 0
    """LogAppendTime of the command record that `src` is; 0 in records older than the field."""
    asked_at_ms: int = 0
    """`at_ms` of its newest command; 0 where it has none that can be read, and likewise."""


class EventsHead(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The beginning of an EventsRecord, for who wants to know whether it counts and no more."""

    version: int
    src: int


class Outcome(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The stored answer to a command: a pure function of its own events."""

    command_id: str
    fingerprint: bytes
    status: int
    """The HTTP status of the decided answer: 2xx, 404, 409; 500 for CommandFailed."""
    body: bytes
    """MessagePack of the answer's body as the surface's handler needs it."""


COMMAND_REJECTED: Final = "command-rejected.v1"
COMMAND_REPEATED: Final = "command-repeated.v1"
COMMAND_FAILED: Final = "command-failed.v1"


class CommandRejected(msgspec.Struct, frozen=True):
    """Data of COMMAND_REJECTED: a refusal is an event too."""

    status: int
    code: str
    message: str
    field: str | None = None
    details: dict[str, str | int | float] = {}
    """What a client can act on, by the names its surface shows: `reason`, `retryAfterMs`, …"""


class CommandRepeated(msgspec.Struct, frozen=True):
    """Data of COMMAND_REPEATED: decided before; the stored outcome answers."""

    first_src: int


class CommandFailed(msgspec.Struct, frozen=True):
    """Data of COMMAND_FAILED: the decider itself failed on this command; the rest of its record went on."""

    error: str
