"""Forgets a person in playtests: a command for each of their ids, to the partition of the studio."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import msgspec

from schemas.playtests.names import playtester_aggregate, pseudonym
from schemas.playtests.person_messages import ForgetPerson, TesterHandle
from streams.asking import Asker

_KIND: Final = "forgotten person of playtests"

Fingerprints = Callable[[str, str, str], tuple[str, ...]]
"""`schemas.seal.Sealer.fingerprints`: of a value of a kind in a studio, one for each known secret."""


class ForgottenReads(Protocol):
    """Whom playtests has forgotten. Raises StoreUnavailable."""

    async def forgotten(self, studio_id: str) -> frozenset[str]:
        """The pseudonyms of a studio's forgotten persons."""
        ...


class Forgetting(msgspec.Struct, frozen=True):
    """One id of a person of a studio."""

    studio_id: str
    id: str
    pseudonym: str
    is_done: bool


class PersonForgetting:
    """Raises StoreUnavailable, CommandUnavailable and CommandRefused; called again it goes on."""

    def __init__(self, asker: Asker, reads: ForgottenReads, *, fingerprints: Fingerprints) -> None:
        self._asker = asker
        self._reads = reads
        self._fingerprints = fingerprints

    async def of(self, studio_id: str, ids: Iterable[str]) -> list[Forgetting]:
        """What is to be asked so that these ids are forgotten, and whether it was asked before.

        A pseudonym is nobody's id: it is left out.
        """
        known = await self._reads.forgotten(studio_id)
        found = []
        for one in dict.fromkeys(ids):
            if one in known:
                continue
            possible = [pseudonym(each) for each in self._fingerprints(studio_id, _KIND, one)]
            # Begun under a former secret, it goes on with that one's pseudonym.
            chosen = next((each for each in possible if each in known), possible[0])
            found.append(Forgetting(studio_id, one, chosen, chosen in known))
        return found

    async def ask(self, wanted: Sequence[Forgetting], handles: Iterable[TesterHandle]) -> None:
        """Ask it, one after the other, and return when Redis has followed. The handles are the person's."""
        theirs = list(handles)
        for one in wanted:
            await self._asker.ask(
                ForgetPerson(playtester_id=one.id, pseudonym=one.pseudonym, handles=theirs),
                aggregate_id=playtester_aggregate(one.studio_id, one.id),
                studio_id=one.studio_id,
                game_id="",
            )
            theirs = []
