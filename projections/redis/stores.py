"""Which Redis holds what of a noun: one for all of its games, or a group's for each game.

`group_of` alone decides. A partition's records are of many games, so every group's reader follows every
partition, with positions of its own, and takes in what is of its group's games. A game's keys are all in one
Redis: one script still applies a record's share whole, with its outcomes.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec
from redis.asyncio import Redis


def group_of(game_id: str, groups: int) -> int:
    """The group of a game, from 0. NOTE: stored by its effect; another rule needs other key names."""
    return zlib.crc32(game_id.encode()) % groups if groups > 1 else 0


def stored_name(noun: str, layout: int) -> str:
    """A noun's name in the keys of layout number `layout`: each layout has keys of its own.

    So a release neither reads nor changes what another one holds (`projections.redis.layout`).
    """
    return noun if layout == 1 else f"{noun}~{layout}"


class Group(msgspec.Struct, frozen=True):
    """One of the groups that a noun's games are dealt to; by default the only one."""

    index: int = 0
    count: int = 1

    def holds(self, game_id: str) -> bool:
        """Whether what is of a game belongs here."""
        return group_of(game_id, self.count) == self.index

    def name(self, noun: str) -> str:
        """The noun's name in this group's keys.

        Another count of groups has other keys, so that nothing takes one's for the other's.
        """
        return noun if self.count == 1 else f"{noun}@{self.count}.{self.index}"


class Store(NamedTuple):
    """A Redis that holds a noun, or a group of its games, and under which name."""

    redis: Redis
    name: str


class NounStores:
    """A noun's stores in the order of its groups: one for each of `clients`. `stored` is its name in keys."""

    def __init__(self, stored: str, clients: Sequence[Redis]) -> None:
        count = len(clients)
        self.all = tuple(
            Store(client, Group(index, count).name(stored)) for index, client in enumerate(clients)
        )

    def of(self, game_id: str) -> Store:
        """The store of a game."""
        return self.all[group_of(game_id, len(self.all))]


class Spread(Protocol):
    """What of a projection says where its noun is kept."""

    @property
    def stored(self) -> str:
        """Its name in keys (`stored_name`)."""
        ...

    @property
    def spread(self) -> bool:
        """Whether its games may be dealt to groups."""
        ...


class RedisStores:
    """A deployment's Redis: the common one, and those that spread nouns' games are dealt to.

    Without groups the common one holds everything. What is not of a spread noun is in the common one:
    credentials and definitions, rate limits, sessions, positions of effects and webhooks, live counters.
    """

    def __init__(self, common: Redis, groups: Sequence[Redis] = ()) -> None:
        self.common = common
        self.groups = tuple(groups)

    def of(self, projection: Spread) -> NounStores:
        """The stores of a projection's noun."""
        spread = projection.spread and self.groups
        return NounStores(projection.stored, self.groups if spread else (self.common,))

    async def aclose(self) -> None:
        """Close every client."""
        for client in dict.fromkeys((self.common, *self.groups)):
            await client.aclose()
