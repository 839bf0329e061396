"""Notes which group's keys of a noun a Redis holds: one that holds another count of groups is not taken over.

The key `groups:<noun>` is the name under which the noun is stored (`stores.Group.name`). Stores of releases
without it hold all games under the noun's own name.
"""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from projections.redis.scripts import CLAIM
from schemas.log_positions import PositionRefused

REPAIR: Final = (
    "Repair: start every process anew with these QUESTLOG_REDIS_GROUPS; then `questlog rebuild redis"
    " --discard` builds each group's store again from the log and removes what it held. Or set the variable"
    " back."
)


class GroupsChanged(PositionRefused):
    """A Redis holds a noun as it is dealt to another number of groups, or another group of them."""


async def claim(redis: Redis, noun: str, name: str) -> None:
    """Note that a Redis holds a noun under `name`. Raises GroupsChanged where it holds it under another.

    Called twice: nothing more.
    """
    held = (await CLAIM.run(redis, noun, name)).decode()
    if held != name:
        raise GroupsChanged(f"Redis holds {held!r}, and is to hold {name!r}: the groups changed. {REPAIR}")


async def take_over(redis: Redis, noun: str, name: str) -> str:
    """Note that a Redis holds a noun under `name` from now on; the name under which it did.

    Nothing is read under that one any more: its gate and its pointer are gone. Its other keys are the
    caller's to delete.
    """
    held: str = (await CLAIM.run(redis, noun, name)).decode()
    if held == name:
        return held
    await redis.delete(*(f"{kind}:{held}" for kind in ("ready", "reached", "fresh", "generation")))
    await redis.set(f"groups:{noun}", name)
    return held
