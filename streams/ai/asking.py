"""Asks the log for an AI's answer and waits for it: for reads over HTTP and for the command line.

An answer that is there is taken. Else the log is asked, and a worker's answer waited for; one that comes too
late is there for the next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from schemas.edge.ports import Studio
from schemas.studio.ai import AiKey, AiPurpose, AiSettings, ai_of
from schemas.studio.ai_requests import AiAnswer, AiReason, AiRequest, AiText
from schemas.studio.commands import RequestAi
from streams.asking import Asker, CommandRefused
from streams.gateway.pending_commands import CommandTooLarge, CommandUnavailable

WAIT_S: Final = 20.0
LOOK_S: Final = 0.2
"""Between two looks at whether the answer is there."""


class AiReads(Protocol):
    """What is stored of a studio. Raises StoreUnavailable."""

    async def studio(self, studio_id: str) -> Studio | None:
        """A studio by id."""
        ...

    async def ai_keys(self, studio_id: str) -> dict[str, AiKey]:
        """Its keys by purpose, sealed."""
        ...

    async def ai_answer(self, studio_id: str, request_hash: str) -> AiAnswer | None:
        """What came of a request the last time."""
        ...

    async def ai_texts(self, studio_id: str, keys: Sequence[str]) -> list[AiText | None]:
        """Summaries by `text_key`."""
        ...

    async def ai_vectors(self, studio_id: str, ids: Sequence[str]) -> list[bytes | None]:
        """Vectors by `vector_id`."""
        ...


class AiAsking:
    """Implements `api.telemetry.ai_ports.Ai`."""

    def __init__(
        self,
        reads: AiReads,
        asker: Asker,
        *,
        clock_ms: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        wait_s: float = WAIT_S,
    ) -> None:
        self._reads = reads
        self._asker = asker
        self._clock_ms = clock_ms
        self._monotonic = monotonic
        self._wait_s = wait_s

    async def usable(self, studio_id: str, purpose: AiPurpose) -> AiSettings | None:
        """The studio's settings where anything can be asked for a purpose; None without a key that works."""
        studio = await self._reads.studio(studio_id)
        settings = ai_of(msgspec.UNSET if studio is None else studio.ai)
        if settings.model(purpose).provider == "local":
            return settings
        key = (await self._reads.ai_keys(studio_id)).get(purpose)
        return settings if key is not None and key.usable else None

    async def answer(
        self, studio_id: str, request: AiRequest, *, wait_s: float | None = None
    ) -> AiAnswer | AiReason:
        """A good answer, or why there is none. Raises StoreUnavailable."""
        held = await self._reads.ai_answer(studio_id, request.hash)
        if held is not None and held.holds(self._clock_ms()):
            return _answer_or_reason(held)
        until = self._monotonic() + (self._wait_s if wait_s is None else wait_s)
        try:
            await self._asker.ask(
                RequestAi(request=request),
                aggregate_id=studio_id,
                studio_id=studio_id,
                game_id=request.game_id,
            )
        except CommandRefused as refused:
            return "ai_budget" if refused.code == "ai_budget" else "ai_error"
        except CommandTooLarge:
            return "ai_error"
        except CommandUnavailable:
            return "ai_slow"
        attempt = 0 if held is None else held.attempt
        while True:
            found = await self._reads.ai_answer(studio_id, request.hash)
            if found is not None and found.attempt > attempt:
                return _answer_or_reason(found)
            if self._monotonic() >= until:
                return "ai_slow"
            await asyncio.sleep(LOOK_S)

    async def texts(self, studio_id: str, keys: Sequence[str]) -> list[AiText | None]:
        """The last good summaries by `text_key`, in the order asked."""
        return await self._reads.ai_texts(studio_id, keys)

    async def vectors(self, studio_id: str, ids: Sequence[str]) -> list[bytes | None]:
        """Vectors by `vector_id`, in the order asked."""
        return await self._reads.ai_vectors(studio_id, ids)


def _answer_or_reason(answer: AiAnswer) -> AiAnswer | AiReason:
    return answer if answer.status == "ok" else answer.status
