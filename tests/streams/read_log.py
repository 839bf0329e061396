"""A log of one partition in memory, and the positions that its readers keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from schemas.envelope import Decided, Event, EventsRecord
from schemas.log import LogRecord
from schemas.log_positions import Position

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from schemas.codec import Codec, Message
    from schemas.topics import Topic


class ReadLog:
    """Satisfies `LogTail` and the positions of `EffectReader`."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self.positions: dict[int, Position] = {}

    def decided(
        self,
        topic: Topic,
        codec: Codec[Message],
        events: Iterable[Message],
        *,
        studio_id: str,
        game_id: str = "",
        at_ms: int,
    ) -> Decided:
        """What came of one command, as one more record."""
        stored = [
            Event(type=event.WIRE, aggregate_id="", sequence=0, at_ms=at_ms, data=codec.encode(event))
            for event in events
        ]
        decided = Decided(
            command_id="c", studio_id=studio_id, game_id=game_id, keyed=False, fingerprint=b"", events=stored
        )
        offset = len(self.records)
        record = EventsRecord(version=1, src=offset, gateway_id="g", record_id="r", decided=[decided])
        self.records.append(
            LogRecord(
                topic=topic.name,
                partition=0,
                offset=offset,
                appended_at_ms=at_ms,
                key=None,
                value=msgspec.msgpack.encode(record),
            )
        )
        return decided

    async def log_id(self, _topic: str) -> str:
        return "log"

    async def begin_offset(self, _topic: str, _partition: int) -> int:
        return 0

    async def end_offset(self, _topic: str, _partition: int) -> int:
        return len(self.records)

    async def read(
        self, _topic: str, _partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        for record in self.records[begin:end]:
            yield record

    async def load(self, _log_id: str, partition: int) -> Position:
        return self.positions.get(partition, Position())

    async def save(self, _log_id: str, partition: int, position: Position) -> None:
        self.positions[partition] = position
