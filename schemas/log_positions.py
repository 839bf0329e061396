"""A position in the log says which record it follows, so that it is not taken for a place in another log.

Kafka's topic id tells a topic that was created again. It does not tell a partition that lost its end (one
broker that lost power) and has grown again since: offsets are the same, records are not. So whoever keeps a
position keeps the mark of the last record before it, and compares it with the log before going on. A position
that was kept without a mark (by an older release) is believed once and gets its mark then.
"""

from __future__ import annotations

import zlib
from typing import Final

import msgspec

from schemas.log import LogRecord, LogTail

REPAIR: Final = (
    "Repair: `questlog repair`, with the stack stopped, says what was lost and makes all agree with the log."
)


class PositionRefused(Exception):
    """A position is not in this log: it was replaced, cut, or grew again. The message names the repair."""


class Position(msgspec.Struct, frozen=True):
    """Where a reader of events stands: all before `offset` is done, `src` was the last that counted."""

    offset: int = 0
    src: int = -1
    mark: str = ""
    """Of the record before `offset`; empty where there is none, and where an older release kept it."""

    @property
    def text(self) -> str:
        """`offset:src:mark`, as stores keep it."""
        return f"{self.offset}:{self.src}:{self.mark}"

    @classmethod
    def of(cls, text: bytes | None) -> Position:
        """Read one that is kept; the beginning where there is none. Older releases kept `offset:src`."""
        if text is None:
            return cls()
        offset, src, *mark = text.decode().split(":")
        return cls(int(offset), int(src), mark[0] if mark else "")


def mark_of_value(value: bytes, appended_at_ms: int) -> str:
    """LogAppendTime and CRC-32 of the value: a record in a lost one's place differs by its time alone."""
    return f"{appended_at_ms:x}-{zlib.crc32(value):08x}"


def mark_of(record: LogRecord) -> str:
    """The mark of a record: what a position after it keeps."""
    return mark_of_value(record.value, record.appended_at_ms)


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


class Place(msgspec.Struct, frozen=True):
    """What the log says to a position in it: its bounds, and the mark to keep (empty at its start)."""

    begin: int
    end: int
    mark: str


async def checked(
    log: LogTail, topic: str, partition: int, offset: int, mark: str, *, where: str, repair: str = REPAIR
) -> Place:
    """Raise PositionRefused unless `offset` is in the log and the record before it has this mark.

    `where` says who holds the position. An empty mark is believed.
    """
    begin = await log.begin_offset(topic, partition)
    end = await log.end_offset(topic, partition)
    holds = f"{where} holds {topic}[{partition}] up to offset {offset}"
    if offset > end:
        raise PositionRefused(
            f"{holds}, which is not in the log but beyond its end: the log ends at {end}. {repair}"
        )
    if offset < begin:
        raise PositionRefused(
            f"{holds}, which is not in the log: the log begins at {begin}, records between are gone."
        )
    found = ""
    if offset > begin:
        async for record in log.read(topic, partition, offset - 1, offset):
            found = mark_of(record)
    if mark and found and mark != found:
        raise PositionRefused(
            f"{holds}, but the record before it is another one ({found}, not {mark}): the log lost its end"
            f" and has grown again. {repair}"
        )
    return Place(begin, end, found)


async def in_log(log: LogTail, topic: str, partition: int, offset: int, mark: str) -> bool:
    """Whether a position is in the log, as `checked` sees it."""
    try:
        await checked(log, topic, partition, offset, mark, where="")
    except PositionRefused:
        return False
    return True
