"""The log in memory: appends take time, acknowledgements get lost, and zombies append too."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec

from schemas.envelope import EventsRecord
from schemas.log import Appended, LogRecord, LogUnavailable
from schemas.log_positions import Cursor, Position

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from deploy.lab.simulation.faults import Faults

ACKNOWLEDGE_S = 2.0
"""After this long an append without an acknowledgement is given up; the record may be there all the same."""
_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)


def accepted(records: Iterable[LogRecord]) -> Iterator[tuple[LogRecord, EventsRecord]]:
    """The records of an events partition that readers accept, from its first one on."""
    cursor = Cursor(Position())
    for record in records:
        events = _decoder.decode(record.value)
        if cursor.accept(record, events.src):
            yield record, events


class SimulatedLog:
    """Appender and LogTail. LogAppendTime is virtual time; `ahead_ms` is what the brokers' clock adds."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._records: dict[tuple[str, int], list[LogRecord]] = defaultdict(list)
        self._grown = asyncio.Condition()
        self.ahead_ms = 0

    def records(self, topic: str, partition: int) -> list[LogRecord]:
        """All records of a partition."""
        return self._records[topic, partition]

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        """Append after a while. Raises LogUnavailable where the acknowledgement, or the record, is lost."""
        await self._faults.delay("append")
        if self._faults.happens("append refused"):
            raise LogUnavailable("refused")
        records = self._records[topic, partition]
        record = LogRecord(
            topic=topic,
            partition=partition,
            offset=len(records),
            appended_at_ms=self._faults.now_ms() + self.ahead_ms,
            key=key,
            value=value,
        )
        records.append(record)
        async with self._grown:
            self._grown.notify_all()
        if self._faults.happens("acknowledgement lost"):
            await asyncio.sleep(ACKNOWLEDGE_S)
            raise LogUnavailable("no acknowledgement")
        await self._faults.delay("acknowledgement")
        return Appended(partition, record.offset, record.appended_at_ms)

    async def next(self, topic: str, partition: int, offset: int) -> LogRecord:
        """The record at an offset, once it is there."""
        records = self._records[topic, partition]
        async with self._grown:
            await self._grown.wait_for(lambda: len(records) > offset)
        await self._faults.delay("fetch")
        return records[offset]

    async def end_offset(self, topic: str, partition: int) -> int:
        """The offset the next record will get."""
        await self._faults.delay("ask")
        return len(self._records[topic, partition])

    async def begin_offset(self, topic: str, partition: int) -> int:
        """Nothing is ever cut."""
        del topic, partition
        return 0

    async def log_id(self, topic: str) -> str:
        """One log for ever."""
        del topic
        return "simulated"

    async def read(
        self, topic: str, partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        """Records from `begin` to before `end`."""
        for record in self._records[topic, partition][begin:end]:
            await self._faults.delay("read")
            yield record
