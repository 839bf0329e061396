"""What events lead to in the object store: recordings are published, transcribed, tidied up and forgotten.

A transcript takes minutes, and a copy of 20 GiB some too, so that each is a job of its own beside the reading
of the log; the position that is kept is before the oldest job that is not done. There are two lanes, so that
nothing else waits for a slow transcriber; what a full lane can't take waits in the log. What a job does
follows from its slot's state: one that was done is not wanted any more, and done twice changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Final, Protocol

from schemas.codec import Message
from schemas.edge.ports import StoreUnavailable
from schemas.envelope import Decided
from schemas.log import LogRecord, LogUnavailable
from schemas.log_positions import Position
from schemas.objects import ObjectStore, ObjectStoreError
from schemas.playtests.account_events import PlaytesterForgotten
from schemas.playtests.names import order_aggregate
from schemas.playtests.order_events import OrderEvent
from schemas.playtests.person_messages import PersonForgotten
from schemas.playtests.ports import Place
from schemas.playtests.recordings import public_key
from schemas.playtests.slot_commands import PublishSlot
from schemas.playtests.slot_events import (
    SlotAbandoned,
    SlotAccepted,
    SlotCancelled,
    SlotEvent,
    SlotExpired,
    SlotSubmitted,
    TranscriptRequested,
)
from schemas.playtests.views import Slot
from streams.asking import Asker, CommandRefused
from streams.effect_reader import EffectReader, Reading
from streams.gateway.pending_commands import CommandTooLarge, CommandUnavailable
from streams.playtests.job_lane import Lane, Task
from streams.playtests.recordings import (
    forget_recordings,
    publish,
    remove_uploads,
    submitted_keys,
)
from streams.playtests.transcriber import Transcriber
from streams.playtests.transcription import NotShownYet, SlotReads, Transcription

AT_ONCE: Final = 8
"""Jobs of one process that copy or remove."""
JOBS_MAX: Final = 1_000
"""Jobs of one process that copy or remove, those that wait for their turn among them."""
TRANSCRIPTS_MAX: Final = 100
"""Transcripts likewise."""
FORGOTTEN_PAGE: Final = 100
"""Slots of a forgotten playtester that are read at once."""
AGAIN_S: Final = 0.25
AGAIN_S_MAX: Final = 30.0

_ACCEPTED: Final = frozenset({"publishing", "accepted"})
_log: Final = logging.getLogger(__name__)

Forgotten = PlaytesterForgotten | PersonForgotten
Job = Callable[[], Awaitable[None]]


class PlaytesterReads(SlotReads, Protocol):
    """The part of `PlaytestReads` that is asked. Raises StoreUnavailable."""

    async def playtester_slots(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[Slot]:
        """A playtester's slots, by (created_at_ms, id)."""
        ...


