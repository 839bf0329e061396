"""The timer: says in the log that sessions have ended, from what the projector has published of them.

A session has ended when its game's watermark has passed its last event by 30 minutes. The watermark moves
with arrivals; where nothing arrives and everything that did is applied, it moves with the clock. So after an
outage the timer catches up by itself. It may fire twice, or too early by what it had read: the fold checks
each word against the session as of that offset. Source: telemetry.md, "Sessions"; the design's rule 14.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from schemas.edge.ports import StoreUnavailable
from schemas.log import LogUnavailable
from schemas.telemetry.deadlines import (
    SESSION_ENDS_AFTER_MS,
    GameWatermark,
    OpenSession,
    SessionDue,
    encode_session_due,
)
from schemas.telemetry.record import EntryKind, TelemetryEntry, encode_record

if TYPE_CHECKING:
    from collections.abc import Collection

    from schemas.log import Appender, LogTail

DUES_PER_RECORD: Final = 500
DUES_PER_GAME: Final = 2_000
"""Sessions of one game and partition that one round looks at; the oldest first, the rest wait a round."""
AHEAD_MS_MAX: Final = 5 * 60 * 1000
"""How far the broker's clock may be ahead of the timer's before its time is not believed."""
AGAIN_AFTER_MS: Final = 15_000
"""A word that had no effect by then is said again."""

_log: Final = logging.getLogger(__name__)


class DeadlineSource(Protocol):
    """What the ClickHouse projector has published. Raises `StoreUnavailable`."""

    async def applied(self) -> dict[int, int]:
        """For each partition, the offset before which everything is applied."""
        ...

    async def watermarks(self) -> list[GameWatermark]:
        """Every game's watermark in every partition that has seen it."""
        ...

    async def open_until(
        self, partition: int, game_id: str, last_event_at_ms: int, limit: int
    ) -> list[OpenSession]:
        """Open sessions of a game whose last event is at or before then, the oldest first."""
        ...

    async def last_events(
        self, partitions: Collection[int], game_id: str, session_ids: list[str]
    ) -> dict[str, int]:
        """The time of the last event of each open session over these partitions."""
        ...


class _Game(msgspec.Struct):
    studio_id: str
    watermark_ms: int
    arrived_at_ms: int
    partitions: set[int]


class SessionTimer:
    """Appends `SessionDue` entries. One timer is enough; two are harmless."""

    def __init__(self, *, topic: str, source: DeadlineSource, tail: LogTail, appender: Appender) -> None:
        self._topic = topic
        self._source = source
        self._tail = tail
        self._appender = appender
        self._said: dict[tuple[int, str, str, int], int] = {}

    async def tick(self, now_ms: int) -> int:
        """One round; return how many deadlines it appended. An outage of log or store ends it early."""
        try:
            return await self._round(now_ms)
        except (StoreUnavailable, LogUnavailable) as error:
            _log.warning("the session timer waits: %s", error)
            return 0

    async def _round(self, now_ms: int) -> int:
        self._said = {said: at for said, at in self._said.items() if now_ms - at < AGAIN_AFTER_MS}
        # What is applied is read before the ends: what arrives in between can only delay a deadline.
        applied = await self._source.applied()
        ends = {partition: await self._tail.end_offset(self._topic, partition) for partition in applied}
        caught_up = all(applied[partition] >= end for partition, end in ends.items())
        appended = 0
        for game_id, game in _games(await self._source.watermarks()).items():
            watermark_ms = watermark_of(game.watermark_ms, game.arrived_at_ms, now_ms, caught_up=caught_up)
            for partition in sorted(game.partitions):
                appended += await self._say(partition, game_id, game, watermark_ms, now_ms)
        return appended

    async def _say(self, partition: int, game_id: str, game: _Game, watermark_ms: int, now_ms: int) -> int:
        before_ms = watermark_ms - SESSION_ENDS_AFTER_MS
        found = await self._source.open_until(partition, game_id, before_ms, DUES_PER_GAME)
        over = [
            session
            for session in found
            if (partition, game_id, session.session_id, session.last_event_at_ms) not in self._said
        ]
        if over and len(game.partitions) > 1:
            names = [session.session_id for session in over]
            latest = await self._source.last_events(game.partitions, game_id, names)
            over = [session for session in over if latest.get(session.session_id, 0) <= before_ms]
        for first in range(0, len(over), DUES_PER_RECORD):
            some = over[first : first + DUES_PER_RECORD]
            entries = [_entry(game, game_id, session, watermark_ms, now_ms) for session in some]
            await self._appender.append(self._topic, partition, encode_record(entries))
            for session in some:
                self._said[partition, game_id, session.session_id, session.last_event_at_ms] = now_ms
        return len(over)


def watermark_of(watermark_ms: int, arrived_at_ms: int, now_ms: int, *, caught_up: bool) -> int:
    """How far a game's time has come. Pure.

    Arrivals are the broker's time, so one that lies far ahead of this clock is no arrival's: its clock had
    jumped, and with it the limit that keeps events of the future from moving the watermark. Then the newest
    event stands for the arrival, and never for a time that has not come.
    """
    if arrived_at_ms > now_ms + AHEAD_MS_MAX:
        watermark_ms = arrived_at_ms = min(watermark_ms, now_ms)
    return watermark_ms + max(0, now_ms - arrived_at_ms) if caught_up else watermark_ms


def _games(watermarks: list[GameWatermark]) -> dict[str, _Game]:
    games: dict[str, _Game] = {}
    for found in watermarks:
        game = games.setdefault(found.game_id, _Game(found.studio_id, 0, 0, set()))
        game.watermark_ms = max(game.watermark_ms, found.watermark_ms)
        game.arrived_at_ms = max(game.arrived_at_ms, found.arrived_at_ms)
        game.partitions.add(found.partition)
    return games


def _entry(game: _Game, game_id: str, session: OpenSession, watermark_ms: int, now_ms: int) -> TelemetryEntry:
    due = SessionDue(
        session_id=session.session_id,
        last_event_at_ms=session.last_event_at_ms,
        watermark_ms=watermark_ms,
    )
    return TelemetryEntry(
        kind=EntryKind.SESSION_DUE,
        request_id="",
        studio_id=game.studio_id,
        game_id=game_id,
        received_at_ms=now_ms,
        item_count=1,
        country=None,
        region=None,
        city=None,
        body=encode_session_due(due),
    )
