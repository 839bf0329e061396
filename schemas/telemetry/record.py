"""What a record of the `telemetry` topic holds: entries, each one HTTP request or one internal mark.

NOTE: these shapes are stored. Fields are positional (`array_like`): append new ones with a default at the
end, never reorder; a new `kind` value is a new stored name.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import Final

import msgspec

RECORD_VERSION: Final = 1


class EntryKind(StrEnum):
    """The stored name of what an entry holds."""

    S4_ITEMS = "s4.items.v1"
    """Body: the MessagePack request as sent (after gunzip): one map or a list of maps."""
    S1_BATCH = "s1.batch.v1"
    """Body: the JSON request as sent."""
    S1_FEEDBACK = "s1.feedback.v1"
    """Body: the JSON request as sent."""
    MODEL_UPLOADED = "s4.model-uploaded.v1"
    """Body: JSON {id, app_id, app_name, level_name, size, sha256, object}."""
    EXPORT_STARTED = "s4.export-started.v1"
    """Body: JSON {export_id}."""
    SESSION_DUE = "session.due.v1"
    """Body: JSON {session_id, last_event_at_ms, watermark_ms}: the timer's word that a session has ended."""
    RECORD_SKIPPED = "record.skipped.v1"
    """Body: JSON, `schemas.telemetry.skips.SkipDecision`: an earlier record of this partition is skipped."""
    PERSON_FORGOTTEN = "person.forgotten.v1"
    """Body: JSON, `schemas.telemetry.forgetting.PersonForgotten`. Its record holds nothing else."""
    TICK = "tick.v1"
    """Empty body. Closes an open batch on a partition where nothing else arrives."""


class TelemetryEntry(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One request, never split over records. `received_at_ms` is the gateway's clock, for tracing only."""

    kind: str
    request_id: str
    studio_id: str
    game_id: str
    received_at_ms: int
    item_count: int
    country: str | None
    region: str | None
    city: str | None
    body: bytes


class TelemetryRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A record: what arrived at one gateway while the previous record of its partition was in flight."""

    version: int
    entries: list[TelemetryEntry]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(TelemetryRecord)


def encode_record(entries: list[TelemetryEntry]) -> bytes:
    """Encode entries as one record value. Callers keep it under `schemas.topics.RECORD_BYTES_MAX`.

    The bodies, which are nearly all of it, are copied once: the encoder's own buffer would move them each
    time it grows.
    """
    pieces = [bytes((0x92, RECORD_VERSION)), _array_head(len(entries))]
    for entry in entries:
        head = _encoder.encode(
            (
                entry.kind,
                entry.request_id,
                entry.studio_id,
                entry.game_id,
                entry.received_at_ms,
                entry.item_count,
                entry.country,
                entry.region,
                entry.city,
                b"",
            )
        )
        pieces += (head[:-2], _bin_head(len(entry.body)), entry.body)
    return b"".join(pieces)


def _array_head(length: int) -> bytes:
    """MessagePack's shortest header of an array."""
    if length < 16:
        return bytes((0x90 | length,))
    return struct.pack(">BH", 0xDC, length) if length < 2**16 else struct.pack(">BI", 0xDD, length)


def _bin_head(length: int) -> bytes:
    """MessagePack's shortest header of binary data."""
    if length < 2**8:
        return struct.pack(">BB", 0xC4, length)
    return struct.pack(">BH", 0xC5, length) if length < 2**16 else struct.pack(">BI", 0xC6, length)


def decode_record(value: bytes) -> TelemetryRecord:
    """Decode a record value. Raises `msgspec.DecodeError` or `ValueError` on what cannot be read."""
    record = _decoder.decode(value)
    if record.version != RECORD_VERSION:
        raise ValueError(f"telemetry record version {record.version} is unknown; this reads {RECORD_VERSION}")
    return record
