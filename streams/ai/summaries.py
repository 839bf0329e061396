"""Summaries of builds and testers, asked for once their sessions' analysis has come to rest.

60 s after the last analysis of a game's environment, or 10 minutes after the first, each build and tester
whose input has changed is asked for. A worker that starts knows nothing of before: it looks at everything
once, and what was asked before is not asked again: where an input returns to an earlier one, the summary that
was made last stays.
Source: the analytics contract, "AI".
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec

from schemas.edge.ports import StoreUnavailable, Studio
from schemas.studio.ai import AiKey, ai_of
from schemas.studio.ai_requests import AiAnswer, AiKind, AiRequest, summary_subject
from schemas.studio.commands import RequestAi
from streams.asking import Asker, CommandRefused
from streams.gateway.pending_commands import CommandTooLarge, CommandUnavailable

QUIET_MS: Final = 60_000
LONGEST_MS: Final = 600_000
EVERY_MS: Final = 10_000
"""Between two looks at what was analyzed."""
_ENDS: Final = frozenset({"ai_budget", "no_key", "too_many_requests"})
"""Refusals that the next request would get as well."""

_log: Final = logging.getLogger(__name__)


class Place(msgspec.Struct, frozen=True):
    """A game's environment, and what changes whenever a session in it is analyzed."""

    game_id: str
    environment: str
    mark: str


class ToSummarise(msgspec.Struct, frozen=True, kw_only=True):
    """A build or a device, what a model is told of it, and how many sessions that is of."""

    kind: AiKind
    of: str
    input: str
    sessions: int


class Reads(Protocol):
    """What is stored of studios. Raises StoreUnavailable."""

    async def studios(self) -> list[Studio]:
        """All of them."""
        ...

    async def ai_keys(self, studio_id: str) -> dict[str, AiKey]:
        """A studio's keys by purpose."""
        ...

    async def ai_answer(self, studio_id: str, request_hash: str) -> AiAnswer | None:
        """What came of a request the last time."""
        ...


Places = Callable[[str], Awaitable[Sequence[Place]]]
"""A studio's places with an analyzed session. Raises StoreUnavailable."""
Inputs = Callable[[str, str, str], Awaitable[Sequence[ToSummarise]]]
"""(studio, game, environment) -> what is to be summarised. Raises StoreUnavailable."""


class _Change(msgspec.Struct):
    """Since when a place changes, until when it did, and what it showed then."""

    first_ms: int
    last_ms: int
    mark: str


class Summaries:
    """Call `tick` now and then, from one process. Two are harmless: the same is asked once."""

    def __init__(self, reads: Reads, places: Places, inputs: Inputs, asker: Asker) -> None:
        self._reads = reads
        self._places = places
        self._inputs = inputs
        self._asker = asker
        self._changing: dict[tuple[str, str, str], _Change] = {}
        self._settled: dict[tuple[str, str, str], str] = {}
        """The mark up to which a place was asked for."""

    async def tick(self, now_ms: int) -> int:
        """Ask for what is due; return how many were asked for. Raises StoreUnavailable."""
        asked = 0
        for studio in await self._reads.studios():
            key = (await self._reads.ai_keys(studio.id)).get("chat")
            if key is None or not key.usable:
                continue
            for place in await self._places(studio.id):
                if self._is_due(studio.id, place, now_ms):
                    asked += await self._ask(studio, place)
        return asked

    def _is_due(self, studio_id: str, place: Place, now_ms: int) -> bool:
        where = (studio_id, place.game_id, place.environment)
        if self._settled.get(where) == place.mark:
            return False
        change = self._changing.get(where)
        if change is None:
            self._changing[where] = _Change(now_ms, now_ms, place.mark)
            return False
        if change.mark != place.mark:
            change.mark, change.last_ms = place.mark, now_ms
        return now_ms >= min(change.last_ms + QUIET_MS, change.first_ms + LONGEST_MS)

    async def _ask(self, studio: Studio, place: Place) -> int:
        model_id = ai_of(studio.ai).chat.id
        asked = 0
        for one in await self._inputs(studio.id, place.game_id, place.environment):
            request = AiRequest(
                kind=one.kind,
                subject=summary_subject(place.environment, one.of),
                game_id=place.game_id,
                model_id=model_id,
                input=one.input,
                based_on_sessions=one.sessions,
            )
            held = await self._reads.ai_answer(studio.id, request.hash)
            if held is not None and held.status == "ok":
                continue
            try:
                await self._asker.ask(
                    RequestAi(request=request),
                    aggregate_id=studio.id,
                    studio_id=studio.id,
                    game_id=place.game_id,
                )
                asked += 1
            except CommandUnavailable as error:
                raise StoreUnavailable(str(error)) from error
            except CommandTooLarge as error:
                _log.error("a summary of %s can't be asked for: %s", request.subject, error)
            except CommandRefused as refused:
                if refused.code == "too_many_requests":
                    return asked  # the rest is asked for at a later look
                if refused.code in _ENDS:
                    break
                _log.warning("a summary of %s is not asked for: %s", request.subject, refused)
        where = (studio.id, place.game_id, place.environment)
        self._settled[where] = place.mark
        del self._changing[where]
        return asked