class RecordingEffects(EffectReader):
    """Publishes, transcribes and tidies up. Without a transcriber what is to be transcribed has failed."""

    def __init__(
        self,
        asker: Asker,
        reading: Reading,
        *,
        objects: ObjectStore,
        reads: PlaytesterReads,
        transcriber: Transcriber | None,
        clock_ms: Callable[[], int],
        again_s: float = AGAIN_S,
        jobs_max: int = JOBS_MAX,
        transcripts_max: int = TRANSCRIPTS_MAX,
    ) -> None:
        super().__init__("effects of recordings", reading)
        self._asker = asker
        self._objects = objects
        self._reads = reads
        self._transcription = Transcription(transcriber, objects, reads, self._ask, clock_ms)
        self._again_s = again_s
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._forgetting: Counter[int] = Counter()
        """By partition: jobs that remove what is stored of a playtester."""
        self._copies = Lane(
            (
                *(SlotAccepted, SlotSubmitted, SlotExpired, SlotAbandoned, SlotCancelled),
                *(PlaytesterForgotten, PersonForgotten),
            ),
            jobs_max,
            self._jobs_of,
        )
        self._transcripts = Lane(
            (TranscriptRequested,),
            transcripts_max,
            self._transcripts_of,
            may=lambda partition: not self._forgetting[partition],
        )
        self._lanes = (self._copies, self._transcripts)

    async def take(self, record: LogRecord) -> bool:
        """Begin what a record leads to. Nothing of it is done when this returns."""
        before = self._cursors[record.partition].position
        for lane in self._lanes:
            lane.take(record, before)
        return False

    def done(self, partition: int) -> Position:
        """Before the oldest record that is not done. Raises what a job has failed on unforeseen."""
        waiting = [position for lane in self._lanes if (position := lane.done(partition)) is not None]
        return min((*waiting, super().done(partition)), key=lambda position: position.offset)

    async def idle(self, now_ms: int) -> None:
        """Take what waits in the log where there is room again; keep the position."""
        for partition, cursor in list(self._cursors.items()):
            self.done(partition)
            for lane in self._lanes:
                try:
                    await lane.read_on(self._tail, self._topic.name, partition, cursor.position)
                except LogUnavailable as error:
                    _log.warning("recordings wait in the log: %s", error)
        await super().idle(now_ms)

    def jobs(self, partition: int) -> list[Task]:
        """What was begun and may not be done yet."""
        return [task for lane in self._lanes for task in lane.tasks(partition)]

    async def settle(self, partition: int) -> None:
        """Return when all that was begun is done."""
        await asyncio.gather(*self.jobs(partition))

    async def revoked(self, partition: int) -> None:
        """Forget the partition, and stop what is not done of it."""
        await super().revoked(partition)
        for lane in self._lanes:
            await lane.revoked(partition)
        self._forgetting.pop(partition, None)

    async def close(self) -> None:
        """Stop what is not done: it is begun again from the position that is kept."""
        for partition in list(self._cursors):
            await self.revoked(partition)

    def _transcripts_of(self, _partition: int, _decided: Decided, event: Message) -> list[Awaitable[None]]:
        if isinstance(event, TranscriptRequested) and event.transcription.status == "pending":
            return [self._until_done(partial(self._transcription.run, event))]
        return []

    def _jobs_of(self, partition: int, decided: Decided, event: Message) -> list[Awaitable[None]]:
        match event:
            case PlaytesterForgotten() | PersonForgotten():
                self._forgetting[partition] += 1
                return [self._forgotten(partition, event, self.jobs(partition))]
            case SlotAccepted() if event.slot.status == "publishing":
                return [self._until_done(partial(self._publish, event))]
            case SlotSubmitted():
                kept = submitted_keys(decided, event)
                return [self._until_done(partial(self._tidy_up, event, kept))]
            case SlotExpired() | SlotAbandoned() | SlotCancelled() if event.slot.playtester_id is not None:
                return [self._until_done(partial(self._tidy_up, event, frozenset()))]
            case _:
                return []

    async def _until_done(self, job: Job) -> None:
        """Do it again while something is away. A refusal is an answer: asking again would give the same."""
        pause = self._again_s
        while True:
            try:
                return await job()
            except (ObjectStoreError, StoreUnavailable, CommandUnavailable, NotShownYet) as error:
                _log.warning("a recording waits: %s", error)
            except (CommandRefused, CommandTooLarge) as error:
                _log.error("a recording's effect was refused: %s", error)
                return None
            await asyncio.sleep(pause)
            pause = min(AGAIN_S_MAX, 2 * pause)

    async def _publish(self, event: SlotAccepted) -> None:
        slot = await self._reads.slot(event.slot.id)
        if slot is None or (slot.submission is None and slot.status not in _ACCEPTED):
            raise NotShownYet(f"the slot {event.slot.id} is not shown as submitted yet")
        target = ""
        if slot.submission is not None:  # there is none any more of a person who is forgotten
            key = slot.submission.video_key
            async with self._at_once:
                if await self._objects.size(key) is None:
                    _log.error("the recording %s is gone: its slot is accepted with nothing public", key)
                else:
                    target = await publish(self._objects, slot_id=slot.id, key=key)
        await self._ask(event, PublishSlot(slot_id=slot.id, public_key=target))

    async def _tidy_up(self, event: SlotEvent, keep: frozenset[str]) -> None:
        async with self._at_once:
            await remove_uploads(self._objects, studio_id=event.studio_id, slot_id=event.slot.id, keep=keep)

    async def _forgotten(self, partition: int, event: Forgotten, earlier: Collection[Task]) -> None:
        """No transcript is begun meanwhile: a later one finds no recording, and writes nothing."""
        try:
            await self._until_done(partial(self._forget, event, earlier))
        finally:
            self._forgetting[partition] -= 1

    async def _forget(self, event: Forgotten, earlier: Collection[Task]) -> None:
        """Remove all objects of a playtester's slots, when no earlier job writes one any more.

        What is stored for a slot was asked for after the read side showed whose it is: none is missed.
        """
        if earlier:
            await asyncio.wait(earlier)
        if isinstance(event, PersonForgotten):
            for one in event.slots:
                async with self._at_once:
                    await forget_recordings(self._objects, studio_id=event.studio_id, slot_id=one.slot.id)
            return
        last: Place | None = None
        while slots := await self._reads.playtester_slots(
            event.studio_id, event.playtester_id, limit=FORGOTTEN_PAGE, before=last
        ):
            for slot in slots:
                public = public_key(slot.id, slot.submission.video_key) if slot.submission else ""
                async with self._at_once:
                    await forget_recordings(
                        self._objects, studio_id=event.studio_id, slot_id=slot.id, public=public
                    )
            last = Place(slots[-1].created_at_ms, slots[-1].id)

    async def _ask(self, event: OrderEvent, command: Message) -> None:
        await self._asker.ask(
            command,
            aggregate_id=order_aggregate(event.studio_id, event.order_id),
            studio_id=event.studio_id,
            game_id=event.game_id,
        )
