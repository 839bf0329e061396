"""What the studio decider knows of what a studio asks of AI providers, and how events change it. Pure."""

from __future__ import annotations

import msgspec
from immutables import Map

from schemas.studio.ai import AiKey
from schemas.studio.events import AiEvent, AiKeyCleared, AiKeyEvent


class StudioAi(msgspec.Struct, frozen=True, kw_only=True):
    """One studio's."""

    keys: Map[str, AiKey] = Map()
    """By purpose."""
    keys_set: int = 0
    """How many were ever set: the newest one's version."""


def evolve_ai(asking: StudioAi, event: AiEvent) -> StudioAi:
    """What is known after an event. One that no decider could have written raises."""
    match event:
        case AiKeyEvent():
            return msgspec.structs.replace(
                asking,
                keys=asking.keys.set(event.key.purpose, event.key),
                keys_set=max(asking.keys_set, event.key.version),
            )
        case AiKeyCleared():
            return msgspec.structs.replace(asking, keys=asking.keys.delete(event.purpose))
        case _:
            raise TypeError(f"{type(event).__name__} is no event of what is asked of AI providers")
