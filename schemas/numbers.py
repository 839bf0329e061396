"""Where an integer is asked: one rule for JSON, MessagePack, YAML and text. Pure.

Lua, GDScript and JavaScript have one kind of number and may write 5 as `5.0` or `5e0`: that is the integer 5.
A float of 2^53 and beyond stands for more than one integer and is none; neither is 5.5.
"""

from __future__ import annotations

import re
from typing import Any, Final

FLOAT_INTEGERS_BELOW: Final = 2.0**53
"""Below it (either sign) every integer is a float of its own."""
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_FLOAT: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{0,18})?(?:[eE][+-]?[0-9]{1,3})?")


def whole(value: Any) -> Any:
    """The integer that a float stands for; any other value as it is."""
    if type(value) is float and value.is_integer() and abs(value) < FLOAT_INTEGERS_BELOW:
        return int(value)
    return value


def whole_within(value: Any, depth: int) -> Any:
    """A value of lists and maps with every float that is an integer made one, down to so many levels."""
    kind = type(value)
    if depth and kind is dict:
        return {name: whole_within(inner, depth - 1) for name, inner in value.items()}
    if depth and kind is list:
        return [whole_within(inner, depth - 1) for inner in value]
    return whole(value)


def whole_of_text(text: str) -> int | None:
    """The integer that a query's text stands for (`20`, `20.0`, `2e1`); None where it is none."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _FLOAT.fullmatch(text):
        return None
    value = whole(float(text))
    return value if type(value) is int else None
