"""Calls of Discord threads as S1 batches, whatever becomes of acknowledgements and of the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from schemas.codec import Message
from schemas.envelope import Decided, Event, EventsRecord
from schemas.log import Appended, LogRecord, LogUnavailable
from schemas.log_positions import Position
from schemas.studio.discord import DiscordMessage
from schemas.studio.events import EVENTS, DiscordMessagesAppended, DiscordSessionOpened, KeyRevoked
from schemas.studio.noun import STUDIO_EVENTS
from schemas.telemetry.noun import TELEMETRY
from schemas.telemetry.record import TelemetryEntry, decode_record
from schemas.telemetry.s1 import decode_batch
from streams.discord_sessions import DiscordSessions, entry_of
from streams.effect_reader import Reading
from tests.streams.deciders.given import AT_MS

MINUTE = 60_000
OPENED = DiscordSessionOpened(
    studio_id="studio_1",
    game_id="game_1",
    channel_id="1",
    thread_id="t",
    session_id="sess_1",
    device_id="discord_1",
    tester_handle="ann",
    title="Feedback",
    build="0.4.9",
    messages=[DiscordMessage("a", "ann", "It is stuck", AT_MS - 2 * MINUTE)],
    first_number=1,
    called_at_ms=AT_MS,
)
APPENDED = msgspec.convert(
    msgspec.structs.asdict(OPENED)
    | {"messages": [DiscordMessage("b", "bob", "Fun!", AT_MS - MINUTE)], "first_number": 2}
    | {"tester_handle": "discord_1", "title": "", "build": ""},
    DiscordMessagesAppended,
)


class Killed(BaseException):
    """The process is gone."""


class Log:
    """Studio's events to be read; telemetry that is appended, of which some acknowledgements get lost."""

    def __init__(self, *messages: Message) -> None:
        self.records = [self._record(number, message) for number, message in enumerate(messages)]
        self.held: dict[int, Position] = {}
        self.entries: list[TelemetryEntry] = []
        self.lost = 0
        self.killed = False

    @staticmethod
    def _record(offset: int, message: Message) -> LogRecord:
        stored = Event(
            type=message.WIRE, aggregate_id="", sequence=0, at_ms=AT_MS, data=EVENTS.encode(message)
        )
        decided = Decided(
            command_id="c", studio_id="s", game_id="", keyed=False, fingerprint=b"", events=[stored]
        )
        value = EventsRecord(version=1, src=offset, gateway_id="", record_id="", decided=[decided])
        return LogRecord(
            topic=STUDIO_EVENTS.name,
            partition=0,
            offset=offset,
            appended_at_ms=AT_MS + offset,
            key=None,
            value=msgspec.msgpack.encode(value),
        )

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        assert (topic, key) == (TELEMETRY.name, None)
        self.entries += decode_record(value).entries
        if self.lost:
            self.lost -= 1
            raise LogUnavailable("the acknowledgement is lost")
        return Appended(partition, 0, AT_MS)

    async def log_id(self, topic: str) -> str:
        return topic

    async def begin_offset(self, topic: str, partition: int) -> int:
        del topic, partition
        return 0

    async def end_offset(self, topic: str, partition: int) -> int:
        del topic, partition
        return len(self.records)

    async def read(
        self, topic: str, partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        del topic, partition
        for record in self.records[begin:end]:
            yield record

    async def load(self, log_id: str, partition: int) -> Position:
        del log_id
        return self.held.get(partition, Position())

    async def save(self, log_id: str, partition: int, position: Position) -> None:
        del log_id
        if self.killed:
            raise Killed
        self.held[partition] = position

    def effect(self, **more: Any) -> DiscordSessions:
        return DiscordSessions(self, TELEMETRY, Reading(STUDIO_EVENTS, self, self), **more)

    async def follow(self, **more: Any) -> None:
        """A process that reads from the kept position to the end."""
        effect = self.effect(**more)
        for record in self.records[await effect.assigned(0) :]:
            await effect.handle(record)

    def said(self) -> list[tuple[str, int | None]]:
        return [
            (str((event.props or {}).get("id", "")), event.seq)
            for entry in self.entries
            for event in decode_batch(entry.body).events
        ]


async def test_calls_become_batches_in_their_order_and_other_events_nothing() -> None:
    gone = KeyRevoked(studio_id="s", key_id="k", kind="pl_ik", game_id="", hash="h", revoked_at_ms=1)
    log = Log(OPENED, gone, APPENDED)
    await log.follow()
    assert log.said() == [("", 0), ("a", 1), ("b", 2)]
    assert log.held[0].offset == 3
    await log.follow()
    assert len(log.entries) == 2


async def test_a_lost_acknowledgement_sends_the_very_same_again() -> None:
    log = Log(OPENED, APPENDED)
    log.lost = 2
    await log.follow()
    assert [entry.body for entry in log.entries[:3]] == [log.entries[0].body] * 3
    assert log.said() == [("", 0), ("a", 1)] * 3 + [("b", 2)]


async def test_a_process_that_gives_up_has_kept_no_position_and_the_next_sends_the_same() -> None:
    log = Log(OPENED)
    log.lost = 1
    with pytest.raises(LogUnavailable):
        await log.follow(patience_s=-1.0)
    assert 0 not in log.held or log.held[0].offset == 0
    await log.follow()
    assert log.entries[0] == log.entries[1]


async def test_a_process_killed_before_it_keeps_its_position_is_followed_by_one_that_sends_the_same() -> None:
    log = Log(OPENED, APPENDED)
    log.killed = True
    with pytest.raises(Killed):
        await log.follow()
    assert log.said() == [("", 0), ("a", 1)]
    log.killed = False
    await log.follow()
    assert log.entries[0] == log.entries[1]
    assert log.said() == [("", 0), ("a", 1)] * 2 + [("b", 2)]


def test_a_session_begins_with_its_first_message() -> None:
    entry = entry_of(OPENED)
    assert entry is not None
    batch = decode_batch(entry.body)
    assert [(event.name, event.at_ms, event.seq) for event in batch.events] == [
        ("discord_opened", AT_MS - 2 * MINUTE, 0),
        ("discord_message", AT_MS - 2 * MINUTE, 1),
    ]
    assert batch.events[0].props == {"channelId": "1", "threadId": "t"}
    assert batch.events[1].props == {"id": "a", "author": "ann", "text": "It is stuck"}
    assert (batch.source, batch.session_id, batch.device_id) == ("discord", "sess_1", "discord_1")
    assert (batch.title, batch.tester_handle) == ("Feedback", "ann")
    assert batch.metadata == {"gameVersion": "0.4.9"}
    assert (entry.studio_id, entry.game_id, entry.item_count) == ("studio_1", "game_1", 2)


def test_without_a_message_a_session_begins_with_its_call() -> None:
    entry = entry_of(msgspec.structs.replace(OPENED, messages=[], thread_id=""))
    assert entry is not None
    (event,) = decode_batch(entry.body).events
    assert (event.name, event.at_ms, event.props) == ("discord_opened", AT_MS, {"channelId": "1"})


def test_a_message_of_the_future_does_not_begin_a_session() -> None:
    later = [DiscordMessage("a", "ann", "Later", AT_MS + MINUTE)]
    entry = entry_of(msgspec.structs.replace(OPENED, messages=later))
    assert entry is not None
    assert decode_batch(entry.body).events[0].at_ms == AT_MS


def test_a_call_that_says_nothing_new_becomes_nothing() -> None:
    silent = msgspec.structs.replace(APPENDED, messages=[])
    assert entry_of(silent) is None
    assert entry_of(msgspec.structs.replace(silent, title="Another")) is not None
