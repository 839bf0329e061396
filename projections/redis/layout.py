"""Which keys of a noun a Redis holds: those of one count of groups, in one layout.

A Redis that holds another count of groups is not taken over: the key `groups:<noun>` is the name under which
the noun is stored (`stores.Group.name`). Stores of releases without it hold all games under the noun's own
name.

A noun whose keys or values are laid out otherwise than before has a higher `Projection.layout`, and with it
another name in every key (`stores.stored_name`): there it is made from the log, beside what an older release
holds, and until it has reached the log's end nothing is read of it. Edges of the release before read the
layout before, so this release keeps that up too (`Projection.before`, `layout_reader`) until an operator
lets go of it. What it can't keep up it shuts when it begins, so that an older release's process says that the
noun is not ready instead of showing what is no longer kept up. What is shut is deleted once the own layout is
whole. An older release that comes back finds its layout kept up, or makes it from the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from redis.asyncio import Redis

from projections.redis.scripts import CLAIM, FORMER
from schemas.log_positions import PositionRefused

REPAIR: Final = (
    "Repair: start every process anew with these QUESTLOG_REDIS_GROUPS; then `questlog rebuild redis"
    " --discard` builds each group's store again from the log and removes what it held. Or set the variable"
    " back."
)


SCANNED_AT_ONCE: Final = 1_000
SCANS: Final = 10
"""Of a turn of `FormerKeys.forget_some`, during which records wait."""


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


class Former(NamedTuple):
    """What a Redis holds of a noun in former layouts."""

    kept: bool
    """Whether it is to be kept up in the layout before."""
    gone: list[str]
    """The names of those that no process may read any more: their keys are to be deleted."""


async def find_former(redis: Redis, name: str, kept: str, former: Sequence[str]) -> Former:
    """What is held in former layouts, shut unless it is `kept` (empty: none is).

    What an older release has taken in and the noun itself has not shuts that too, until it is whole again.
    """
    found, *gone = await FORMER.run(redis, name, kept, *former)
    return Former(bool(found), [one.decode() for one in gone])


async def held_former(redis: Redis, former: Sequence[str]) -> list[str]:
    """Those of some names that a Redis holds."""
    return [name for name in former if await redis.exists(f"generation:{name}")]


async def is_kept(redis: Redis, name: str) -> bool:
    """Whether a layout is still kept up to date."""
    return bool(await redis.exists(f"ready:{name}"))


async def let_go(redis: Redis, names: Sequence[str]) -> None:
    """Withdraw layouts: none may be read any more. Readers that keep them stop, and delete their keys."""
    await redis.delete(*(f"{kind}:{name}" for name in names for kind in ("ready", "reached", "fresh")))


class FormerKeys:
    """All keys of some names, to be deleted a few at a time.

    Their pointers go last, so that another process goes on where this one ends.
    """

    def __init__(self, redis: Redis, names: Sequence[str]) -> None:
        self._redis = redis
        self._names = list(names)
        self._cursor = 0

    async def forget_some(self) -> bool:
        """Delete some of what is left. True once nothing is."""
        for _ in range(SCANS):
            if not self._names:
                break
            name = self._names[0]
            self._cursor, found = await self._redis.scan(
                self._cursor, match=f"{name}:*", count=SCANNED_AT_ONCE
            )
            if found:
                await self._redis.unlink(*found)
            if self._cursor == 0:
                await self._redis.delete(f"generation:{name}")
                self._names.pop(0)
        return not self._names
