"""Events as analysts read them in the archives of their nouns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from schemas.codec import Message

_encode: Final = msgspec.json.Encoder().encode


def event_json(message: Message, left_out: AbstractSet[str]) -> str:
    """An event as JSON, without the fields of these names, wherever in it they are."""
    return _encode(_without(msgspec.to_builtins(message), left_out)).decode()


def _without(value: Any, left_out: AbstractSet[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(one, left_out) for name, one in value.items() if name not in left_out}
    return [_without(one, left_out) for one in value] if isinstance(value, list) else value
