"""Positions of the log's readers: what is kept of them, which records count, and whether the log fits.

All readers share it: the fold, the projections of Redis and ClickHouse, the webhooks, rank rewards. `begin`
compares a position with the log before the first record, `Cursor` passes record after record by one rule.
projections/redis/apply.lua holds the same rule, in the transaction that has the effect.

Kafka's topic id tells a topic that was created again. It does not tell a partition that lost its end (one
broker that lost power) and has grown again since: offsets are the same, records are not. So a position keeps
the mark of the record before it. One that was kept without a mark (by an older release) is believed once.
"""

from __future__ import annotations

import zlib
from typing import Final, Literal

import msgspec

from schemas.log import LogRecord, LogTail

REPAIR: Final = (
    "Repair: `questlog repair`, with the stack stopped, says what was lost and makes all agree with the log."
)
RESTORE: Final = (
    "Repair: restore what holds it from a backup that the log covers, or the topic with all its records."
    " `questlog repair --dry-run` says what else needs those that are gone: they can't be built."
)

Verdict = Literal["applied", "dropped", "repeated", "gap"]
"""What becomes of a record: it counts, it does not, it was passed before, or some before it are missing."""


class PositionRefused(Exception):
    """A position is not in this log: replaced, truncated, or grown again. The message names the repair."""


class LogTrimmed(PositionRefused):
    """The log begins after the position: records that a reader needs are gone."""


class StoreRegressed(Exception):
    """A store's position is not the one this process wrote: it lost data, or another process writes there.

    The process ends, and the next one begins at the store's position.
    """


class Position(msgspec.Struct, frozen=True):
    """A reader's place in one partition: all before `offset` is done, `src` was the last that counted."""

    offset: int = 0
    src: int = -1
    """-1 before the first, and in topics that are no events topic."""
    mark: str = ""
    """Of the record before `offset`; empty where there is none, and where an older release kept it."""
    log_id: str = ""
    """Which log it is in; empty where nothing is held, and where the store keeps it beside the position."""

    @property
    def text(self) -> str:
        """`offset:src:mark`, as stores keep it under the log's id."""
        return f"{self.offset}:{self.src}:{self.mark}"

    @classmethod
    def of(cls, text: bytes | None) -> Position:
        """Read one that is kept; the beginning where there is none. Older releases kept `offset:src`."""
        if text is None:
            return cls()
        offset, src, *mark = text.decode().split(":")
        return cls(int(offset), int(src), mark[0] if mark else "")


class Cursor:
    """A position that moves record by record. What it has passed, its reader has taken in or left out."""

    __slots__ = ("_held", "_last", "offset", "src")

    def __init__(self, position: Position) -> None:
        self.offset = position.offset
        self.src = position.src
        self._held = position
        self._last: LogRecord | None = None

    @property
    def position(self) -> Position:
        """Its position now, with the mark of the last record passed, whether that counted or not."""
        if self._last is not None:  # a mark is taken where it is asked for: it reads the whole record
            self._held = Position(self.offset, self.src, mark_of(self._last), self._held.log_id)
            self._last = None
        return self._held

    def verdict(self, offset: int, src: int | None) -> Verdict:
        """What becomes of the record at `offset`. It counts if its `src` is the last one that did plus 1.

        In topics that are no events topic there is no `src`, and every record counts.
        """
        if offset != self.offset:
            return "repeated" if offset < self.offset else "gap"
        return "applied" if src is None or src == self.src + 1 else "dropped"

    def accept(self, record: LogRecord, src: int | None) -> bool:
        """Pass a record; whether it counts. One that was passed before changes nothing and does not.

        Raises LogTrimmed where records before it are missing.
        """
        verdict = self.verdict(record.offset, src)
        if verdict == "gap":
            where = f"{record.topic}[{record.partition}]"
            raise LogTrimmed(f"{where}: {record.offset} follows {self.offset - 1}. {RESTORE}")
        if verdict == "repeated":
            return False
        self.offset, self._last = record.offset + 1, record
        if verdict == "applied" and src is not None:
            self.src = src
        return verdict == "applied"


class Start(msgspec.Struct, frozen=True):
    """A position that is in the log, as it is to be kept, and where the log ends."""

    position: Position
    end: int
    marked: bool
    """The position had no mark and got one: its store must keep it."""


def mark_of(record: LogRecord) -> str:
    """LogAppendTime and CRC-32 of the value: a record in a lost one's place differs by its time alone."""
    return f"{record.appended_at_ms:x}-{zlib.crc32(record.value):08x}"


async def record_before(log: LogTail, topic: str, partition: int, offset: int) -> LogRecord | None:
    """The record just before an offset; None where the log holds no such record (any more, or yet)."""
    if not await log.begin_offset(topic, partition) < offset <= await log.end_offset(topic, partition):
        return None
    found = None
    async for record in log.read(topic, partition, offset - 1, offset):
        found = record
    return found


async def mark_before(log: LogTail, topic: str, partition: int, offset: int) -> str:
    """The mark of the record just before an offset; empty where there is none."""
    record = await record_before(log, topic, partition, offset)
    return "" if record is None else mark_of(record)


async def bounds(
    log: LogTail, topic: str, partition: int, offset: int, *, where: str, repair: str = REPAIR
) -> tuple[int, int]:
    """The log's begin and end offsets. Raises PositionRefused unless `offset` is one of them or between."""
    begin = await log.begin_offset(topic, partition)
    end = await log.end_offset(topic, partition)
    holds = f"{where} holds {topic}[{partition}] up to offset {offset}, which is not in the log"
    if offset > end:
        raise PositionRefused(f"{holds} but beyond its end: the log ends at {end}. {repair}")
    if offset < begin:
        raise LogTrimmed(f"{holds}: the log begins at {begin}, records between are gone. {RESTORE}")
    return begin, end


async def begin(
    log: LogTail, topic: str, partition: int, held: Position, *, where: str, repair: str = REPAIR
) -> Start:
    """Where a reader goes on whose store holds this position; `Position()` where it holds none.

    Raises PositionRefused where it is of another log or not in this one, or the record before it is another.
    `where` says who holds the position, `repair` what to do about one that the log has lost.
    """
    log_id = await log.log_id(topic)
    if held.log_id and held.log_id != log_id:
        raise PositionRefused(
            f"{where} holds {topic}[{partition}] up to offset {held.offset}, but of another log"
            f" ({held.log_id}, here {log_id}). {repair}"
        )
    first, end = await bounds(log, topic, partition, held.offset, where=where, repair=repair)
    mark = held.mark
    if held.offset > first:
        async for record in log.read(topic, partition, held.offset - 1, held.offset):
            mark = mark_of(record)
    if held.mark and mark != held.mark:
        raise PositionRefused(
            f"{where} holds {topic}[{partition}] up to offset {held.offset}, but the record before it is"
            f" another one ({mark}, not {held.mark}): the log lost its end and has grown again. {repair}"
        )
    return Start(Position(held.offset, held.src, mark, log_id), end, marked=mark != held.mark)


async def in_log(log: LogTail, topic: str, partition: int, held: Position) -> bool:
    """Whether a position is in the log, as `begin` sees it."""
    try:
        await begin(log, topic, partition, held, where="")
    except PositionRefused:
        return False
    return True
