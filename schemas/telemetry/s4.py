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

from schemas.identifiers import id_problem
from schemas.telemetry.decoding_cost import LARGE_BYTES, msgpack_problem
from schemas.telemetry.s4_complete import decode_completely
from schemas.telemetry.s4_inference import finish
from schemas.telemetry.s4_item import (
    BODY_BYTES_MAX,
    FUNNEL_STEP,
    GAMEPLAY,
    ITEMS_MAX,
    KIND_NAMES,
    PLAYER,
    REQUEST_POINTS_MAX,
    TRAJECTORY,
    BoundedItem,
    InvalidPayload,
    Item,
    PayloadTooLarge,
    check_texts,
)
from schemas.telemetry.values import TOO_MANY_VALUES, VALUES_MAX, Properties, count_values
from schemas.timestamps import AHEAD_MS_MAX, EARLIEST_MS, TimestampError

__all__ = [
    "BODY_BYTES_MAX",
    "FUNNEL_STEP",
    "GAMEPLAY",
    "ITEMS_MAX",
    "KIND_NAMES",
    "PLAYER",
    "TRAJECTORY",
    "Checked",
    "InvalidPayload",
    "Item",
    "PayloadTooLarge",
    "belongs_to",
    "check",
    "decode_items",
    "validate",
]

_NUMBERS_MAX = 3 * REQUEST_POINTS_MAX
TOO_MANY_POINTS = f"a request may carry at most {REQUEST_POINTS_MAX} trajectory points"
_list_decoder = msgspec.msgpack.Decoder(list[Item])
_raw_list_decoder: msgspec.msgpack.Decoder[list[msgspec.Raw | bytes]] = msgspec.msgpack.Decoder(
    list[msgspec.Raw]
)
_item_decoder = msgspec.msgpack.Decoder(Item)
_bounded_item_decoder = msgspec.msgpack.Decoder(BoundedItem)


class _OpenItem(Item, forbid_unknown_fields=False, gc=False):
    """An item that may carry unknown fields."""


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
    _refuse_heavy(body)
    items = _decode_fast(body) or decode_completely(body, values=VALUES_MAX)
    latest = arrived_at_ms + AHEAD_MS_MAX
    large = len(body) > LARGE_BYTES
    numbers = values = 0
    for index, item in enumerate(items):
        check_texts(item, index)
        if large:
            values += _values_in(item, VALUES_MAX - values)
            if values > VALUES_MAX:
                raise InvalidPayload(TOO_MANY_VALUES, index)
        if not EARLIEST_MS <= item.at_ms <= latest or item.end_ms > latest:
            _refuse_time(items, latest)
        if item.kind == TRAJECTORY:
            numbers += len(item.positions or ())
    if numbers > _NUMBERS_MAX:
        raise PayloadTooLarge(TOO_MANY_POINTS)
    return items


class Checked(msgspec.Struct, frozen=True, gc=False):
    """What the gateway needs of a valid request: how many items, whose is the first, is it all of the app."""

    count: int
    first_player_id: str
    in_scope: bool


def check(body: bytes, arrived_at_ms: int, app_id: str) -> Checked:
    """As `validate`, without keeping the items.

    A batch is taken apart first and each item thrown away before the next: its memory is then still in the
    CPU's cache, which on a busy machine is worth a third of the time.
    """
    _refuse_heavy(body)
    checked = _check_one_by_one(body, arrived_at_ms, app_id)
    if checked is not None:
        return checked
    items = validate(body, arrived_at_ms)
    return Checked(len(items), items[0].player_id or "", belongs_to(items, app_id))


def _refuse_heavy(body: bytes) -> None:
    problem = msgpack_problem(body)
    if problem is not None:
        raise InvalidPayload(problem)


def _check_one_by_one(  # noqa: C901, PLR0912 - a call in this loop costs as much as a tenth of an item
    body: bytes, arrived_at_ms: int, app_id: str
) -> Checked | None:
    """None where anything is unusual: then `validate` judges."""
    latest = arrived_at_ms + AHEAD_MS_MAX
    decode = _bounded_item_decoder.decode
    large = len(body) > LARGE_BYTES
    numbers = values = 0
    in_scope = True
    first = ""
    players: dict[str | None, str | None] = {}
    """Session -> its player, both of them looked at: a batch holds few of them and many events of each."""
    player_of = players.get
    try:
        raws = _raw_list_decoder.decode(body) if _is_listed(body[0]) else [body]
        for raw in raws:
            item = decode(raw)
            if not finish(item) or not EARLIEST_MS <= item.at_ms <= latest:
                return None
            if item.app_id != app_id:
                in_scope = False
            if player_of(item.session_id) != item.player_id:
                if not _take_ids(players, item):
                    return None
                first = first or item.player_id or ""
            if item.positions is not None:
                if item.end_ms > latest:
                    return None
                numbers += len(item.positions)
                if numbers > _NUMBERS_MAX:
                    break
            if large:
                values += _values_in(item, VALUES_MAX - values)
                if values > VALUES_MAX:
                    break
    except (msgspec.DecodeError, ValueError, IndexError, RecursionError):
        return None
    if numbers > _NUMBERS_MAX:
        raise PayloadTooLarge(TOO_MANY_POINTS)
    if values > VALUES_MAX:
        raise InvalidPayload(TOO_MANY_VALUES, next(place for place, one in enumerate(raws) if one is raw))
    return Checked(len(raws), first, in_scope) if 0 < len(raws) <= ITEMS_MAX else None


def _is_listed(head: int) -> bool:
    return 0x90 <= head <= 0x9F or head == 0xDC


def _take_ids(players: dict[str | None, str | None], item: Item) -> bool:
    """Remember an item's session and player; False where one of them is no id."""
    players[item.session_id] = item.player_id
    return not any(text is not None and id_problem(text) for text in (item.player_id, item.session_id))


def _values_in(item: Item, most: int) -> int:
    return count_values([item.custom_data, item.hardware, item.extras, item.fps], most)


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
        for item in items:
            if not finish(item):
                return None
    except TimestampError:
        return None
    return items or None


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
