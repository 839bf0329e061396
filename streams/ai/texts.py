"""Texts that are made without a request: summaries after analyses, and a digest when an experiment stops.

Only the worker that has the studio's events makes them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import msgspec

from schemas.codec import Message
from schemas.edge.ports import StoreUnavailable
from schemas.envelope import EventsRecord
from schemas.log import LogRecord
from schemas.studio.commands import MakeExperimentDigest
from schemas.studio.events import EVENTS, ExperimentStopped
from schemas.studio.experiments import Digest
from streams.ai.summaries import EVERY_MS, Summaries
from streams.asking import Asker, CommandRefused
from streams.effect_reader import EffectReader, Reading
from streams.gateway.pending_commands import CommandTooLarge, CommandUnavailable

STOP_AGE_MS_MAX: Final = 10 * 60_000
"""A stop that is read later, as in a replay, makes no digest: by hand one can be made at any time."""

_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_mark: Final = ExperimentStopped.WIRE.encode()
_log: Final = logging.getLogger(__name__)

MakeDigest = Callable[[str, str], Awaitable[Digest | None]]
"""(studio, experiment) -> its digest; None where the studio has no key. Raises StoreUnavailable."""


class AiTexts(EffectReader):
    """Asks for texts beside the reading of the log. What fails is said, and is made by the next occasion."""

    def __init__(
        self,
        asker: Asker,
        reading: Reading,
        *,
        summaries: Summaries,
        make_digest: MakeDigest,
        clock_ms: Callable[[], int],
    ) -> None:
        super().__init__("texts of AI models", reading)
        self._asker = asker
        self._summaries = summaries
        self._make_digest = make_digest
        self._clock_ms = clock_ms
        self._looked_ms = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    async def take(self, record: LogRecord) -> bool:
        """Begin a digest of each experiment that stopped just now."""
        if _mark not in record.value:
            return False
        for decided in _decoder.decode(record.value).decided:
            for event in decided.events:
                if event.type == ExperimentStopped.WIRE and event.at_ms > self._clock_ms() - STOP_AGE_MS_MAX:
                    self._stopped(EVENTS.decode(event.type, event.data))
        return False

    async def idle(self, now_ms: int) -> None:
        """Every 10 s, look at what was analyzed; keep the position."""
        if self._cursors and self._looking is None and now_ms >= self._looked_ms + EVERY_MS:
            self._looked_ms = now_ms
            self._looking = self._begin(self._look(now_ms))
            self._looking.add_done_callback(self._looked)
        await super().idle(now_ms)

    async def settle(self) -> None:
        """Return when what was begun is done."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def revoked(self, partition: int) -> None:
        """Forget the partition, and stop what was begun."""
        await super().revoked(partition)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _stopped(self, event: Message) -> None:
        if isinstance(event, ExperimentStopped):
            _ = self._begin(self._digest(event))

    def _begin(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a text of an AI model failed unforeseen", exc_info=error)

    def _looked(self, _: asyncio.Task[None]) -> None:
        self._looking = None

    async def _look(self, now_ms: int) -> None:
        try:
            await self._summaries.tick(now_ms)
        except StoreUnavailable as error:
            _log.warning("summaries wait: %s", error)

    async def _digest(self, event: ExperimentStopped) -> None:
        studio_id, experiment = event.studio_id, event.experiment
        try:
            digest = await self._make_digest(studio_id, experiment.id)
            if digest is None:
                return
            command = MakeExperimentDigest(experiment_id=experiment.id, digest=digest)
            await self._asker.ask(
                command, aggregate_id=studio_id, studio_id=studio_id, game_id=experiment.game_id
            )
        except (StoreUnavailable, CommandUnavailable, CommandRefused, CommandTooLarge) as error:
            _log.warning("no digest was made of %s, which stopped: %s", experiment.id, error)
