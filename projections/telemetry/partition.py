"""One partition of the telemetry log on its way into ClickHouse: gathers records, ends cuts, writes them.

The order of writes is what makes it exact: fact tables, session parts, insights, and the position last. A
worker that begins again at the position cuts alike and sends the same tokens; what a table's own rows show is
left out; sessions know the version they were stored at. Source: the design's "Exactly once into ClickHouse".
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from projections.clickhouse.positions import Position
from projections.telemetry import metrics
from projections.telemetry.columns import Origin
from projections.telemetry.facts import Facts
from projections.telemetry.identities import Seen
from projections.telemetry.memory import SessionMemory
from projections.telemetry.rows import Rows
from projections.telemetry.sessions import Due, SessionKey, SessionPart
from schemas.dead_letters import DEAD_LETTER_VERSION, DeadLetter
from schemas.telemetry.deadlines import decode_session_due
from schemas.telemetry.record import PartKind, TelemetryPart, decode_record

if TYPE_CHECKING:
    from collections.abc import Collection

    from projections.telemetry.cuts import Cut, Cutter
    from projections.telemetry.live import LiveState
    from projections.telemetry.stores import Stores
    from schemas.log import LogRecord

READER: Final = "projector.clickhouse"
_NO_EFFECT: Final = frozenset({PartKind.TICK, PartKind.EXPORT_STARTED})
_log: Final = logging.getLogger(__name__)


class Guard(Protocol):
    """Stops a worker that may no longer write, by raising."""

    async def before_cut(self, partition: int) -> None:
        """Awaited before a cut is written; may wait."""
        ...

    async def before_write(self) -> None:
        """Awaited before every write of a cut."""
        ...


class Partition:
    """The state of one assigned partition. Not to be used again after an exception left it."""

    def __init__(
        self,
        partition: int,
        *,
        begin: int,
        cutter: Cutter,
        stores: Stores,
        live: LiveState,
        shown: dict[str, int],
        others: bool,
    ) -> None:
        """`shown` is, for each fact table, the highest offset of this partition that it has rows of."""
        self.partition = partition
        self.next_offset = begin
        self.cutter = cutter
        self.live = live
        self._stores = stores
        self._shown = shown
        self._others = others
        self._memory = SessionMemory()
        self._reset()

    def _reset(self) -> None:
        self._rows = Rows()
        self._dues: dict[SessionKey, list[Due]] = {}
        self._letters: list[DeadLetter] = []
        self._has_effect = False

    async def take(self, record: LogRecord, guard: Guard) -> None:
        """Add the next record; write the cut that it ends or fills. One that was added before is dropped."""
        if record.offset < self.next_offset:
            return
        if self.cutter.ends_before(record.appended_at_ms):
            await self.end_cut(guard)
        before = self._rows.count
        tick = self._add(record)
        self.next_offset = record.offset + 1
        full = self.cutter.add(record.offset, record.appended_at_ms, self._rows.count - before, tick=tick)
        if not self._has_effect:
            self.live.applied, self.live.log_time_ms = self.next_offset, record.appended_at_ms
        if full:
            await self.end_cut(guard)

    def _add(self, record: LogRecord) -> bool:
        """Add a record's parts; return whether it holds nothing but ticks."""
        try:
            parts = decode_record(record.value).parts
        except (msgspec.MsgspecError, ValueError) as error:
            self._give_up(record, None, "undecodable-record", error, record.value)
            return False
        origin_of = {
            (part.studio_id, part.game_id): Origin(
                part.studio_id, part.game_id, record.appended_at_ms, record.offset
            )
            for part in parts
        }
        item = 0
        for index, part in enumerate(parts):
            try:
                if part.kind == PartKind.SESSION_DUE:
                    self._add_due(record, part)
                else:
                    item += self._rows.add(origin_of[part.studio_id, part.game_id], item, part)
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
                item += max(part.item_count, 0)
                self._give_up(record, index, "undecodable-part", error, part.body)
            self._has_effect = self._has_effect or part.kind not in _NO_EFFECT
        return all(part.kind == PartKind.TICK for part in parts)

    def _add_due(self, record: LogRecord, part: TelemetryPart) -> None:
        due = decode_session_due(part.body)
        key = SessionKey(part.studio_id, part.game_id, due.session_id)
        self._dues.setdefault(key, []).append(Due(record.offset, due.watermark_ms))

    def _give_up(
        self, record: LogRecord, index: int | None, reason: str, error: Exception, body: bytes
    ) -> None:
        self._has_effect = True
        self._letters.append(
            DeadLetter(
                version=DEAD_LETTER_VERSION,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                index=index,
                reader=READER,
                reason=reason,
                error=str(error)[:1000],
                appended_at_ms=record.appended_at_ms,
                key=record.key,
                body=body,
            )
        )

    async def end_cut(self, guard: Guard) -> None:
        """End the open cut and write it. One without effects writes nothing: the next position covers it."""
        cut = self.cutter.take()
        if self._has_effect:
            begun = time.perf_counter()
            await self._write(cut, guard)
            metrics.CUT_ROWS.observe(cut.rows)
            metrics.CUT_SECONDS.observe(time.perf_counter() - begun)
        self.live.applied, self.live.log_time_ms = cut.last + 1, cut.log_time_ms
        self._reset()

    async def _write(self, cut: Cut, guard: Guard) -> None:
        stores = self._stores
        await guard.before_cut(self.partition)
        # The arrays of a large cut take seconds on a busy machine: in a thread, heartbeats go on meanwhile.
        facts = await asyncio.to_thread(Facts, self._rows, self.partition)
        keys = {*facts.sessions, *self._dues}
        parts = await self._parts(keys)
        await self._drop_repeats(facts, parts, cut)
        changed = await asyncio.to_thread(facts.fold, parts, self._dues, cut.last)
        for table, columns, body, rows in await asyncio.to_thread(facts.bodies, self._shown):
            await guard.before_write()
            await stores.insert_facts(table, columns, body, rows=rows, token=self._token(table, cut))
        await guard.before_write()
        await stores.sessions.write(list(changed.values()), self._token("session_parts", cut))
        now = parts | changed
        await self._analyse(now, cut)
        for letter in self._letters:
            await stores.dead_letter(letter)
            metrics.DEAD_PARTS.labels(letter.reason).inc()
        await guard.before_write()
        await stores.write_position(
            Position(stores.topic, self.partition, cut.last + 1, stores.log_id, cut.log_time_ms)
        )
        self._publish(facts, now)
        metrics.REPEATS.inc(facts.repeats)

    async def _parts(self, keys: Collection[SessionKey]) -> dict[SessionKey, SessionPart]:
        """The parts of these sessions as they are before the cut."""
        memory = self._memory.parts
        unknown = [key for key in keys if key not in memory]
        if unknown:
            stored = await self._stores.sessions.parts(unknown, self.partition)
            for key in unknown:
                found = stored.get(key)
                part = found[0] if found else SessionPart(key=key, partition=self.partition)
                self._memory.remember(part)
        return {key: memory[key] for key in keys}

    async def _drop_repeats(self, facts: Facts, parts: dict[SessionKey, SessionPart], cut: Cut) -> None:
        keys = facts.sessions_with_identities
        if not keys:
            return
        unknown = [key for key in keys if key not in self._memory.seen]
        # Rows of this very cut do not repeat themselves: a worker that died between two tables left some.
        bounds = {key: max(parts[key].version, cut.first) for key in unknown if parts[key].version}
        if bounds:
            since_ms = min(parts[key].first_arrived_at_ms or 0 for key in bounds)
            stored = await self._stores.sessions.seen(self.partition, bounds, since_ms)
        else:
            stored = {}
        for key in unknown:
            self._memory.remember_seen(key, stored[key] if key in stored else Seen())
        facts.drop_repeats({key: self._memory.seen[key] for key in keys})

    async def _analyse(self, parts: dict[SessionKey, SessionPart], cut: Cut) -> None:
        closed = {key for key, part in parts.items() if part.closed}
        if self._others:
            closed |= await self._stores.sessions.closed([key for key in parts if key not in closed])
        if closed:
            token = self._token("insights", cut)
            await self._stores.insights.analyse(closed, token, others=self._others)

    def _publish(self, facts: Facts, parts: dict[SessionKey, SessionPart]) -> None:
        for part in parts.values():
            self._memory.remember(part)
            self.live.put(part.key, None if part.closed else part.last_event_at_ms)
        for key in facts.sessions_with_identities:
            self._memory.remember_seen(key, self._memory.seen[key])
        self._memory.trim()
        self.live.advance(facts.watermarks())
        self.live.count(facts.per_minute())
        metrics.SESSIONS_IN_MEMORY.labels(str(self.partition)).set(len(self._memory.parts))

    def _token(self, table: str, cut: Cut) -> str:
        return f"{table}:{self._stores.topic}:{self.partition}:{cut.first}-{cut.last}"
