"""How expensive a body is to decode, estimated from its bytes before decoding. Pure.

msgspec reads a number in some 20 ns, but one whose decimal exponent is near the end of a double's range
(`8.98846567431158e307`, `1e-320`) in 9 µs: 1.6 s for a megabyte of them. orjson takes 60 ns at most. A
list or map costs 50 to 300 ns and 60 bytes, and a byte is enough for one.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.telemetry.values import CONTAINERS_MAX, TOO_MANY_VALUES, VALUES_MAX, count_values, undecodable

LARGE_BYTES: Final = 64 * 1024
"""What is smaller is decoded within some 20 ms whatever it holds."""
COSTLY_NUMBERS_MAX: Final = 250
"""Numbers with an exponent of three digits that are read one by one: at most 2.5 ms."""

_ITEM: Final = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.msgpack.Decoder(list[msgspec.Raw])
_KEYED: Final = msgspec.msgpack.Decoder(dict[str | int | float | bool | None, msgspec.Raw])
_SCALARS: Final = msgspec.msgpack.Decoder(list[bool | int | float | str | None])
_ANY: Final = msgspec.msgpack.Decoder()
_BROKEN: Final = (msgspec.DecodeError, ValueError, TypeError, RecursionError)
_SMALL_BYTES: Final = 4096


def has_costly_numbers(body: bytes, *, from_bytes: int) -> bool:
    """Whether JSON of at least so many bytes may hold many numbers that only orjson reads quickly.

    Text that looks like such numbers counts too: both parsers give the same.
    """
    if len(body) < max(from_bytes, 8):
        return False
    octets = np.frombuffer(body, np.uint8)
    places = np.flatnonzero((octets[1:-4] | 0x20) == 0x65) + 1
    if len(places) <= COSTLY_NUMBERS_MAX:
        return False
    after = octets[places + 1]  # a sign or a digit: what else lies between them is no JSON
    places = places[(after >= 0x2B) & (after <= 0x39)]
    if len(places) <= COSTLY_NUMBERS_MAX:
        return False
    before = octets[places - 1]
    first = places + 1 + (octets[places + 1] <= 0x2D)
    costly = _are_digits(before) | (before == 0x2E)
    for place in (first, first + 1, first + 2):
        costly &= _are_digits(octets[place])
    return int(np.count_nonzero(costly)) > COSTLY_NUMBERS_MAX


def _are_digits(octets: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (octets >= 0x30) & (octets <= 0x39)


def many_json_containers(body: bytes) -> bool:
    """Whether JSON may hold more lists and maps than a request may; brackets in text count too."""
    return len(body) > LARGE_BYTES and body.count(b"[") + body.count(b"{") > CONTAINERS_MAX


def msgpack_problem(body: bytes) -> str | None:
    """Why a large MessagePack body is not decoded: it holds too many lists and maps, or can't be taken apart.

    The count is exact. None where the body may be decoded, which says nothing else of it.
    """
    if len(body) <= LARGE_BYTES:
        return None
    try:
        if _many_values(body):
            return TOO_MANY_VALUES
        if _many_containers(body):
            return f"more than {CONTAINERS_MAX} lists and maps in a request"
    except _BROKEN as error:
        return undecodable(error)
    return None


def _many_containers(body: bytes) -> bool:
    octets = np.frombuffer(body, np.uint8)
    most = int(np.count_nonzero((octets & 0xE0) == 0x80)) + int(np.count_nonzero((octets & 0xFC) == 0xDC))
    if most <= CONTAINERS_MAX:
        return False
    left = CONTAINERS_MAX
    for raw in _ITEMS.decode(body) if _is_list(body[0]) else [msgspec.Raw(body)]:
        for name, value in _ITEM.decode(raw).items():
            left -= 1 if name == "positions" else _containers(value, left, 0)
            if left < 0:
                return True
    return False


def _many_values(body: bytes) -> bool:
    """Whether large items alone hold too many values; those of small ones are counted as they are decoded."""
    left = VALUES_MAX
    for raw in _ITEMS.decode(body) if _is_list(body[0]) else [msgspec.Raw(body)]:
        if len(memoryview(raw)) > LARGE_BYTES:
            for name, value in _ITEM.decode(raw).items():
                left -= 0 if name == "positions" else _values(value, left, 0)
                if left < 0:
                    return True
    return False


def _values(raw: msgspec.Raw, left: int, depth: int) -> int:
    """The elements and entries in a value; more than `left` where it has more or is too deep."""
    data = memoryview(raw)
    head = data[0]
    listed = _is_list(head)
    if not listed and not (0x80 <= head <= 0x8F or head in (0xDE, 0xDF)):
        return 0
    if depth > 16 or (listed and _length(data) > left):
        return left + 1
    if len(data) <= _SMALL_BYTES:
        return count_values(_ANY.decode(raw), left)
    if listed:
        try:
            return len(_SCALARS.decode(raw))
        except msgspec.ValidationError:
            pass
    values = _ITEMS.decode(raw) if listed else list(_KEYED.decode(raw).values())
    count = len(values)
    for value in values:
        count += _values(value, left - count, depth + 1)
        if count > left:
            break
    return count


def _is_list(head: int) -> bool:
    return 0x90 <= head <= 0x9F or head in (0xDC, 0xDD)


def _containers(raw: msgspec.Raw, left: int, depth: int) -> int:
    """The lists and maps in a value, itself included; more than `left` where it has more or is too deep."""
    data = memoryview(raw)
    head = data[0]
    listed = _is_list(head)
    if not listed and not (0x80 <= head <= 0x8F or head in (0xDE, 0xDF)):
        return 0
    if depth > 16:
        return left + 1
    if len(data) <= _SMALL_BYTES:
        return _count(_ANY.decode(raw))
    if listed:
        try:
            _SCALARS.decode(raw)
        except msgspec.ValidationError:
            pass
        else:
            return 1
        if _length(data) > left:  # of such a list each element is looked at
            return left + 1
    count = 1
    for value in _ITEMS.decode(raw) if listed else _KEYED.decode(raw).values():
        count += _containers(value, left - count, depth + 1)
        if count > left:
            break
    return count


def _length(data: memoryview) -> int:
    """How many elements a list's head announces."""
    if data[0] <= 0x9F:
        return data[0] & 0x0F
    return int.from_bytes(data[1:3] if data[0] == 0xDC else data[1:5], "big")


def _count(value: object) -> int:
    count = 0
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if type(one) is list:
            count += 1
            waiting += one
        elif type(one) is dict:
            count += 1
            waiting += one.values()
    return count
