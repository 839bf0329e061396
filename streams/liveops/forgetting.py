"""Forgets a person's players: a command to every partition of live-ops for each of their ids in each game."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from typing import Final, Protocol

import msgspec

from schemas.liveops.commands import ForgetPlayer
from schemas.liveops.names import forgotten_name, is_pseudonym, player_aggregate, pseudonym
from streams.asking import Asker

ASKED_AT_ONCE: Final = 256
_KIND: Final = "forgotten player of live-ops"

Fingerprints = Callable[[str, str, str], tuple[str, ...]]
"""`schemas.seal.Sealer.fingerprints`: of a value of a kind in a studio, one for each known secret."""


class ForgottenReads(Protocol):
    """Whom live-ops has forgotten. Raises StoreUnavailable."""

    async def forgotten(self, game_id: str, partitions: int) -> list[frozenset[str]]:
        """The pseudonyms of a game's forgotten players, by partition."""
        ...


class Forgetting(msgspec.Struct, frozen=True):
    """One player whom a partition has still to forget."""

    studio_id: str
    game_id: str
    external_id: str
    pseudonym: str
    partition: int


class PlayerForgetting:
    """Raises StoreUnavailable, CommandUnavailable and CommandRefused; called again it goes on."""

    def __init__(
        self, asker: Asker, reads: ForgottenReads, *, partitions: int, fingerprints: Fingerprints
    ) -> None:
        self._asker = asker
        self._reads = reads
        self._partitions = partitions
        self._fingerprints = fingerprints

    async def left(self, studio_id: str, games: Iterable[str], names: Iterable[str]) -> list[Forgetting]:
        """What is to be asked so that these ids are forgotten in these games; nothing once they are."""
        wanted = [name for name in dict.fromkeys(names) if not is_pseudonym(name)]
        found: list[Forgetting] = []
        for game_id in dict.fromkeys(games):
            known = await self._reads.forgotten(game_id, self._partitions)
            for name in wanted:
                prints = self._fingerprints(studio_id, _KIND, forgotten_name(game_id, name))
                possible = [pseudonym(one) for one in prints]
                # Begun under a former secret, it goes on with that one's pseudonym.
                chosen = next((one for one in possible if any(one in some for some in known)), possible[0])
                found += [
                    Forgetting(studio_id, game_id, name, chosen, partition)
                    for partition, some in enumerate(known)
                    if chosen not in some
                ]
        return found

    async def ask(self, left: Iterable[Forgetting]) -> None:
        """Append these commands, many at a time. Returns when their events have been applied to Redis."""
        rest = iter(left)
        while some := list(islice(rest, ASKED_AT_ONCE)):
            answers = await asyncio.gather(*map(self._asked, some), return_exceptions=True)
            for answer in answers:  # all are awaited first
                if isinstance(answer, BaseException):
                    raise answer

    def _asked(self, one: Forgetting) -> Awaitable[object]:
        return self._asker.ask(
            ForgetPlayer(pseudonym=one.pseudonym),
            aggregate_id=player_aggregate(one.game_id, one.external_id),
            studio_id=one.studio_id,
            game_id=one.game_id,
            partition=one.partition,
        )
