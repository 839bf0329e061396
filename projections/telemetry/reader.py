"""The ClickHouse projector: a `LogReader` of the telemetry topic.

`handle` collects records into batches and writes each when it ends (`partition.py`); `idle` ends the last
batch of a quiet partition by a tick in the log, and publishes live counters. The runtime may commit offsets
ahead of what is written: only the position in ClickHouse says where to begin.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from projections.clickhouse.positions import REPAIR, Positions, StoredPosition
from projections.telemetry import metrics
from projections.telemetry.batches import BUCKET_MS, ROWS_MAX, BatchBoundaries
from projections.telemetry.failing_requests import ELSEWHERE, culprit
from projections.telemetry.insights import RULES, Rules
from projections.telemetry.live_counters import MINUTES_KEPT, LiveState
from projections.telemetry.partition_writer import Partition
from projections.telemetry.skip_store import SkipsChanged, skips_of
from projections.telemetry.stale_worker import WorkerIsStale
from projections.telemetry.stores import Stores
from schemas.log import LogUnavailable, RecordFailed
from schemas.log_positions import PositionRefused, begin, record_before
from schemas.telemetry.forgetting import no_fingerprints
from schemas.telemetry.record import EntryKind, TelemetryEntry, encode_record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from projections.clickhouse.client import ClickHouse
    from projections.telemetry.live_counters import RedisLive
    from schemas.log import Appender, LogRecord, LogTail
    from schemas.telemetry.forgetting import Fingerprints

HEARTBEAT_AGE_MS_MAX: Final = 3_000
"""Half the group's session: past it another worker may own the partition."""
_HOLD_POLL_S: Final = 0.1
_HEARTBEAT_POLL_S: Final = 0.1
_HEARTBEAT_POLLS: Final = 15
_PUBLISH_AGAIN_MS: Final = 5_000
"""How often what is published is checked while nothing arrives."""
_log: Final = logging.getLogger(__name__)


