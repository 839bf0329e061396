"""The complete path of S4 decoding: unknown fields, unusual values, and the name of what is wrong.

Source: the S4 reference and contract/telemetry.md, "S4 ingest". `schemas/telemetry/s4.py` comes here for
every body its fast path does not take; what both accept, they accept alike.

Decisions the contract leaves open: a field that is nil counts as absent when the kind is inferred; text
that a kind requires must not be empty; NaN and infinities are refused everywhere, custom_data included,
because no later reader can hold them; integer map keys become text and binary becomes base64 text.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

import msgspec

from schemas.telemetry.s4_item import (
    CREATE_PLAYER,
    FUNNEL_STEP,
    GAMEPLAY,
    ITEMS_MAX,
    PLAYER,
    TRAJECTORY,
    TRAJECTORY_POINTS_MAX,
    InvalidPayload,
    Item,
)
from schemas.telemetry.values import MAP_ENTRIES_MAX, Budget, ValueRefused, plain, undecodable
from schemas.timestamps import TimestampError, unix_ms

_any_decoder = msgspec.msgpack.Decoder()
_raw_list_decoder = msgspec.msgpack.Decoder(list[msgspec.Raw])
_raw_map_decoder = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])

_REFUSED = (msgspec.DecodeError, ValueError, TypeError, OverflowError, RecursionError)
"""What the decoder raises on bytes that can't be read (TypeError: a map key that can't be hashed)."""


class _Wrong(ValueError):
    """A field's value has the wrong type or bounds; the message is for the client."""


def _text(value: Any) -> Any:
    if type(value) is not str:
        raise _Wrong("must be text")
    return value


def _name(value: Any) -> Any:
    if type(value) is not str or not value:
        raise _Wrong("must be text and not empty")
    return value


def _time(value: Any) -> Any:
    if type(value) is not str:
        raise _Wrong("must be ISO 8601 text")
    try:
        unix_ms(value)
    except TimestampError as error:
        raise _Wrong(str(error)) from None
    return value


def _number(value: Any) -> Any:
    # 64-bit integers always fit a double; only NaN and the infinities are left to refuse.
    if type(value) is not float and type(value) is not int:
        raise _Wrong("must be a number")
    if not isfinite(value):
        raise _Wrong("must be finite")
    return value


def _numbers(value: Any) -> list[float]:
    if type(value) is not list:
        raise _Wrong("must be a flat array of numbers")
    if set(map(type, value)) <= {int, float} and all(map(isfinite, value)):
        return list(map(float, value))
    return [float(_number(element)) for element in value]


def _position(value: Any) -> Any:
    numbers = _numbers(value)
    if not 2 <= len(numbers) <= 3:
        raise _Wrong("must be 2 or 3 finite numbers")
    return numbers


def _positions(value: Any) -> Any:
    numbers = _numbers(value)
    if len(numbers) % 3:
        raise _Wrong("must be flat (x, y, z, x, y, z, …): its length must be a multiple of 3")
    if len(numbers) > 3 * TRAJECTORY_POINTS_MAX:
        raise _Wrong(f"may hold at most {TRAJECTORY_POINTS_MAX} points")
    return numbers


def _map(value: Any) -> Any:
    if type(value) is not dict:
        raise _Wrong("must be a map")
    return value


def _fps(value: Any) -> Any:
    for key in ("mean", "low_5", "low_1"):
        if _map(value).get(key) is not None:
            _number(value[key])
    return value


def _anything(value: Any) -> Any:
    return value


_Check = Callable[[Any], Any]
_COMMON: Final[dict[str, _Check]] = {"app_id": _name, "build_id": _name, "player_id": _name}
_IN_SESSION: Final[dict[str, _Check]] = {**_COMMON, "session_id": _name}
REQUIRED: Final[dict[int, dict[str, _Check]]] = {
    PLAYER: {"event_name": _name, **_COMMON, "timestamp": _time},
    FUNNEL_STEP: {"funnel_step_name": _name, **_IN_SESSION, "timestamp": _time},
    GAMEPLAY: {"event_name": _name, **_IN_SESSION, "timestamp": _time},
    TRAJECTORY: {**_IN_SESSION, "positions": _positions, "timestamp_start": _time, "timestamp_end": _time},
}
OPTIONAL: Final[dict[int, dict[str, _Check]]] = {
    PLAYER: {"region": _text, "hardware": _map},
    FUNNEL_STEP: {"level_id": _text},
    GAMEPLAY: {"level_id": _text, "position": _position, "custom_data": _anything, "input_method": _text},
    TRAJECTORY: {"level_id": _text, "status": _text, "input_method": _text, "fps": _fps},
}
"""By kind: its fields, and what checks each."""
_LABELS: Final = ("source", "environment")
"""Extra fields the projector reads where they are text; anything else under these names stays an extra."""


