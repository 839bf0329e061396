"""What a studio asks of AI providers, in Redis: which events set what. Pure.

Keys: `ai-keys:<studio>` purpose -> AiKey. Values are MessagePack of the structs named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from projections.redis.operations import Operation, delete_field, set_field
from schemas.codec import Message
from schemas.studio.events import AiEvent, AiKeyCleared, AiKeyEvent, AiKeyPaused, AiKeySet

_encode: Final = msgspec.msgpack.Encoder().encode


def change_of(event: AiEvent) -> str:
    """What changed, in a line."""
    match event:
        case AiKeySet():
            return f"AI key for {event.key.purpose}: set"
        case AiKeyPaused():
            return f"AI key for {event.key.purpose}: paused"
        case AiKeyCleared():
            return f"AI key for {event.purpose}: cleared"
        case _:
            raise TypeError(f"{event.WIRE} has no line")


def _key(event: AiKeyEvent, deletions: list[Operation], settings: list[Operation]) -> None:
    del deletions
    settings.append(set_field(f"ai-keys:{event.studio_id}", event.key.purpose, _encode(event.key)))


def _key_cleared(event: AiKeyCleared, deletions: list[Operation], settings: list[Operation]) -> None:
    del settings
    deletions.append(delete_field(f"ai-keys:{event.studio_id}", event.purpose))


PROJECTORS: Final[dict[type[Message], Callable[[Any, list[Operation], list[Operation]], None]]] = {
    AiKeySet: _key,
    AiKeyPaused: _key,
    AiKeyCleared: _key_cleared,
}
