"""One recording's transcript: asked of the transcriber while it is wanted, stored and approved, or failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from schemas.codec import Message
from schemas.objects import ObjectStore, content_type_of
from schemas.playtests.order_events import OrderEvent
from schemas.playtests.slot_commands import ApproveTranscript, FailTranscript, StartTranscript
from schemas.playtests.slot_events import TranscriptRequested
from schemas.playtests.views import Slot
from streams.playtests.recordings import write_transcript
from streams.playtests.transcriber import Transcriber, TranscriberFailed, Transcript

AT_ONCE: Final = 1
ATTEMPTS: Final = 3
"""Of the transcriber, for one recording."""
URL_MS: Final = 2 * 3_600_000
"""How long the transcriber may begin to read a recording."""

_log: Final = logging.getLogger(__name__)


class NotShownYet(Exception):
    """The store has not applied yet what the log says."""


class SlotReads(Protocol):
    """Raises StoreUnavailable."""

    async def slot(self, slot_id: str) -> Slot | None:
        """A slot."""
        ...


class Transcription:
    """Transcribes. Without a transcriber what is to be transcribed has failed."""

    def __init__(
        self,
        transcriber: Transcriber | None,
        objects: ObjectStore,
        reads: SlotReads,
        ask: Callable[[OrderEvent, Message], Awaitable[None]],
        clock_ms: Callable[[], int],
    ) -> None:
        self._transcriber = transcriber
        self._objects = objects
        self._reads = reads
        self._ask = ask
        self._clock_ms = clock_ms
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def run(self, event: TranscriptRequested) -> None:
        """Transcribe what is still wanted: done twice it changes nothing.

        Raises NotShownYet and what stores raise.
        """
        async with self._at_once:
            slot = await self._wanted(event)
            if slot is None or slot.submission is None:
                return
            if self._transcriber is None:
                await self._ask(event, FailTranscript(slot_id=slot.id))
                return
            await self._ask(event, StartTranscript(slot_id=slot.id))
            made = await self._transcript(self._transcriber, slot.submission.video_key)
            if await self._wanted(event) is None:
                return  # another transcript was given meanwhile, and stays the selected one
            if made is None:
                await self._ask(event, FailTranscript(slot_id=slot.id))
                return
            key = await write_transcript(
                self._objects,
                studio_id=event.studio_id,
                slot_id=slot.id,
                transcript_id=event.transcription.id,
                text=made.text,
            )
            command = ApproveTranscript(
                slot_id=slot.id, version=made.version, key=key, key_takeaways=made.key_takeaways
            )
            await self._ask(event, command)

    async def _wanted(self, event: TranscriptRequested) -> Slot | None:
        """The slot, while a transcript of it is wanted. Raises NotShownYet."""
        slot = await self._reads.slot(event.slot_id)
        if slot is None or slot.transcription is None:
            raise NotShownYet(f"the slot {event.slot_id} is not shown as submitted yet")
        return slot if slot.transcription.status in {"pending", "processing"} else None

    async def _transcript(self, transcriber: Transcriber, key: str) -> Transcript | None:
        """What the transcriber makes of a recording; None where it failed each time."""
        for attempt in range(1, ATTEMPTS + 1):
            expires_at_ms = self._clock_ms() + URL_MS
            url = await self._objects.signed_url(key, expires_at_ms=expires_at_ms)
            try:
                return await transcriber.run(url, content_type_of(key))
            except TranscriberFailed as error:
                _log.warning("attempt %d of %d at %s: %s", attempt, ATTEMPTS, key, error)
        return None
