"""Several readers of one topic in one process: each has a position of its own, none sees a record twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from schemas.log import LogReader, LogRecord


class SeveralReaders(LogReader):
    """Reads from the lowest position on and hands each reader what it has not had.

    In the order given; with `at_once` they handle a record at the same time.
    """

    def __init__(self, readers: Sequence[LogReader], *, at_once: bool = False) -> None:
        self._readers = readers
        self._at_once = at_once
        self._positions: dict[int, list[int]] = {}

    async def assigned(self, partition: int) -> int:
        """Assign to each; the lowest of their positions."""
        positions = [await reader.assigned(partition) for reader in self._readers]
        self._positions[partition] = positions
        return min(positions)

    async def handle(self, record: LogRecord) -> None:
        """Hand the record to those that have not had it."""
        positions = self._positions[record.partition]
        if self._at_once:
            waiting = [index for index, position in enumerate(positions) if record.offset >= position]
            await asyncio.gather(*(self._readers[index].handle(record) for index in waiting))
            for index in waiting:
                positions[index] = record.offset + 1
            return
        for index, reader in enumerate(self._readers):
            if record.offset >= positions[index]:
                await reader.handle(record)
                positions[index] = record.offset + 1

    async def idle(self, now_ms: int) -> None:
        """Pass it on."""
        for reader in self._readers:
            await reader.idle(now_ms)

    async def revoked(self, partition: int) -> None:
        """Pass it on."""
        self._positions.pop(partition, None)
        for reader in self._readers:
            await reader.revoked(partition)


def together(readers: Sequence[LogReader]) -> LogReader:
    """One reader that lets all take each record at the same time; the reader itself where it is alone."""
    return readers[0] if len(readers) == 1 else SeveralReaders(readers, at_once=True)
