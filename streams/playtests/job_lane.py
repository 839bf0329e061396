"""Jobs beside the reading of a log, of one kind: so many at once, and the records after them wait in the log.

What waits takes no memory: a lane that is full remembers, for each partition, the position before the first
record that it has not taken, and reads on from there once half of its jobs are done. Reading itself never
waits for a job, so that another lane's records go on, and no watchdog takes a slow job for a stuck reader.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from schemas.codec import Message
from schemas.envelope import Decided, EventsRecord
from schemas.log import LogRecord, LogTail
from schemas.log_positions import Cursor, Position
from schemas.playtests.events import EVENTS

READ_AT_ONCE: Final = 500
"""Records that are read again in one go: some tenths of a second."""

_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)

Task = asyncio.Task[None]
Begin = Callable[[int, Decided, Message], list[Awaitable[None]]]
"""What an event of a partition leads to."""


class Lane:
    """Takes the events of some kinds. `begin` gives what each leads to; `may` says when none may begin."""

    def __init__(
        self,
        kinds: tuple[type[Message], ...],
        jobs_max: int,
        begin: Begin,
        *,
        may: Callable[[int], bool] = lambda _partition: True,
    ) -> None:
        self._wanted = frozenset(kind.WIRE for kind in kinds)
        self._marks = tuple(sorted(wire.encode() for wire in self._wanted))
        self._jobs_max = jobs_max
        self._begin = begin
        self._may = may
        self._jobs: dict[int, list[tuple[Position, Task]]] = {}
        self._held: dict[int, Position] = {}

    def take(self, record: LogRecord, before: Position) -> None:
        """Begin what a record that counts leads to, or let it wait. Nothing of it is done on return."""
        partition = record.partition
        if partition in self._held or not any(mark in record.value for mark in self._marks):
            return
        if self.count >= self._jobs_max or not self._may(partition):
            self._held[partition] = before
            return
        jobs = self._jobs.setdefault(partition, [])
        for decided in _decoder.decode(record.value).decided:
            for event in decided.events:
                if event.type in self._wanted:
                    for job in self._begin(partition, decided, EVENTS.decode(event.type, event.data)):
                        jobs.append((before, asyncio.ensure_future(job)))

    @property
    def count(self) -> int:
        """Jobs of all partitions that are not known to be done."""
        return sum(map(len, self._jobs.values()))

    def tasks(self, partition: int) -> list[Task]:
        """A partition's jobs."""
        return [task for _, task in self._jobs.get(partition, ())]

    def done(self, partition: int) -> Position | None:
        """Before the oldest record that is not done; None where all are. Raises what a job has failed on."""
        left = []
        for position, task in self._jobs.get(partition, ()):
            if task.done():
                task.result()
            else:
                left.append((position, task))
        self._jobs[partition] = left
        return left[0][0] if left else self._held.get(partition)

    async def read_on(self, tail: LogTail, topic: str, partition: int, until: Position) -> None:
        """Take what waits in the log before `until`, the position of the reading, as far as there is room."""
        held = self._held.get(partition)
        if held is None or self.count > self._jobs_max // 2 or not self._may(partition):
            return
        cursor = Cursor(held)
        end = min(until.offset, held.offset + READ_AT_ONCE)
        records = [record async for record in tail.read(topic, partition, held.offset, end)]
        if self._held.pop(partition, None) is None:
            return  # revoked meanwhile
        for record in records:
            before = cursor.position
            if cursor.accept(record, _decoder.decode(record.value).src):
                self.take(record, before)
        if end < until.offset:
            self._held.setdefault(partition, cursor.position)

    async def revoked(self, partition: int) -> None:
        """Forget the partition, and stop what is not done of it."""
        self._held.pop(partition, None)
        tasks = [task for _, task in self._jobs.pop(partition, ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
