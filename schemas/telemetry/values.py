"""Free-form values inside telemetry (custom_data, props, extra fields): which may be stored, in what form.

A value is what JSON can hold: nil, booleans, 64-bit integers, finite numbers, text, lists, maps. Beyond
that, `plain` turns binary into base64 text and integer map keys (whole floats too) into text; NaN,
infinities, extension types and other keys are refused. `Value` is the same promise as a msgspec type,
checked in C while decoding; it covers six levels of nesting (each level doubles the type), what lies deeper
goes through `plain`.
"""

from __future__ import annotations

from base64 import b64encode
from math import isfinite
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from schemas.numbers import whole

DEPTH_MAX: Final = 16
"""Nested containers, the item's own map counted as the first."""
MAP_ENTRIES_MAX: Final = 256
CONTAINERS_MAX: Final = 100_000
"""Lists and maps that one request may hold: bounds the time and the memory spent."""
VALUES_MAX: Final = 500_000
"""Elements and entries of free-form lists and maps that one request may hold; 4 MiB hold 466,000 doubles."""
TOO_MANY_VALUES: Final = f"more than {VALUES_MAX} values in the lists and maps of a request"

LARGEST: Final = 1.7976931348623157e308
Finite = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
"""A number that is neither NaN nor infinite."""

_SCALARS: Final = frozenset({type(None), bool, int, float, str})
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**64 - 1
_TYPED_LEVELS: Final = 6


def _value_type(levels: int) -> Any:
    scalar: Any = None | bool | Annotated[int, Meta(ge=_INT_MIN, le=2**63 - 1)] | Finite | str
    if levels == 0:
        return scalar
    inner: Any = _value_type(levels - 1)
    map_type = dict.__class_getitem__((str, inner))  # spelled as calls: the type exists only at run time
    return scalar | list.__class_getitem__(inner) | Annotated[map_type, Meta(max_length=MAP_ENTRIES_MAX)]


Value: Any = _value_type(_TYPED_LEVELS)
Properties: Any = Annotated[dict[str, Value], Meta(max_length=MAP_ENTRIES_MAX)]


def count_values(value: Any, most: int) -> int:
    """How many elements and entries a value's lists and maps have; counting ends beyond `most`."""
    count = 0
    waiting = [value]
    while waiting and count <= most:
        one = waiting.pop()
        kind = type(one)
        if kind is dict:
            one = list(one.values())
        elif kind is not list:
            continue
        count += len(one)
        if count <= most and not set(map(type, one)) <= _SCALARS:
            waiting += one
    return count


class ValueRefused(ValueError):
    """A value that can't be stored; the message is for the client."""


class Budget:
    """Counts the containers that `plain` has looked at in one request, and the values in them.

    `values` is for what arrives; a log may hold more.
    """

    __slots__ = ("left", "values")

    def __init__(self, containers: int = CONTAINERS_MAX, *, values: int | None = None) -> None:
        self.left = containers
        self.values = values


def plain(value: Any, depth: int, budget: Budget) -> Any:
    """Return the value in its stored form. `depth` is the number of containers around it.

    Raises `ValueRefused`. Never recurses deeper than `DEPTH_MAX`, whatever comes.
    """
    kind = type(value)
    if kind in _SCALARS:
        _check_scalar(value)
        return value
    if kind is dict:
        return _plain_map(value, depth + 1, budget)
    if kind is list or kind is tuple:
        return _plain_list(value, depth + 1, budget)
    if kind is bytes:
        return b64encode(value).decode()
    raise ValueRefused("MessagePack extension types are not accepted")


def _check_scalar(value: Any) -> None:
    kind = type(value)
    # JSON's \ud800 survives some decoders; UTF-8 has no lone surrogates and neither has any store.
    if kind is str and not value.isascii() and not _is_text(value):
        raise ValueRefused("text must not contain lone surrogates")
    if kind is int and not _INT_MIN <= value <= _INT_MAX:
        raise ValueRefused("an integer must fit 64 bits")
    if kind is float and not isfinite(value):
        raise ValueRefused("a number must be finite")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _enter(depth: int, budget: Budget, values: int) -> None:
    if depth > DEPTH_MAX:
        raise ValueRefused(f"nested deeper than {DEPTH_MAX} levels")
    budget.left -= 1
    if budget.left < 0:
        raise ValueRefused(f"more than {CONTAINERS_MAX} lists and maps in a request")
    if budget.values is not None:
        budget.values -= values
        if budget.values < 0:
            raise ValueRefused(TOO_MANY_VALUES)


def _plain_list(value: list[Any], depth: int, budget: Budget) -> list[Any]:
    _enter(depth, budget, len(value))
    return [plain(element, depth, budget) for element in value]


def _plain_map(value: dict[Any, Any], depth: int, budget: Budget) -> dict[str, Any]:
    _enter(depth, budget, len(value))
    if len(value) > MAP_ENTRIES_MAX:
        raise ValueRefused(f"a map may have at most {MAP_ENTRIES_MAX} entries")
    result: dict[str, Any] = {}
    for key, element in value.items():
        number = whole(key)
        if type(number) is int:
            result[str(number)] = plain(element, depth, budget)
        elif type(key) is str:
            result[plain(key, depth, budget)] = plain(element, depth, budget)
        else:
            raise ValueRefused("map keys must be text or integers")
    return result


def undecodable(error: Exception) -> str:
    """What to tell a client about a body its decoder refused, without the decoder's vocabulary for types."""
    if isinstance(error, RecursionError):
        return f"nested deeper than {DEPTH_MAX} levels"
    if isinstance(error, UnicodeDecodeError):
        return "text is not valid UTF-8"
    if isinstance(error, msgspec.DecodeError | ValueError | TypeError | OverflowError):
        return str(error).split(" - at ")[0].replace("`", "'") or "malformed"
    raise error
