"""A reader of events whose effects are commands or objects: what every such reader does with its position.

Its position is kept only after every effect before it is done, and whatever it does is harmless done twice. A
position that is lost begins at the log's start: everything is done again, and nothing changes.
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple, Protocol

import msgspec

from schemas.envelope import EventsHead
from schemas.log import LogReader, LogRecord, LogTail
from schemas.log_positions import Cursor, Position, PositionRefused, begin
from schemas.topics import Topic

KEPT_EVERY_MS: Final = 1_000

_log: Final = logging.getLogger(__name__)
_head: Final = msgspec.msgpack.Decoder(EventsHead)


class Positions(Protocol):
    """Each partition's position, in a store. Raises StoreUnavailable."""

    async def load(self, log_id: str, partition: int) -> Position:
        """The beginning where nothing is held of this log."""
        ...

    async def save(self, log_id: str, partition: int, position: Position) -> None:
        """Hold it."""
        ...


class Reading(NamedTuple):
    """Which events a reader follows."""

    topic: Topic
    tail: LogTail
    positions: Positions
    """Of this reader alone."""


class Retry(NamedTuple):
    """How a reader asks again for something that is away."""

    patience_s: float = 20.0
    """Then its process ends, and the record is read again; below what the watchdog calls stuck."""
    again_s: float = 0.25


RETRY: Final = Retry()


class EffectReader(LogReader):
    """Base: `take` does, or begins, what a record leads to; `done` says how far all is done.

    Two of them on one partition are harmless. `what` names the effects in messages.
    """

    def __init__(self, what: str, reading: Reading) -> None:
        self._what = what
        self._topic, self._tail, self._positions = reading
        self._log_id = ""
        self._cursors: dict[int, Cursor] = {}
        self._kept: dict[int, int] = {}
        """By partition: the next offset of the position that is kept."""
        self._kept_ms = 0

    async def take(self, record: LogRecord) -> bool:
        """Take effect of a record that counts; whether there was anything to do. Raises where it can't be."""
        raise NotImplementedError

    def done(self, partition: int) -> Position:
        """The position before which everything is done: here, that of the last record taken."""
        return self._cursors[partition].position

    async def assigned(self, partition: int) -> int:
        """Continue at the stored position; at the log's start where it can't be this log's.

        Raises LogTrimmed where the log begins after either.
        """
        topic, where = self._topic.name, f"the position of {self._what}"
        self._log_id = await self._tail.log_id(topic)
        held = await self._positions.load(self._log_id, partition)
        try:
            start = await begin(self._tail, topic, partition, held, where=where)
        except PositionRefused as refused:
            start = await begin(self._tail, topic, partition, Position(), where=where)
            _log.warning("all %s are asked again, which gives nothing twice: %s", self._what, refused)
        if start.marked:
            await self._positions.save(self._log_id, partition, start.position)
        self._cursors[partition] = Cursor(start.position)
        self._kept[partition] = start.position.offset
        return start.position.offset

    async def handle(self, record: LogRecord) -> None:
        """Take effect of a record, unless it doesn't count. Raises what `take` does."""
        head = _head.decode(record.value)
        cursor = self._cursors[record.partition]
        taken = cursor.verdict(record.offset, head.src) == "applied" and await self.take(record)
        cursor.accept(record, head.src)
        if taken:
            await self._keep(record.partition)

    async def idle(self, now_ms: int) -> None:
        """Now and then keep the position, so that a restart reads little again."""
        if now_ms - self._kept_ms < KEPT_EVERY_MS:
            return
        self._kept_ms = now_ms
        for partition in list(self._cursors):
            await self._keep(partition)

    async def revoked(self, partition: int) -> None:
        """Forget the partition."""
        self._cursors.pop(partition, None)
        self._kept.pop(partition, None)

    async def _keep(self, partition: int) -> None:
        position = self.done(partition)
        if position.offset != self._kept[partition]:
            await self._positions.save(self._log_id, partition, position)
            self._kept[partition] = position.offset
