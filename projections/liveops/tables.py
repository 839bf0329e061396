"""Reads liveops' events into ClickHouse: movements, frozen ranks, scores, and every event in its own words.

Rows are keyed by what they say, so a batch that is written again after a crash changes nothing. The position
is written after a batch's rows and read back: a ClickHouse that lost it ends the process, and the next one
begins at the store's position.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.clickhouse.positions import REPAIR, Positions
from projections.liveops.economy_store import stored_totals
from projections.liveops.economy_totals import Move, rows_of
from projections.liveops.table_rows import COLUMNS, ECONOMY, Rows, add_record, no_rows
from schemas.envelope import EventsRecord
from schemas.log import LogReader, LogRecord
from schemas.log_positions import Cursor, StoreRegressed, begin

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogTail

ROWS_MAX: Final = 20_000
"""Rows of a batch; the record that reaches it ends it."""
CUT_MS: Final = 4_000
"""How long a row waits at most. An insert costs the same for one row as for thousands, and what clients read
at once is in Redis."""
POSITION_MS: Final = 5_000
"""How long a position waits where there is no row."""
HOLD_POLL_S: Final = 0.1
_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_encode: Final = msgspec.json.Encoder().encode


class _Batch(msgspec.Struct):
    """One partition: its position, and the rows to be written."""

    cursor: Cursor
    held: int
    """The next offset that the tables hold."""
    rows: Rows = msgspec.field(default_factory=no_rows)
    moves: list[Move] = msgspec.field(default_factory=list)
    since_ms: int = 0

    @property
    def size(self) -> int:
        return sum(map(len, self.rows.values()))

    def due(self, now_ms: int) -> bool:
        return self.since_ms > 0 and now_ms - self.since_ms >= (CUT_MS if self.size else POSITION_MS)


class LiveopsTables(LogReader):
    """One for liveops.events. Raises `ClickHouseError` where ClickHouse stays away, and `StoreRegressed`."""

    def __init__(
        self,
        client: ClickHouse,
        *,
        topic: str,
        tail: LogTail,
        clock_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._positions = Positions(client, topic)
        self._sleep = sleep
        self._topic = topic
        self._tail = tail
        self._clock_ms = clock_ms
        self._batches: dict[int, _Batch] = {}
        self._writing = asyncio.Lock()

    async def assigned(self, partition: int) -> int:
        """Continue at the tables' position; at the log's start where they hold nothing.

        Raises PositionRefused where their position is not in the log.
        """
        held = (await self._positions.read(partition)).position
        where = f"ClickHouse database {self._client.database}"
        start = await begin(self._tail, self._topic, partition, held, where=where, repair=REPAIR)
        if start.marked:
            await self._positions.write_all([(partition, start.position)])
        self._batches[partition] = _Batch(Cursor(start.position), held.offset)
        return held.offset

    async def handle(self, record: LogRecord) -> None:
        """Take in a record; write what has come together where that is enough."""
        batch = self._batches[record.partition]
        if record.offset < batch.cursor.offset:
            return
        events = _decoder.decode(record.value)
        batch.since_ms = batch.since_ms or self._clock_ms()
        if not batch.cursor.accept(record, events.src):
            return
        add_record(events, record.partition, record.offset, batch.rows, batch.moves)
        if batch.size >= ROWS_MAX or batch.due(self._clock_ms()):
            await self._write()

    async def idle(self, now_ms: int) -> None:
        """Write what has waited long enough."""
        if any(batch.due(now_ms) for batch in self._batches.values()):
            await self._write()

    async def revoked(self, partition: int) -> None:
        """Forget the partition."""
        self._batches.pop(partition, None)

    async def flush(self, partition: int) -> int:
        """Write everything that was taken in, and return the partition's next offset. For rebuilds only."""
        await self._write()
        return self._batches[partition].cursor.offset

    async def _write(self) -> None:
        """Write what all partitions have, together: few large inserts instead of many small ones."""
        async with self._writing:
            await self._wait_for_release()
            rows, moves, taken = no_rows(), [], []
            for partition, batch in self._batches.items():
                if batch.since_ms:
                    for table, some in batch.rows.items():
                        rows[table] += some
                    moves += batch.moves
                    taken.append((partition, batch, batch.cursor.position))
                    batch.rows, batch.moves, batch.since_ms = no_rows(), [], 0
            stored = await self._positions.all()
            for partition, batch, _ in taken:
                if (stored[partition].position.offset if partition in stored else 0) != batch.held:
                    raise StoreRegressed(
                        f"ClickHouse does not hold {self._topic}[{partition}] up to {batch.held}:"
                        " it lost data, or another process reads this partition"
                    )
            ends = {partition: position.offset for partition, _, position in taken}
            totals = rows_of(moves, await stored_totals(self._client, moves), ends)
            for table, some in (*rows.items(), (ECONOMY, totals)):
                if some:
                    await self._insert(table, some)
            if taken:
                await self._positions.write_all((partition, position) for partition, _, position in taken)
            for _, batch, position in taken:
                batch.held = position.offset

    async def _wait_for_release(self) -> None:
        """Wait while a rebuild holds this topic; the rebuild sees that nothing is under way."""
        answered: str | None = None
        while (holder := await self._positions.held(self._clock_ms())) is not None:
            if holder != answered:
                for partition in list(self._batches):
                    await self._positions.answer_hold(partition, holder)
                answered = holder
            await self._sleep(HOLD_POLL_S)

    async def _insert(self, table: str, rows: list[list[Any]]) -> None:
        body = b"\n".join(map(_encode, rows))
        token = hashlib.sha256(body).hexdigest()
        await self._client.insert(table, COLUMNS[table], body, form="JSONCompactEachRow", token=token)
