"""What Redis holds of nouns in layouts of older releases: to be seen, and to be let go of in the end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.nouns import deciding
from deploy.redis_stores import open_stores, shares
from projections.redis.layout import held_former, is_kept, let_go

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from deploy.settings import Settings
    from projections.redis.reader import Projection
    from projections.redis.stores import RedisStores

_LOOK_S: Final = 0.1


class HeldLayout(msgspec.Struct, frozen=True):
    """One that an older release reads."""

    noun: str
    name: str
    """The beginning of its keys."""
    served: bool
    """Whether it is whole, for edges of that release."""


class LayoutsHeld(Exception):
    """What is left of older layouts is not being deleted. The message says what to do."""


async def held_layouts(settings: Settings) -> list[HeldLayout]:
    """All that are held. Raises a Redis error."""
    stores = open_stores(settings)
    try:
        return [
            HeldLayout(share.shown, name, await is_kept(redis, name))
            for redis, share in _shares(settings, stores)
            for name in await held_former(redis, share.former)
        ]
    finally:
        await stores.aclose()


async def forget_layouts(settings: Settings, *, wait_s: float) -> list[str]:
    """Shut those of older releases, and wait until this release's workers have deleted them; their names.

    Without a wait (0) they are deleted when a worker follows the noun. Raises LayoutsHeld after it, or a
    Redis error.
    """
    stores = open_stores(settings)
    try:
        every = _shares(settings, stores)
        deadline = time.monotonic() + wait_s
        names = left = await _shut(every)
        while left and wait_s > 0:
            if time.monotonic() > deadline:
                raise LayoutsHeld(
                    f"Redis still holds {', '.join(left)} after {wait_s:.0f} s: a `worker redis` of this"
                    " release deletes it. Is one running, and none of the older release any more?"
                )
            await asyncio.sleep(_LOOK_S)
            left = await _shut(every)  # a reader that was just looking may have opened one anew
        return names
    finally:
        await stores.aclose()


async def _shut(every: Sequence[tuple[Redis, Projection]]) -> list[str]:
    found = []
    for redis, share in every:
        if held := await held_former(redis, share.former):
            await let_go(redis, held)
            found += held
    return found


def _shares(settings: Settings, stores: RedisStores) -> list[tuple[Redis, Projection]]:
    return [one for noun in deciding(settings) for one in shares(stores, noun.projection)]
