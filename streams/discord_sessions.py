"""Appends what Discord threads brought to the telemetry log, where it becomes sessions like any.

A reader of the studio's events. Each call is one S1 batch that follows from its event alone, and a message's
place in its session is its sequence number: a batch that is appended again, because its acknowledgement was
lost or the process was killed before its position was kept, counts once, as any repeat of S1 does.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from schemas.envelope import EventsRecord
from schemas.identifiers import partition_of
from schemas.log import Appender, LogRecord, LogUnavailable
from schemas.studio.discord import MESSAGE, OPENED, SOURCE
from schemas.studio.events import EVENTS, DiscordEvent, DiscordMessagesAppended, DiscordSessionOpened
from schemas.telemetry.record import EntryKind, TelemetryEntry, encode_record
from schemas.topics import Topic
from streams.effect_reader import RETRY, EffectReader, Reading

_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_CALLS: Final = frozenset({DiscordSessionOpened.WIRE, DiscordMessagesAppended.WIRE})


class DiscordSessions(EffectReader):
    """Appends a batch for each call that had something to say. `telemetry` is the topic of requests."""

    def __init__(
        self,
        appender: Appender,
        telemetry: Topic,
        reading: Reading,
        *,
        patience_s: float = RETRY.patience_s,
    ) -> None:
        super().__init__("messages of Discord threads", reading)
        self._appender = appender
        self._telemetry = telemetry
        self._patience_s = patience_s

    async def take(self, record: LogRecord) -> bool:
        """Append the record's calls in their order. Raises LogUnavailable where it can't be in time."""
        entries: dict[int, list[TelemetryEntry]] = {}
        for decided in _decoder.decode(record.value).decided:
            for one in decided.events:
                event = EVENTS.decode(one.type, one.data) if one.type in _CALLS else None
                if isinstance(event, DiscordEvent) and (entry := entry_of(event)) is not None:
                    entries.setdefault(self._partition_of(event), []).append(entry)
        for partition, some in entries.items():
            await self._until_appended(partition, encode_record(some))
        return bool(entries)

    def _partition_of(self, event: DiscordEvent) -> int:
        return partition_of(f"{event.game_id}\0{event.session_id}", self._telemetry.partitions)

    async def _until_appended(self, partition: int, value: bytes) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience_s
        while True:
            try:
                await self._appender.append(self._telemetry.name, partition, value)
            except LogUnavailable:
                if clock() > deadline:
                    raise
            else:
                return


def entry_of(event: DiscordEvent) -> TelemetryEntry | None:
    """The S1 batch of a call; None for one that says nothing of its session. Pure."""
    events: list[dict[str, Any]] = []
    if isinstance(event, DiscordSessionOpened):
        began = min((message.at_ms for message in event.messages), default=event.called_at_ms)
        about = {"channelId": event.channel_id} | ({"threadId": event.thread_id} if event.thread_id else {})
        events.append({"name": OPENED, "t": min(began, event.called_at_ms), "seq": 0, "props": about})
    for number, message in enumerate(event.messages, event.first_number):
        props = {"id": message.id, "author": message.author, "text": message.text}
        events.append({"name": MESSAGE, "t": message.at_ms, "seq": number, "props": props})
    said = {
        "title": event.title,
        "testerHandle": event.tester_handle,
        "metadata": {"gameVersion": event.build} if event.build else {},
    }
    if not events and not event.title:
        return None
    batch = {
        "gameId": event.game_id,
        "sessionId": event.session_id,
        "deviceId": event.device_id,
        "source": SOURCE,
        **{name: value for name, value in said.items() if value},
        "events": events,
    }
    return TelemetryEntry(
        kind=EntryKind.S1_BATCH,
        request_id="",
        studio_id=event.studio_id,
        game_id=event.game_id,
        received_at_ms=event.called_at_ms,
        item_count=len(events),
        country=None,
        region=None,
        city=None,
        body=msgspec.json.encode(batch),
    )
