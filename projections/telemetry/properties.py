"""The `properties` column: the JSON of `custom_data` or `props`, and every unknown field.

Where the value is an object its fields are at the top level, so that `JSONExtract` finds them by the game's
own names; any other value goes under `_value`, and unknown fields go under `_extra`. An object with a field
`_extra` of its own goes under `_value` too where there are unknown fields, which would else replace it.
"""

from __future__ import annotations

from typing import Any

import msgspec

_json = msgspec.json.Encoder().encode


def properties(value: Any, extras: dict[str, Any] | None) -> bytes:
    """The `properties` column: JSON of an object. What it was made of can be told from it."""
    if not extras:
        if not value:
            return b"{}" if value is None or value == {} else _json({"_value": value})
        return _json(value if type(value) is dict else {"_value": value})
    if type(value) is dict and "_extra" not in value:
        return _json({**value, "_extra": extras})
    content = {} if value is None else {"_value": value}
    return _json({**content, "_extra": extras})
