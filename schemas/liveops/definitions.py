"""From a game's definition to what a command carries: the event's definition as bytes, and its window.

The gateway resolves, the decider reads: both see the same bytes. `reference` (`version:hash`) goes into
`Command.definition`, the bytes into `CommandRecord.definitions` under it. Pure.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from schemas.edge.ports import Game
from schemas.liveops.views import CrateRow, GrantEntry
from schemas.liveops.windows import Window, window_of
from schemas.studio.definitions_events import CrateRow as DefinedRow
from schemas.studio.definitions_events import Entry, EventDefinition

_encoder: Final = msgspec.msgpack.Encoder(order="deterministic")
_decoder: Final = msgspec.msgpack.Decoder(EventDefinition)


class ResolvedEvent(msgspec.Struct, frozen=True):
    """An event of a game as commands carry it. Resolve once for each version of a game and keep it."""

    definition: EventDefinition
    encoded: bytes
    reference: str
    """`version:hash`: the game's definition version, 16 hexadecimal digits of the event's bytes."""

    def window_at(self, at_ms: int) -> Window | None:
        """The window that is open at a time."""
        return window_of(self.definition.window, at_ms)


def resolve_event(game: Game, event_key: str) -> ResolvedEvent | None:
    """The event of that key; None where the game has none."""
    for event in game.definition.get("events", []):
        if event["eventKey"] == event_key:
            return _resolved(event, game.definition_version)
    return None


def resolve_events(game: Game) -> list[ResolvedEvent]:
    """All events of a game, in the definition's order."""
    return [_resolved(event, game.definition_version) for event in game.definition.get("events", [])]


def _resolved(event: dict[str, Any], version: int) -> ResolvedEvent:
    definition = msgspec.convert(event, EventDefinition)
    encoded = encode_definition(definition)
    return ResolvedEvent(definition, encoded, f"{version}:{hashlib.sha256(encoded).hexdigest()[:16]}")


def encode_definition(definition: EventDefinition) -> bytes:
    """Equal definitions are equal bytes."""
    return _encoder.encode(definition)


def decode_definition(encoded: bytes) -> EventDefinition:
    """Read it back. Raises `msgspec.DecodeError`."""
    return _decoder.decode(encoded)


def grant_entries(entries: list[Entry] | None) -> list[GrantEntry]:
    """A definition's entries as grants hold them."""
    return [GrantEntry(type=entry.type, key=entry.key, quantity=entry.quantity) for entry in entries or []]


def crate_table(rows: list[DefinedRow]) -> list[CrateRow]:
    """A definition's crate table as grants hold it."""
    return [CrateRow(weight=row.weight, entries=grant_entries(row.entries)) for row in rows]


def table_version_of(table: list[CrateRow]) -> str:
    """The version of a table that no definition holds (a server's grant): `server:<hash>`."""
    return f"server:{hashlib.sha256(_encoder.encode(table)).hexdigest()[:16]}"
