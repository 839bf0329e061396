"""Playtests' real decider, recordings in a folder, and the reader of effects on their log."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import msgspec

from schemas.edge.ports import StoreUnavailable
from schemas.envelope import Command, CommandRejected, EventsRecord, Outcome
from schemas.log import LogRecord
from schemas.objects import new_object
from schemas.playtests import events as ev
from schemas.playtests import names, slot_commands, slot_events
from schemas.playtests.commands import COMMANDS
from schemas.playtests.recordings import upload_folder
from schemas.playtests.views import Slot, Transcription
from schemas.topics import Topic
from streams.asking import Asker
from streams.effect_reader import Reading
from streams.gateway.pending_commands import CommandUnavailable
from streams.playtests.recording_effects import RecordingEffects
from streams.playtests.transcriber import Transcriber
from tests.streams.deciders.playtests.given import AT_MS, GAME, STUDIO, Playtests, submit
from tests.streams.read_log import ReadLog

if TYPE_CHECKING:
    from deploy.objects import FolderObjects
    from schemas.codec import Message
    from schemas.playtests.ports import Place

TOPIC = Topic(name="playtests.events", partitions=1, description="")


TEXT = {"version": "test", "text": "It is dark.", "keyTakeaways": ["Too dark"]}


class World(ReadLog):
    """The decider answers, and what it decides is the log and the read side. `away` asks get no answer."""

    def __init__(self, objects: FolderObjects) -> None:
        super().__init__()
        self.objects = objects
        self.decider = Playtests()
        self.slots: dict[str, Slot] = {}
        self.asked: list[Message] = []
        self.away = 0
        self.behind = 0
        """How many reads the read side does not answer, or does not show the submission of."""

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        del definition, partition
        body = COMMANDS.decode(command.type, command.body)
        self.asked.append(body)
        assert command.aggregate_id.startswith(f"order/{STUDIO}/")
        if self.away:
            self.away -= 1
            raise CommandUnavailable("away")
        verdict = self.decider.when(body)
        if isinstance(verdict, CommandRejected):
            refusal = msgspec.msgpack.encode(verdict)
            return Outcome(command_id="", fingerprint=b"", status=verdict.status, body=refusal)
        self.given(body)
        return Outcome(command_id="", fingerprint=b"", status=200, body=b"")

    def given(self, body: Message) -> list[Message]:
        """Decide it; its events are a record of the log, and applied."""
        events = self.decider.given(body)
        self.decided(TOPIC, ev.EVENTS, events, studio_id=STUDIO, game_id=GAME, at_ms=AT_MS)
        for one in events:
            self._apply(one)
        return events

    def _apply(self, event: Message) -> None:
        if isinstance(event, slot_events.TranscriptEvent):
            held = self.slots[event.slot_id]
            self.slots[held.id] = msgspec.structs.replace(held, transcription=event.transcription)
        elif isinstance(event, slot_events.SlotEvent):
            state = msgspec.structs.asdict(event.slot)
            held = self.slots.get(event.slot.id) or Slot(
                order_id=event.order_id, studio_id=event.studio_id, game_id=event.game_id, **state
            )
            more = {
                name: getattr(event, name) for name in ("submission", "public_key") if hasattr(event, name)
            }
            self.slots[held.id] = msgspec.structs.replace(held, **state, **more)

    def forgotten(self, slot_id: str) -> None:
        """The read side shows the slot as that of a forgotten person."""
        known, held = self.decider.slot(slot_id), self.slots[slot_id]
        transcription = held.transcription
        if transcription is not None and known.transcription is not None:
            transcription = Transcription(id=transcription.id, status=known.transcription)
        self.slots[slot_id] = msgspec.structs.replace(
            held, playtester_id=known.playtester_id, submission=None, transcription=transcription
        )

    async def slot(self, slot_id: str) -> Slot | None:
        if self.behind:
            self.behind -= 1
            if self.behind % 2:
                raise StoreUnavailable("away")
            return msgspec.structs.replace(self.slots[slot_id], submission=None, transcription=None)
        return self.slots.get(slot_id)

    async def playtester_slots(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[Slot]:
        """One a page, however many are asked for."""
        assert (studio_id, limit > 0) == (STUDIO, True)
        if self.behind:
            self.behind -= 1
            raise StoreUnavailable("away")
        own = {
            (slot.created_at_ms, slot.id): slot
            for slot in self.slots.values()
            if slot.playtester_id == playtester_id
        }
        places = sorted(
            (one for one in own if before is None or one < (before.at_ms, before.id)), reverse=True
        )
        return [own[one] for one in places[:1]]

    def effects(self, transcriber: Transcriber | None = None, **more: int) -> RecordingEffects:
        asker = Asker(self, COMMANDS, clock_ms=lambda: AT_MS, randomness=lambda size: b"x" * size)
        return RecordingEffects(
            asker,
            Reading(TOPIC, self, self),
            objects=self.objects,
            reads=self,
            transcriber=transcriber,
            clock_ms=lambda: AT_MS,
            again_s=0.001,
            **more,
        )

    async def read_all(self, effects: RecordingEffects) -> None:
        """From the position that is kept to the end, with all that follows from it."""
        offset = await effects.assigned(0)
        while offset < len(self.records):
            await effects.handle(self.records[offset])
            offset += 1
            await effects.settle(0)
        await effects.idle(10_000_000)

    async def submitted(self, *, public: bool = False, transcribe: bool = False, by: str = "ann") -> str:
        """A slot whose recording is stored and was handed in, after another try at uploading it."""
        order_id = self.decider.active(visibility="public" if public else "private")
        slot_id = self.claimed(order_id, by)
        key = await self.put(slot_id, "one.mp4")
        await self.put(slot_id, "another.mp4")
        video = slot_commands.StoredObject(key=key, size_bytes=6)
        self.given(submit(slot_id, by, video=video, transcribe=transcribe))
        return slot_id

    def claimed(self, order_id: str, by: str = "ann") -> str:
        self.given(slot_commands.ClaimSlot(order_id=order_id, playtester_id=by))
        return names.slot_id(order_id, 1)

    async def put(self, slot_id: str, name: str) -> str:
        key = f"{upload_folder(STUDIO, slot_id)}/{name}"
        async with new_object(self.objects, key) as writer:
            await writer.write(b"frames")
        return key


def transcriber(code: str) -> Transcriber:
    return Transcriber([sys.executable, "-c", code], {})


WORKS = transcriber(f"print({json.dumps(TEXT)!r})")


FAILS = transcriber("raise SystemExit('no speech')")


def kinds_of(record: LogRecord) -> list[str]:
    read = msgspec.msgpack.decode(record.value, type=EventsRecord)
    return [event.type for decided in read.decided for event in decided.events]
