"""Writes one partition of the telemetry log to ClickHouse: collects records into batches, inserts each.

The order of writes is what makes it exact: fact tables, session parts, insights, and the position last. A
worker that starts again at the position forms the same batches and sends the same tokens; what a table's own
rows show is left out; sessions know the version they were stored at. Source: the design's "Exactly once into
ClickHouse".
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from projections.clickhouse.positions import StoredPosition
from projections.telemetry import metrics
from projections.telemetry.identities import Seen
from projections.telemetry.insert_batch import InsertBatch
from projections.telemetry.open_batch import OpenBatch
from projections.telemetry.session_cache import SessionMemory
from projections.telemetry.session_key import SessionKey
from projections.telemetry.sessions import SessionFragment
from schemas.log_positions import Position, mark_of
from schemas.telemetry.forgetting import forgetting_in, none_forgotten

if TYPE_CHECKING:
    from collections.abc import Collection

    from projections.telemetry.batches import Batch, BatchBoundaries
    from projections.telemetry.live_counters import LiveState
    from projections.telemetry.stores import Stores
    from schemas.log import LogRecord
    from schemas.telemetry.forgetting import Forgotten, PersonForgotten
    from schemas.telemetry.skips import Skips


class Guard(Protocol):
    """Stops a worker that may no longer write, by raising."""

    async def before_batch(self, partition: int) -> None:
        """Awaited before a batch is written; may wait."""
        ...

    async def before_write(self) -> None:
        """Awaited before every write of a batch."""
        ...


class Partition:
    """The state of one assigned partition. Not to be used again after an exception left it."""

    def __init__(
        self,
        partition: int,
        *,
        begin: int,
        boundaries: BatchBoundaries,
        stores: Stores,
        live: LiveState,
        shown: dict[str, int],
        others: bool,
        skips: Skips,
        forgotten: Forgotten | None = None,
        overlap: bool = False,
    ) -> None:
        """`shown` is, for each fact table, the highest offset of this partition that it has rows of.

        `skips` are the decisions about this partition that were known when it was assigned, `forgotten` the
        persons that records before `begin` say to forget.

        `overlap` collects the next batch while one is written: faster, for rebuilds; no other task may then
        call `take` to mean that anything was written.
        """
        self.partition = partition
        self.next_offset = begin
        self.boundaries = boundaries
        self.live = live
        self._stores = stores
        self._shown = shown
        self._others = others
        self._overlap = overlap
        self._memory = SessionMemory()
        self.skips = skips
        self._forgotten = none_forgotten() if forgotten is None else forgotten
        self.forgetting = False
        """Whether a person is being forgotten now."""
        self._open_batch = OpenBatch(skips, self._forgotten)
        self._last: LogRecord | None = None
        self._writing: asyncio.Task[None] | None = None
        self.failing: tuple[int, int] | None = None
        """After an exception: the first and last offset of the records at which it was raised."""

    @property
    def log_id(self) -> str:
        """Which log it is a partition of."""
        return self._stores.log_id

    async def take(self, record: LogRecord, guard: Guard) -> None:
        """Add the next record; write the batch that it ends or fills. A record added before is dropped."""
        if record.offset < self.next_offset:
            return
        decision = forgetting_in(record.value)
        if decision is not None:
            await self._forget(record, decision, guard)
            return
        if self.boundaries.ends_before(record.appended_at_ms):
            await self.end_batch(guard)
        before = self._open_batch.rows.count
        try:
            tick = self._open_batch.add(record)
        except Exception:
            self.failing = (record.offset, record.offset)
            raise
        self.next_offset = record.offset + 1
        self._last = record
        rows = self._open_batch.rows.count - before
        full = self.boundaries.add(record.offset, record.appended_at_ms, rows, tick=tick)
        if not self._open_batch.has_effect and self._writing is None:
            self.live.applied, self.live.log_time_ms = self.next_offset, record.appended_at_ms
        if full:
            await self.end_batch(guard)

    async def _forget(self, record: LogRecord, decision: PersonForgotten, guard: Guard) -> None:
        """Forget a person, as a batch of its own: the batch before ends, the next one begins without them."""
        if self.boundaries.is_open:
            await self.end_batch(guard)
        await self.written()
        place = (self.partition, record.offset)
        self.forgetting = True
        try:
            await guard.before_batch(self.partition)
            gone = await self._stores.forgetting.forget(
                decision, *place, before_write=guard.before_write, others=self._others
            )
            position = Position(record.offset + 1, mark=mark_of(record), log_id=self._stores.log_id)
            await guard.before_write()
            await self._stores.write_position(StoredPosition(self.partition, position, record.appended_at_ms))
        except Exception:
            self.failing = (record.offset, record.offset)
            raise
        finally:
            self.forgetting = False
        self._forgotten.add(decision)
        self._memory = SessionMemory()
        for key in gone:
            self.live.put(key, None)
        self.next_offset, self._last = record.offset + 1, record
        self.live.applied, self.live.log_time_ms = self.next_offset, record.appended_at_ms

    async def end_batch(self, guard: Guard) -> None:
        """End the open batch and write it. One without effects writes nothing: the next position covers it.

        With `overlap` it is only begun here, after the one before it has been written.
        """
        batch = self.boundaries.take()
        open_batch, self._open_batch = self._open_batch, OpenBatch(self.skips, self._forgotten)
        open_batch.mark = "" if self._last is None else mark_of(self._last)
        await self.written()
        if not self._overlap:
            await self._end(batch, open_batch, guard)
        else:
            self._writing = asyncio.create_task(self._end(batch, open_batch, guard))

    async def written(self) -> None:
        """Until everything that was begun is written. Raises what kept it from being."""
        if self._writing is not None:
            await self._writing
            self._writing = None

    def forget(self) -> None:
        """Stop what is under way."""
        if self._writing is not None:
            self._writing.cancel()

    async def _end(self, batch: Batch, open_batch: OpenBatch, guard: Guard) -> None:
        if open_batch.has_effect:
            begun = time.perf_counter()
            try:
                await self._write(batch, open_batch, guard)
            except Exception:
                self.failing = (batch.first, batch.last)
                raise
            metrics.BATCH_ROWS.observe(batch.rows)
            metrics.BATCH_SECONDS.observe(time.perf_counter() - begun)
        self.live.applied, self.live.log_time_ms = batch.last + 1, batch.log_time_ms

    async def _write(self, batch: Batch, open_batch: OpenBatch, guard: Guard) -> None:
        stores = self._stores
        await guard.before_batch(self.partition)
        await self._take_decisions(batch, open_batch)
        facts, parts, changed = await self._folded(batch, open_batch)
        for table, columns, body, rows in await asyncio.to_thread(facts.bodies, self._shown):
            await guard.before_write()
            await stores.insert_facts(table, columns, body, rows=rows, token=self._token(table, batch))
        for skipped in open_batch.skipped:
            await guard.before_write()
            await stores.skips.clean(skipped)
        await guard.before_write()
        await stores.sessions.write(list(changed.values()), self._token("session_parts", batch))
        now = parts | changed
        await self._analyse(now, batch)
        for letter in open_batch.letters:
            await stores.dead_letter(letter)
            metrics.DEAD_PARTS.labels(letter.reason).inc()
        await guard.before_write()
        position = Position(batch.last + 1, mark=open_batch.mark, log_id=stores.log_id)
        await stores.write_position(StoredPosition(self.partition, position, batch.log_time_ms))
        self._publish(facts, now)
        metrics.REPEATS.inc(facts.repeats)

    async def rehearse(self, batch: Batch, open_batch: OpenBatch) -> None:
        """Do what writing a batch does, position aside: raises what that raises. For stores on Null tables.

        What is already stored of the batch is not tried again, and this partition is of no use afterwards.
        """
        facts, parts, changed = await self._folded(batch, open_batch)
        for table, columns, body, rows in await asyncio.to_thread(facts.bodies, {}):
            token = self._token(table, batch)
            await self._stores.insert_facts(table, columns, body, rows=rows, token=token)
        await self._stores.sessions.write(list(changed.values()), self._token("session_parts", batch))
        await self._analyse(parts | changed, batch)

    async def _folded(
        self, batch: Batch, open_batch: OpenBatch
    ) -> tuple[InsertBatch, dict[SessionKey, SessionFragment], dict[SessionKey, SessionFragment]]:
        """The batch without repeats, its sessions as they were before, and those that it changes."""
        # The arrays of a large batch take seconds on a busy machine: in a thread, heartbeats go on meanwhile.
        facts = await asyncio.to_thread(InsertBatch, open_batch.rows, self.partition)
        parts = await self._parts({*facts.sessions, *open_batch.dues})
        await self._drop_repeats(facts, parts, batch)
        return facts, parts, await asyncio.to_thread(facts.fold, parts, open_batch.dues, batch.last)

    async def _take_decisions(self, batch: Batch, open_batch: OpenBatch) -> None:
        """Note what the batch leaves out; then see whether these tables know every decision in the batch."""
        for skipped in open_batch.skipped:
            await self._stores.skips.apply(skipped)
        for decision in open_batch.decisions:
            await self._stores.check_decision(decision, batch.first)

    async def _parts(self, keys: Collection[SessionKey]) -> dict[SessionKey, SessionFragment]:
        """The parts of these sessions as they are before the batch."""
        memory = self._memory.parts
        unknown = [key for key in keys if key not in memory]
        if unknown:
            stored = await self._stores.sessions.parts(unknown, self.partition)
            for key in unknown:
                found = stored.get(key)
                part = found[0] if found else SessionFragment(key=key, partition=self.partition)
                self._memory.remember(part)
        return {key: memory[key] for key in keys}

    async def _drop_repeats(
        self, facts: InsertBatch, parts: dict[SessionKey, SessionFragment], batch: Batch
    ) -> None:
        keys = facts.sessions_with_identities
        if not keys:
            return
        unknown = [key for key in keys if key not in self._memory.seen]
        # Rows of this very batch do not repeat themselves: a worker that died between two tables left some.
        bounds = {key: max(parts[key].version, batch.first) for key in unknown if parts[key].version}
        if bounds:
            since_ms = min(parts[key].first_arrived_at_ms or 0 for key in bounds)
            stored = await self._stores.sessions.seen(self.partition, bounds, since_ms)
        else:
            stored = {}
        for key in unknown:
            self._memory.remember_seen(key, stored[key] if key in stored else Seen())
        facts.drop_repeats({key: self._memory.seen[key] for key in keys})

    async def _analyse(self, parts: dict[SessionKey, SessionFragment], batch: Batch) -> None:
        closed = {key for key, part in parts.items() if part.closed}
        if self._others:
            closed |= await self._stores.sessions.closed([key for key in parts if key not in closed])
        if closed:
            token = self._token("insights", batch)
            await self._stores.insights.analyse(closed, token, others=self._others)

    def _publish(self, facts: InsertBatch, parts: dict[SessionKey, SessionFragment]) -> None:
        for part in parts.values():
            self._memory.remember(part)
            self.live.put(part.key, None if part.closed else part.last_event_at_ms)
        for key in facts.sessions_with_identities:
            self._memory.remember_seen(key, self._memory.seen[key])
        self._memory.trim()
        self.live.advance(facts.watermarks())
        self.live.count(facts.per_minute())
        metrics.SESSIONS_IN_MEMORY.labels(str(self.partition)).set(len(self._memory.parts))

    def _token(self, table: str, batch: Batch) -> str:
        return f"{table}:{self._stores.topic}:{self.partition}:{batch.first}-{batch.last}"
