"""The identity of an S1 event: 128 bits that are equal for a repeat, so that re-sending never counts twice.

Source: contract/telemetry.md, "S1 ingest": an event's identity is (game, session, `seq`), else (game,
session, `t`, name, content, ordinal among equals in its batch). Stored beside the rows: the function may
never change.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

from schemas.telemetry.s1_batch import Batch, Event

_MODULUS: Final = 2**128
_SPREAD: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835
"""Odd, so that different `seq` of one session never meet; large, so that sessions don't either."""

_encoder = msgspec.json.Encoder(order="deterministic")


def identities(game_id: str, batch: Batch) -> list[int]:
    """The identity of each event of a batch, in its order. Equal numbers are the same event."""
    session = blake2b(_encoder.encode((game_id, batch.session_id)), digest_size=16)
    base = int.from_bytes(session.digest(), "big")
    ordinals: dict[bytes, int] = {}
    result = []
    for event in batch.events:
        if event.seq is not None:
            result.append((base + (event.seq + 2**63) * _SPREAD) % _MODULUS)
            continue
        content = _content(event)
        ordinal = ordinals.get(content, 0)
        ordinals[content] = ordinal + 1
        digest = session.copy()
        digest.update(content)
        digest.update(ordinal.to_bytes(4, "big"))
        result.append(int.from_bytes(digest.digest(), "big"))
    return result


def _content(event: Event) -> bytes:
    fields = (event.at_ms, event.name, event.x, event.y, event.z, event.room, event.props, event.extras)
    return _encoder.encode(fields)
