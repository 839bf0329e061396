"""Who did what: administrative acts as they are in the log, newest first, a page at a time.

What is shown of an event is its name and the one field that names what it was done to: nothing else of it can
be told here, so that no secret can.
"""

from __future__ import annotations

import heapq
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import msgspec

from schemas.codec import UnknownWireName
from schemas.envelope import EventsRecord
from schemas.operations import BEGAN, DONE, OPERATIONS, decode_operation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from schemas.log import LogRecord
    from schemas.noun import NounSchema
    from schemas.topics import Topic
    from streams.runtime.partition_reads import KafkaTail

ACTS_MAX: Final = 10_000
"""Of one page."""
_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One administrative act."""

    at_ms: int
    """When the log took it."""
    by: str
    """`operator NAME@HOST` or `key ID`; empty: questlog itself, or a release that kept no name."""
    act: str
    """The event's wire name, or `questlog …` for a command that changes no noun's state."""
    studio_id: str
    game_id: str
    target: str
    outcome: str
    """`done`; of a command also `began` (no end is known) or the kind of error that it ended with."""
    place: str
    """`topic-partition-offset-index-number`: where in the log it is."""

    @property
    def key(self) -> tuple[int, str]:
        """Acts are in this order."""
        return self.at_ms, self.place

    @property
    def cursor(self) -> str:
        """What `Wanted.before` takes to go on after it."""
        return f"{self.at_ms}:{self.place}"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which acts: of a time, of a studio, of a kind, before a cursor."""

    since_ms: int
    until_ms: int
    limit: int
    studio_id: str = ""
    kind: str = ""
    """A part of the act's name."""
    before: tuple[int, str] | None = None

    def takes(self, act: Act) -> bool:
        """Whether an act is one of them, whatever the limit."""
        return (
            self.since_ms <= act.at_ms < self.until_ms
            and self.studio_id in {"", act.studio_id}
            and self.kind in act.act
            and (self.before is None or act.key < self.before)
        )


def read_cursor(text: str) -> tuple[int, str]:
    """An act's `cursor` again. Raises ValueError."""
    at_ms, colon, place = text.partition(":")
    if not colon or not place:
        raise ValueError("a cursor is TIME:PLACE")
    return int(at_ms), place


def acts_of_events(noun: NounSchema, record: LogRecord) -> Iterator[Act]:
    """The acts in an events record of the noun. A record or an event that this build can't read has none."""
    try:
        events = _decoder.decode(record.value)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return
    codec = noun.events
    if codec is None:
        return
    shown = {kind.WIRE: (kind, path) for kind, path in {**noun.acts, **noun.acts_of_keys}.items()}
    for index, decided in enumerate(events.decided):
        for number, event in enumerate(decided.events):
            found = shown.get(event.type)
            if found is None or (not decided.by and found[0] in noun.acts_of_keys):
                continue
            try:
                message = codec.decode(event.type, event.data)
            except (msgspec.DecodeError, UnknownWireName, ValueError, RecursionError):
                continue
            yield Act(
                at_ms=record.appended_at_ms,
                by=decided.by,
                act=event.type,
                studio_id=decided.studio_id or str(getattr(message, "studio_id", "")),
                game_id=decided.game_id or str(getattr(message, "game_id", "")),
                target=str(attrgetter(found[1])(message)),
                outcome=DONE,
                place=f"{record.topic}-{record.partition}-{record.offset:012d}-{index:04d}-{number:04d}",
            )


def acts_of_operations(records: Iterable[LogRecord]) -> list[Act]:
    """The operators' acts of these records in their order, each once, with how it ended if known."""
    acts: dict[str, Act] = {}
    for record in records:
        try:
            one = decode_operation(record.value)
        except (msgspec.DecodeError, ValueError):
            continue
        known = acts.get(one.id)
        acts[one.id] = Act(
            at_ms=record.appended_at_ms if known is None else known.at_ms,
            by=one.by,
            act=f"questlog {one.act}",
            studio_id=one.studio_id,
            game_id="",
            target=one.target,
            outcome=one.outcome if known is None or one.outcome != BEGAN else known.outcome,
            place=f"{record.topic}-{record.partition}-{record.offset:012d}" if known is None else known.place,
        )
    return list(acts.values())


class Page(msgspec.Struct, frozen=True):
    """Acts, newest first, and the cursor of the next page; None where there is none."""

    acts: list[Act]
    more: str | None


class AuditLog:
    """Reads acts from the log. Its work grows with the records of the time that is asked for."""

    def __init__(self, tail: KafkaTail, nouns: Sequence[tuple[NounSchema, Topic]]) -> None:
        """`nouns` are those with acts, each with its events topic as this deployment has it."""
        self._tail = tail
        self._nouns = nouns

    async def page(self, wanted: Wanted) -> Page:
        """The newest acts that are wanted. Raises LogUnavailable."""
        newest: list[tuple[tuple[int, str], Act]] = []
        async for act in self._all(wanted):
            if not wanted.takes(act):
                continue
            if len(newest) <= wanted.limit:
                heapq.heappush(newest, (act.key, act))
            else:
                heapq.heappushpop(newest, (act.key, act))
        acts = [act for _, act in sorted(newest, key=lambda one: one[0], reverse=True)]
        more = acts[wanted.limit - 1].cursor if len(acts) > wanted.limit else None
        return Page(acts[: wanted.limit], more)

    async def _all(self, wanted: Wanted) -> AsyncIterator[Act]:
        for noun, topic in self._nouns:
            for partition in range(topic.partitions):
                async for record in self._records(topic, partition, wanted.since_ms, wanted.until_ms):
                    for act in acts_of_events(noun, record):
                        yield act
        # An act that began within the time may end after it.
        operations = [one async for one in self._records(OPERATIONS, 0, wanted.since_ms, None)]
        for act in acts_of_operations(operations):
            yield act

    async def _records(
        self, topic: Topic, partition: int, since_ms: int, until_ms: int | None
    ) -> AsyncIterator[LogRecord]:
        begin = await self._tail.offset_at(topic.name, partition, since_ms)
        end = None if until_ms is None else await self._tail.offset_at(topic.name, partition, until_ms)
        async for record in self._tail.read(topic.name, partition, begin, end):
            yield record
