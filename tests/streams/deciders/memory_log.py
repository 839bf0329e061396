"""A log of lists: what the decider's shell reads and appends, with the faults a real log can show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator

from schemas.log import Appended, LogRecord, LogUnavailable


class MemoryLog:
    """Appender and LogTail at once. `lost_acks` appends are written but never acknowledged."""

    def __init__(self, log_id: str = "log-1") -> None:
        self.now_ms = 1_800_000_000_000
        self.id = log_id
        self.lost_acks = 0
        self._records: dict[tuple[str, int], list[LogRecord]] = defaultdict(list)
        self._begins: dict[tuple[str, int], int] = {}

    def records(self, topic: str, partition: int = 0) -> list[LogRecord]:
        return self._records[topic, partition]

    def lose(self, topic: str, records: int, partition: int = 0) -> None:
        """The last records are gone, as after a loss of power; what comes later is later."""
        del self._records[topic, partition][-records:]
        self.now_ms += 1

    def trim(self, topic: str, begin: int, partition: int = 0) -> None:
        """The records before an offset are gone, as after a retention or `kafka-delete-records`."""
        self._begins[topic, partition] = begin

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        records = self._records[topic, partition]
        record = LogRecord(
            topic=topic,
            partition=partition,
            offset=len(records),
            appended_at_ms=self.now_ms,
            key=key,
            value=value,
        )
        records.append(record)
        if self.lost_acks:
            self.lost_acks -= 1
            raise LogUnavailable("no acknowledgement")
        return Appended(partition, record.offset, record.appended_at_ms)

    async def end_offset(self, topic: str, partition: int) -> int:
        return len(self._records[topic, partition])

    async def begin_offset(self, topic: str, partition: int) -> int:
        return self._begins.get((topic, partition), 0)

    async def log_id(self, topic: str) -> str:  # noqa: ARG002 - one id for all
        return self.id

    async def read(
        self, topic: str, partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        if begin < self._begins.get((topic, partition), 0):
            raise LogUnavailable(f"{topic}[{partition}] can't be read from {begin}")
        for record in self._records[topic, partition][begin:end]:
            yield record
