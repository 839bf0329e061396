"""Slots as the layout before holds them, for edges of the release before: by this layout's operations. Pure.

There a slot is a hash of its own: `slot:<slot>` with `of` -> (order, studio, game), `state` -> SlotState, and
where there is one `submission`, `rating`, `rejection`, `transcription`, `report`, `public`. All other keys
are the same in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from projections.playtests.context import encode
from projections.playtests.keys import SLOT_ROWS
from projections.redis.operations import Operation, delete_field, set_field
from schemas.playtests.views import SlotState

_parts: Final = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_state: Final = msgspec.msgpack.Decoder(SlotState)
_text: Final = msgspec.msgpack.Decoder(str)
_FIELDS: Final = {
    "submission": "submission",
    "rating": "rating",
    "rejection": "rejection",
    "transcription": "transcription",
    "blocked_report": "report",
}
"""Entries of a row beside its state -> their fields."""


def former(operations: Sequence[Operation]) -> list[Operation]:
    """The same operations on the layout before."""
    return [
        one
        for operation in operations
        for one in (_slot(*operation) if _is_slot(operation) else (operation,))
    ]


def _is_slot(operation: Operation) -> bool:
    return operation[0] == "hmerge" and str(operation[1]).startswith(SLOT_ROWS)


def _slot(_name: Any, _rows: Any, slot_id: Any, without: Any, entries: Any) -> Iterator[Operation]:
    key = f"slot:{slot_id}"
    parts = _parts.decode(entries)
    if "order_id" in parts:
        of = tuple(_text.decode(parts[name]) for name in ("order_id", "studio_id", "game_id"))
        yield set_field(key, "of", encode(of))
        yield set_field(key, "state", encode(_state.decode(entries)))
    for name in without.split("\0"):
        if name in _FIELDS:
            yield delete_field(key, _FIELDS[name])
    for name, field in _FIELDS.items():
        if name in parts:
            yield set_field(key, field, bytes(parts[name]))
    if "public_key" in parts:
        yield set_field(key, "public", _text.decode(parts["public_key"]))