class TelemetryReader:
    """Projects telemetry into one ClickHouse database. Built for one process; partitions come and go."""

    def __init__(
        self,
        client: ClickHouse,
        *,
        topic: str,
        partitions: int,
        tail: LogTail,
        appender: Appender | None = None,
        live: RedisLive | None = None,
        heartbeat_age_ms: Callable[[], float] = lambda: 0.0,
        heartbeat_age_ms_max: float = HEARTBEAT_AGE_MS_MAX,
        bucket_ms: int = BUCKET_MS,
        rows_max: int = ROWS_MAX,
        overlap: bool = False,
        rules: Rules = RULES,
        fingerprints: Fingerprints = no_fingerprints,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`partitions` is the topic's count. `appender` takes ticks and dead letters, `live` is Redis.

        `fingerprints` tell who is forgotten. A rebuild gives neither of the other two, feeds `handle` itself,
        with `overlap` (a batch is written while the next one is gathered), and calls `flush`.
        """
        self._client = client
        self._topic = topic
        self._partition_count = partitions
        self._tail = tail
        self._appender = appender
        self._live = live
        self._heartbeat_age_ms = heartbeat_age_ms
        self._heartbeat_age_ms_max = heartbeat_age_ms_max
        self._bucket_ms = bucket_ms
        self._rows_max = rows_max
        self._overlap = overlap
        self._rules = rules
        self._fingerprints = fingerprints
        self._clock_ms = clock_ms
        self._sleep = sleep
        self._positions = Positions(client, topic)
        self._partitions: dict[int, Partition] = {}
        self._published: dict[int, tuple[int, int]] = {}
        self._publish_after_ms = 0

    async def assigned(self, partition: int) -> int:
        """Begin after the stored position. Raises PositionRefused where it does not fit the log."""
        await self._wait_for_release(partition)
        generation = await self._positions.generation()
        held = await self._positions.read(partition)
        start = await begin(
            self._tail,
            self._topic,
            partition,
            held.position,
            where=f"ClickHouse database {self._client.database}",
            repair=REPAIR,
        )
        log_id, offset = start.position.log_id, start.position.offset
        log_time_ms = held.log_time_ms
        if start.marked:
            await self._positions.write(StoredPosition(partition, start.position, log_time_ms), generation)
        stores = Stores(
            self._client,
            topic=self._topic,
            log_id=log_id,
            generation=generation,
            tail=self._tail,
            appender=self._appender,
            rules=self._rules,
            fingerprints=self._fingerprints,
        )
        skips = await skips_of(self._tail, log_id, partition)
        self._partitions[partition] = Partition(
            partition,
            begin=offset,
            boundaries=BatchBoundaries(self._bucket_ms, self._rows_max),
            stores=stores,
            live=await self._restored(stores, partition, offset, log_time_ms),
            shown=await self._shown(stores, partition, offset, log_time_ms),
            others=self._partition_count > 1,
            skips=skips,
            forgotten=await stores.forgetting.before(partition, offset),
            overlap=self._overlap,
        )
        await self._publish(self._partitions[partition], self._clock_ms())
        return offset

    async def _shown(self, stores: Stores, partition: int, begin: int, log_time_ms: int) -> dict[str, int]:
        """What tables show beyond the position, of a batch that was not finished. It must be of this log."""
        found = {}
        for table, (offset, arrived_at_ms) in (await stores.shown(partition, log_time_ms)).items():
            found[table] = offset
            if offset >= begin:
                record = await record_before(self._tail, self._topic, partition, offset + 1)
                if record is None or record.appended_at_ms != arrived_at_ms:
                    raise PositionRefused(
                        f"{table} in ClickHouse database {self._client.database} holds rows of"
                        f" {self._topic}[{partition}] at {offset} that the log has lost. {REPAIR}"
                    )
        return found

    async def _restored(self, stores: Stores, partition: int, begin: int, log_time_ms: int) -> LiveState:
        live = LiveState()
        live.applied, live.log_time_ms = begin, log_time_ms
        if self._live is None:
            return live
        live.open = await stores.sessions.open_sessions(partition)
        live.watermarks = {
            tenant: (min(at_ms, log_time_ms), log_time_ms)
            for tenant, at_ms in (await stores.sessions.watermarks(partition)).items()
        }
        live.count(await stores.per_minute(partition, log_time_ms - MINUTES_KEPT * 60_000, begin))
        return live

    async def handle(self, record: LogRecord) -> None:
        """Add a record; write the batch that it ends."""
        partition = self._partitions[record.partition]
        applied = partition.live.applied
        try:
            await partition.take(record, self)
        except Exception as error:
            await self._name_record(partition, error)
            raise
        if partition.live.applied != applied and partition.live.changed:
            now_ms = self._clock_ms()
            metrics.APPLIED_BEHIND.observe(max(0, now_ms - partition.live.log_time_ms) / 1000)
            await self._publish(partition, now_ms)

    async def idle(self, now_ms: int) -> None:
        """End batches whose bucket is over by ticks, and keep what is published current."""
        for partition in list(self._partitions.values()):
            if self._appender is not None and partition.boundaries.tick_due(now_ms):
                try:
                    await self._appender.append(self._topic, partition.partition, _TICK)
                    metrics.TICKS.inc()
                except LogUnavailable as error:
                    _log.warning("no tick for %s[%d]: %s", self._topic, partition.partition, error)
            applied, at_ms = self._published.get(partition.partition, (-1, 0))
            if applied != partition.live.applied or now_ms - at_ms >= _PUBLISH_AGAIN_MS:
                await self._publish(partition, now_ms)

    async def revoked(self, partition: int) -> None:
        """Forget what was gathered of this partition; its next owner reads it again."""
        state = self._partitions.pop(partition, None)
        if state is not None:
            state.forget()
        self._published.pop(partition, None)

    @property
    def works_long(self) -> bool:
        """Whether a person is being forgotten: minutes, where tables are large."""
        return any(partition.forgetting for partition in self._partitions.values())

    def written(self, partition: int) -> int:
        """Everything before this offset is in every table, or has no effect."""
        return self._partitions[partition].live.applied

    async def flush(self, partition: int) -> int:
        """Write the open batch although nothing ended it, and return the next offset. For rebuilds only.

        Raises SkipsChanged where a decision to skip came meanwhile.
        """
        state = self._partitions[partition]
        try:
            if state.boundaries.is_open:
                await state.end_batch(self)
            await state.written()
        except Exception as error:
            await self._name_record(state, error)
            raise
        await self._refuse_changed_skips(state)
        return state.next_offset

    async def before_batch(self, partition: int) -> None:
        """Wait while a rebuild or a decision to skip holds this topic, then check the heartbeat.

        Raises SkipsChanged where there is a decision that this process did not know when it gathered.
        """
        if await self._wait_for_release(partition):
            await self._refuse_changed_skips(self._partitions[partition])
        await self.before_write()

    async def _name_record(self, partition: Partition, error: Exception) -> None:
        """Raise RecordFailed where the error came of a record, nothing being away: it names the record."""
        if partition.failing is None or isinstance(error, (WorkerIsStale, *ELSEWHERE)):
            return
        first, last = partition.failing
        found = await culprit(
            self._client, partition, self._tail, topic=self._topic, others=self._partition_count > 1
        )
        offset, index = found or (first, None)
        raise RecordFailed(
            error,
            topic=self._topic,
            partition=partition.partition,
            first=offset,
            last=offset if found else last,
            index=index,
        ) from error

    async def _refuse_changed_skips(self, state: Partition) -> None:
        if state.skips != await skips_of(self._tail, state.log_id, state.partition):
            raise SkipsChanged(f"{self._topic}[{state.partition}]: a skip was decided meanwhile")

    async def before_write(self) -> None:
        """Raise WorkerIsStale where the group may have given the partition to another worker.

        A heartbeat that only waited for this process's own work gets the time to go out first.
        """
        for _ in range(_HEARTBEAT_POLLS):
            if self._heartbeat_age_ms() <= self._heartbeat_age_ms_max:
                return
            await self._sleep(_HEARTBEAT_POLL_S)
        raise WorkerIsStale(f"the last good heartbeat was {self._heartbeat_age_ms():.0f} ms ago")

    async def _wait_for_release(self, partition: int) -> bool:
        """Wait while the topic is held; return whether it was."""
        answered: str | None = None
        while (holder := await self._positions.held(self._clock_ms())) is not None:
            if holder != answered:
                _log.info("%s[%d] waits for the rebuild %s", self._topic, partition, holder)
                await self._positions.answer_hold(partition, holder)
                answered = holder
            await self._sleep(_HOLD_POLL_S)
        return answered is not None

    async def _publish(self, partition: Partition, now_ms: int) -> None:
        live = partition.live
        metrics.APPLIED_AT.labels(str(partition.partition)).set(live.log_time_ms / 1000)
        if self._live is None or now_ms < self._publish_after_ms:
            return
        if await self._live.publish(partition.partition, live):
            self._published[partition.partition] = live.applied, now_ms
        else:
            self._publish_after_ms = now_ms + _PUBLISH_AGAIN_MS


_TICK: Final = encode_record(
    [
        TelemetryEntry(
            kind=EntryKind.TICK,
            request_id="",
            studio_id="",
            game_id="",
            received_at_ms=0,
            item_count=0,
            country=None,
            region=None,
            city=None,
            body=b"",
        )
    ]
)