def decode_completely(body: bytes, *, values: int | None = None) -> list[Item]:
    """Decode any body, or raise `InvalidPayload` naming the first bad item and its field.

    `values` bounds how many values lists and maps hold; None for records of the log, which were accepted.
    """
    if not body:
        raise InvalidPayload("the body is empty; expected one MessagePack map or a list of maps")
    count = _announced_items(body)
    if count == 0:
        raise InvalidPayload("the list is empty")
    if count is not None and count > ITEMS_MAX:
        raise InvalidPayload(f"a request may carry at most {ITEMS_MAX} items", ITEMS_MAX)
    try:
        content = _any_decoder.decode(body)
    except _REFUSED as error:
        raise _undecodable_body(body, error) from None
    if type(content) is not list:
        content = [content]
    budget = Budget(values=values)
    return [_item(index, fields, budget) for index, fields in enumerate(content)]


def _announced_items(body: bytes) -> int | None:
    """The length that a MessagePack array's header announces; None where the body is no array."""
    head = body[0]
    if 0x90 <= head <= 0x9F:
        return head & 0x0F
    if head == 0xDC:
        return int.from_bytes(body[1:3], "big")
    if head == 0xDD:
        return int.from_bytes(body[1:5], "big")
    return None


def _item(index: int, content: Any, budget: Budget) -> Item:
    fields = _fields(index, content, budget)
    kind = _kind(fields, index)
    item = Item(kind=kind)
    for field, check in REQUIRED[kind].items():
        value = fields.pop(field, None)
        if value is None:
            raise InvalidPayload(f"{field} is required", index, field)
        _set(index, item, field, check, (value, content[field]))
    for field, check in OPTIONAL[kind].items():
        value = fields.pop(field, None)
        if value is not None:
            _set(index, item, field, check, (value, content[field]))
    for field in _LABELS:
        if type(fields.get(field)) is str:
            setattr(item, field, fields.pop(field))
    _keep_extras(item, fields, index, budget)
    _set_times(item, index)
    return item


def _fields(index: int, content: Any, budget: Budget) -> dict[str, Any]:
    if type(content) is not dict:
        raise InvalidPayload("an item must be a MessagePack map", index)
    if len(content) > MAP_ENTRIES_MAX:
        raise InvalidPayload(f"a map may have at most {MAP_ENTRIES_MAX} entries", index)
    fields: dict[str, Any] = {}
    for key, value in content.items():
        if type(key) is not str:
            raise InvalidPayload("field names must be text", index)
        try:
            # Numbers of a trajectory are checked once, by _positions; as an extra field, by _keep_extras.
            fields[key] = value if key == "positions" else plain(value, 1, budget)
        except ValueRefused as error:
            raise InvalidPayload(str(error), index, key) from None
    return fields


def _kind(fields: dict[str, Any], index: int) -> int:
    if fields.get("funnel_step_name") is not None:
        return FUNNEL_STEP
    if fields.get("positions") is not None or fields.get("timestamp_start") is not None:
        return TRAJECTORY
    if fields.get("event_name") is not None:
        return PLAYER if fields["event_name"] == CREATE_PLAYER else GAMEPLAY
    named = [field for field in ("funnel_step_name", "positions", "timestamp_start") if field in fields]
    raise InvalidPayload(
        "one of event_name, funnel_step_name or positions is required",
        index,
        named[0] if named else "event_name",
    )


def _set(index: int, item: Item, field: str, check: _Check, value: tuple[Any, Any]) -> None:
    """Set a checked field. `value` is (stored form, as it came): base64 of binary must not pass for text."""
    stored, original = value
    try:
        checked = check(original)
        setattr(item, field, checked if field in {"position", "positions"} else stored)
    except _Wrong as error:
        raise InvalidPayload(f"{field} {error}", index, field) from None


def _keep_extras(item: Item, fields: dict[str, Any], index: int, budget: Budget) -> None:
    extras = {}
    for field, value in fields.items():
        if value is None and field in Item.__struct_encode_fields__:
            continue
        try:
            extras[field] = plain(value, 1, budget) if field == "positions" else value
        except ValueRefused as error:
            raise InvalidPayload(str(error), index, field) from None
    if extras:
        item.extras = extras


def _set_times(item: Item, index: int) -> None:
    if item.kind != TRAJECTORY:
        item.at_ms = unix_ms(item.timestamp or "")
        return
    item.at_ms = unix_ms(item.timestamp_start or "")
    item.end_ms = unix_ms(item.timestamp_end or "")
    if item.at_ms > item.end_ms:
        raise InvalidPayload("timestamp_start must not be after timestamp_end", index, "timestamp_start")


def _undecodable_body(body: bytes, error: Exception) -> InvalidPayload:
    """Say which item and field a decoder stumbled over, as far as the body can be taken apart at all."""
    try:
        items = _raw_list_decoder.decode(body) if _announced_items(body) is not None else [msgspec.Raw(body)]
    except _REFUSED:
        return InvalidPayload(undecodable(error))
    for index, item in enumerate(items):
        wrong = _error_of(item)
        if wrong is None:
            continue
        try:
            fields = _raw_map_decoder.decode(item)
        except _REFUSED:
            return InvalidPayload(undecodable(wrong), index)
        field = next((name for name, value in fields.items() if _error_of(value) is not None), None)
        return InvalidPayload(undecodable(wrong), index, field)
    return InvalidPayload(undecodable(error))


def _error_of(raw: msgspec.Raw) -> Exception | None:
    try:
        _any_decoder.decode(raw)
    except _REFUSED as error:
        return error
    return None
