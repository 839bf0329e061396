"""S4 items: the MessagePack of `POST /api/events`, decoded and validated. Pure: no clock, no store.

Source: the S4 reference and contract/telemetry.md, "S4 ingest". Both sides of the log use this module: the
gateway validates with `validate`, the projector reads back with `decode_items` what was accepted.

The fast path decodes into one flat struct whose fields are those of all four kinds, with every type, bound
and limit checked in C; unknown fields send it to the complete path (`s4_complete.py`), which also knows how
to name the item and the field that is wrong. Both give the same items.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.telemetry.s4_complete import decode_completely
from schemas.telemetry.s4_item import (
    BODY_BYTES_MAX,
    CREATE_PLAYER,
    FUNNEL_STEP,
    GAMEPLAY,
    ITEMS_MAX,
    KIND_NAMES,
    PLAYER,
    REQUEST_POINTS_MAX,
    TRAJECTORY,
    InvalidPayload,
    Item,
    PayloadTooLarge,
)
from schemas.telemetry.values import Properties
from schemas.timestamps import AHEAD_MS_MAX, EARLIEST_MS, TimestampError, unix_ms

__all__ = [
    "BODY_BYTES_MAX",
    "FUNNEL_STEP",
    "GAMEPLAY",
    "ITEMS_MAX",
    "KIND_NAMES",
    "PLAYER",
    "TRAJECTORY",
    "InvalidPayload",
    "Item",
    "PayloadTooLarge",
    "belongs_to",
    "decode_items",
    "validate",
]

_NONE = {count: (None,) * count for count in (3, 5, 6)}
"""What the fields of other kinds must equal: one tuple compare instead of a chain of tests."""
_list_decoder = msgspec.msgpack.Decoder(list[Item])
_item_decoder = msgspec.msgpack.Decoder(Item)


class _OpenItem(Item, forbid_unknown_fields=False, gc=False):
    """An item that may carry fields nobody knows."""


_FIELDS = frozenset(Item.__struct_encode_fields__)
_open_list_decoder = msgspec.msgpack.Decoder(list[_OpenItem])
_open_item_decoder = msgspec.msgpack.Decoder(_OpenItem)
_map_list_decoder: msgspec.msgpack.Decoder[list[dict[str, Any]]] = msgspec.msgpack.Decoder(list[Properties])
_map_decoder: msgspec.msgpack.Decoder[dict[str, Any]] = msgspec.msgpack.Decoder(Properties)


def decode_items(body: bytes) -> list[Item]:
    """Decode a body that was accepted before. Raises `InvalidPayload` on one that can't have been.

    Ranges of time are not looked at: they were judged on arrival.
    """
    return _decode_fast(body) or decode_completely(body)


def validate(body: bytes, arrived_at_ms: int) -> list[Item]:
    """Decode and validate a request's body completely, except for the application it belongs to.

    Raises `InvalidPayload` (400) naming the first bad item and its field, or `PayloadTooLarge` (413).
    """
    items = decode_items(body)
    latest = arrived_at_ms + AHEAD_MS_MAX
    numbers = 0
    for item in items:
        if not EARLIEST_MS <= item.at_ms <= latest or item.end_ms > latest:
            _refuse_time(items, latest)
        if item.kind == TRAJECTORY:
            numbers += len(item.positions or ())
    if numbers > 3 * REQUEST_POINTS_MAX:
        raise PayloadTooLarge(f"a request may carry at most {REQUEST_POINTS_MAX} trajectory points")
    return items


def belongs_to(items: list[Item], app_id: str) -> bool:
    """Whether every item names this application."""
    return all([item.app_id == app_id for item in items])  # noqa: C419 - a list is faster than a generator here


def _refuse_time(items: list[Item], latest: int) -> None:
    for index, item in enumerate(items):
        for field, at_ms in (
            ("timestamp_start" if item.kind == TRAJECTORY else "timestamp", item.at_ms),
            ("timestamp_end", item.end_ms or EARLIEST_MS),
        ):
            if at_ms < EARLIEST_MS:
                raise InvalidPayload("the time is before 2000-01-01", index, field)
            if at_ms > latest:
                raise InvalidPayload("the time is more than 24 hours ahead", index, field)


def _decode_fast(body: bytes) -> list[Item] | None:
    """The items of a body that has nothing unusual; None sends it through the complete path."""
    head = body[0] if body else 0xC0
    try:
        if 0x90 <= head <= 0x9F or head == 0xDC:
            if head == 0xDC and int.from_bytes(body[1:3], "big") > ITEMS_MAX:
                return None
            items = _list_decoder.decode(body)
        else:
            items = [_item_decoder.decode(body)]
    except msgspec.ValidationError:
        found = _decode_with_extras(body, head)
        if found is None:
            return None
        items = found
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    try:
        return items if items and _finish(items) else None
    except TimestampError:
        return None


def _decode_with_extras(body: bytes, head: int) -> list[Item] | None:
    """Decode twice, for the known fields and for all values: still four times faster than completely."""
    try:
        if 0x90 <= head <= 0x9F or head == 0xDC:
            items: list[Item] = [*_open_list_decoder.decode(body)]
            maps = _map_list_decoder.decode(body)
        else:
            items = [_open_item_decoder.decode(body)]
            maps = [_map_decoder.decode(body)]
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    for item, fields in zip(items, maps, strict=True):
        unknown = fields.keys() - _FIELDS
        if unknown:
            item.extras = {field: value for field, value in fields.items() if field in unknown}
    return items


def _finish(items: list[Item]) -> bool:
    """Set kind and times of each item; False where one of them needs the complete path.

    That is so for every item that is wrong, and for one with a field that only another kind knows.
    """
    for item in items:
        if not (item.app_id and item.build_id and item.player_id):
            return False
        if item.funnel_step_name is not None:
            fits = _is_funnel_step(item)
        elif item.positions is not None or item.timestamp_start is not None:
            fits = _is_trajectory(item)
        elif item.event_name == CREATE_PLAYER:
            fits = _is_player(item)
        else:
            fits = _is_gameplay(item)
        if not fits:
            return False
    return True


def _is_gameplay(item: Item) -> bool:
    if not (item.event_name and item.session_id and item.timestamp):
        return False
    item.kind = GAMEPLAY
    item.at_ms = unix_ms(item.timestamp)
    return (item.fps, item.status, item.timestamp_end, item.region, item.hardware) == _NONE[5]


def _is_trajectory(item: Item) -> bool:
    positions, start, end = item.positions, item.timestamp_start, item.timestamp_end
    if positions is None or len(positions) % 3 or not (item.session_id and start and end):
        return False
    item.kind = TRAJECTORY
    item.at_ms = unix_ms(start)
    item.end_ms = unix_ms(end)
    strays = (item.event_name, item.timestamp, item.position, item.custom_data, item.region, item.hardware)
    return item.at_ms <= item.end_ms and strays == _NONE[6]


def _is_funnel_step(item: Item) -> bool:
    if not (item.funnel_step_name and item.session_id and item.timestamp):
        return False
    item.kind = FUNNEL_STEP
    item.at_ms = unix_ms(item.timestamp)
    strays = (item.event_name, item.input_method, item.status, item.region, item.fps, item.hardware)
    if strays != _NONE[6]:
        return False
    rest = (item.custom_data, item.position, item.positions, item.timestamp_start, item.timestamp_end)
    return rest == _NONE[5]


def _is_player(item: Item) -> bool:
    if not item.timestamp:
        return False
    item.kind = PLAYER
    item.at_ms = unix_ms(item.timestamp)
    strays = (item.session_id, item.level_id, item.input_method, item.status, item.timestamp_end)
    return strays == _NONE[5] and (item.fps, item.custom_data, item.position) == _NONE[3]
