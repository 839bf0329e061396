"""The fold of an events partition: the only state a decider has.

An events record counts only if its `src` is the last accepted one plus 1; anything else (a duplicate, a
zombie's append) is dropped whole. Every reader of the topic makes the same choice: all see the same order.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Generic

import msgspec

from schemas.envelope import (
    ENVELOPE_VERSION,
    EventsRecord,
)
from schemas.log import LogRecord
from schemas.log_positions import Cursor, Position
from schemas.outcomes import SHELL_EVENTS, is_remembered
from streams.deciders.log_time import LogTime
from streams.deciders.noun import Noun, StateT

REMEMBER_MS: Final = 15 * 60 * 1000
"""Keyed command ids are remembered this long, in log time, and longer where that has made a step. Beyond it
the stored outcome answers."""

_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)


class FoldFailed(Exception):
    """An events record can't be applied. On the events topic nothing is skipped: the process must end."""


class Remembered(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A keyed command that was decided."""

    command_id: str
    src: int
    at_ms: int


class Fold(Generic[StateT]):
    """One partition's state; `cursor` is its place in the events, whose `src` is the last command record."""

    def __init__(self, noun: Noun[StateT]) -> None:
        self._noun = noun
        self.state = noun.initial
        self.cursor = Cursor(Position())
        self.time = LogTime()
        self.source = ("", "")
        """Gateway and record id of the last command record: the same as in the commands' log."""
        self._recent: deque[Remembered] = deque()
        self._aside: deque[Remembered] = deque()
        """From before the log's time went back: kept until it is there again, and as long as others then."""
        self._first_src: dict[str, int] = {}

    def first_src(self, command_id: str) -> int | None:
        """The command record in which a remembered keyed command was decided first."""
        return self._first_src.get(command_id)

    def remembered(self) -> list[Remembered]:
        """What a snapshot must keep, oldest first."""
        return [*self._aside, *self._recent]

    def restore(
        self,
        *,
        state: StateT,
        position: Position,
        time: LogTime,
        remembered: list[Remembered],
        source: tuple[str, str],
    ) -> None:
        """Go on from a snapshot."""
        self.state, self.cursor, self.time, self.source = state, Cursor(position), time, source
        by_time = sorted(remembered, key=_at_ms)
        self._recent = deque(item for item in by_time if item.at_ms <= time.now_ms)
        self._aside = deque(item for item in by_time if item.at_ms > time.now_ms)
        self._first_src = {item.command_id: item.src for item in remembered}

    def accept(self, record: LogRecord) -> bool:
        """Apply the next record of the events partition; False if its `src` says it doesn't count.

        Raises `LogTrimmed` on a gap in offsets, `FoldFailed` on what can't be read or applied.
        """
        events = read_events_record(record)
        if self.cursor.verdict(record.offset, events.src) == "applied":
            self.advance(self._evolved(record, events), events, record)
            return True
        return self.cursor.accept(record, events.src)

    def advance(self, state: StateT, events: EventsRecord, record: LogRecord) -> None:
        """Take the state that `events`, the next record's, give as the new one. They must count."""
        self.cursor.accept(record, events.src)
        self.state = state
        self.source = (events.gateway_id, events.record_id)
        self._pass_time(events, record.appended_at_ms)
        for decided in events.decided:
            if is_remembered(decided) and decided.command_id not in self._first_src:
                self._first_src[decided.command_id] = events.src
                self._recent.append(Remembered(decided.command_id, events.src, self.time.now_ms))
        for held in (self._recent, self._aside):
            while held and held[0].at_ms < self.time.ripe_ms - REMEMBER_MS:
                del self._first_src[held.popleft().command_id]

    def _pass_time(self, events: EventsRecord, appended_at_ms: int) -> None:
        asked_at_ms = events.asked_at_ms
        if events.appended_at_ms:
            appended_at_ms = events.appended_at_ms
        else:  # from before records had their times: their events do
            times = (event.at_ms for decided in events.decided for event in decided.events)
            asked_at_ms = max(times, default=0)
        if not asked_at_ms:
            return
        before, self.time = self.time, self.time.after(appended_at_ms, asked_at_ms)
        if self.time.now_ms < before.now_ms:
            self._aside.extend(self._recent)
            self._aside = deque(
                sorted((_not_before(item, before.now_ms) for item in self._aside), key=_at_ms)
            )
            self._recent = deque()
        elif self.time.lead_ms != before.lead_ms:  # what was decided by that lead may be later than it said
            self._recent = deque(_not_before(item, self.time.now_ms) for item in self._recent)

    def _evolved(self, record: LogRecord, events: EventsRecord) -> StateT:
        state = self.state
        noun = self._noun
        try:
            for decided in events.decided:
                for event in decided.events:
                    if event.type not in SHELL_EVENTS:
                        state = noun.evolve(state, noun.events.decode(event.type, event.data), event.at_ms)
        except Exception as error:
            where = f"{record.topic}[{record.partition}] at {record.offset}"
            raise FoldFailed(f"{where} can't be applied: {error!r}") from error
        return state


def _at_ms(item: Remembered) -> int:
    return item.at_ms


def _not_before(item: Remembered, at_ms: int) -> Remembered:
    return item if item.at_ms >= at_ms else Remembered(item.command_id, item.src, at_ms)


def read_events_record(record: LogRecord) -> EventsRecord:
    """Decode an events record. Raises `FoldFailed`."""
    try:
        events = _decoder.decode(record.value)
    except msgspec.DecodeError as error:
        raise FoldFailed(f"{record.topic}[{record.partition}] at {record.offset}: {error}") from error
    if events.version != ENVELOPE_VERSION:
        raise FoldFailed(f"events record version {events.version} is unknown to this build")
    return events
