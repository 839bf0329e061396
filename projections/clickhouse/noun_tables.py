"""Reads a topic of a noun, most often its events, into its ClickHouse tables.

Rows are keyed by what they say, so a batch that is written again after a crash changes nothing. The position
is written after a batch's rows and read back: a ClickHouse that lost it ends the process, and the next one
begins at the store's position. What the tables are is a `TableSet`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.clickhouse.positions import REPAIR, Positions
from schemas.envelope import EventsRecord
from schemas.log import LogReader, LogRecord
from schemas.log_positions import Cursor, Position, StoreRegressed, begin

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogTail

ROWS_MAX: Final = 20_000
"""Rows of a batch; the record that reaches it ends it."""
BATCH_MS: Final = 4_000
"""How long a row waits at most, unless its tables say otherwise. An insert costs the same for one row as for
thousands, and what clients read at once is in Redis."""
POSITION_MS: Final = 5_000
"""How long a position waits where there is no row."""
HOLD_POLL_S: Final = 0.1
_encode: Final = msgspec.json.Encoder().encode


Rows = dict[str, list[list[Any]]]
"""Rows by table, each with its values in the order of the table's columns."""


KeepForgotten = Callable[["ClickHouse", "ClickHouse", "LogTail", str, Mapping[int, int]], Awaitable[None]]
"""(live, built, log, topic, where the log begins by partition): copies what earlier records said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSet:
    """The tables of one topic, and how their rows come about."""

    topic: str
    columns: Mapping[str, Sequence[str]]
    """Of every table, in the order of its rows' values."""
    add: Callable[[Any, int, int, Rows, list[Any]], None]
    """Adds what the record at (partition, offset) gives: rows, and changes to rows that are stored."""
    changed: Callable[[ClickHouse, Sequence[Any], Mapping[int, int]], Awaitable[Rows]]
    """(client, changes in the log's order, next offset by partition) -> rows as they are after them."""
    forget: Callable[[ClickHouse, Sequence[Any]], Awaitable[None]] | None = None
    """(client, the same changes): takes persons out of rows, once those of the batch are there and before its
    position is. After a crash it is called again."""
    record: type[Any] = EventsRecord
    """What the topic's records hold. Of events, one counts by its `src`; of all else, each does."""
    trimmed: bool = False
    """Whether the topic forgets old records, so that a reader may begin behind some that it never saw."""
    keep_forgotten: KeepForgotten | None = None
    """Of a topic that is trimmed: what a rebuild copies, since the log says it no more."""
    batch_ms: int = BATCH_MS
    """How long what was taken in waits at most until it is written."""
    compared: Callable[[str], str] = lambda _table: "*"
    """The columns of a table in which two builds of the same log are equal."""
    compared_where: Callable[[str], str] = lambda _table: "1"
    """Which rows of a table that holds for; all, unless old ones go by themselves."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table's name."""
        return tuple(self.columns)


class _Batch(msgspec.Struct):
    """One partition: its position, and what is to be written."""

    cursor: Cursor
    held: int
    """The next offset that the tables hold."""
    rows: Rows
    changes: list[Any] = []
    since_ms: int = 0

    @property
    def size(self) -> int:
        return sum(map(len, self.rows.values()))

    def due(self, now_ms: int, batch_ms: int) -> bool:
        waits_ms = batch_ms if self.size or self.changes else POSITION_MS
        return self.since_ms > 0 and now_ms - self.since_ms >= waits_ms


class NounTables(LogReader):
    """One for a noun's events. Raises `ClickHouseError` where ClickHouse stays away, and `StoreRegressed`."""

    def __init__(
        self,
        client: ClickHouse,
        tables: TableSet,
        *,
        tail: LogTail,
        clock_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._tables = tables
        self._topic = tables.topic
        self._decoder = msgspec.msgpack.Decoder(tables.record)
        self._positions = Positions(client, self._topic)
        self._sleep = sleep
        self._tail = tail
        self._clock_ms = clock_ms
        self._batches: dict[int, _Batch] = {}
        self._writing = asyncio.Lock()

    async def assigned(self, partition: int) -> int:
        """Continue at the tables' position; at the log's start where they hold nothing.

        Where the topic is trimmed they go on at its first record that is left. Raises PositionRefused where
        their position is not in the log.
        """
        held = (await self._positions.read(partition)).position
        if self._tables.trimmed:
            first = await self._tail.begin_offset(self._topic, partition)
            if held.offset < first:
                held = Position(first)
                await self._positions.write_all([(partition, held)])
        where = f"ClickHouse database {self._client.database}"
        start = await begin(self._tail, self._topic, partition, held, where=where, repair=REPAIR)
        if start.marked:
            await self._positions.write_all([(partition, start.position)])
        self._batches[partition] = _Batch(Cursor(start.position), held.offset, self._no_rows())
        return held.offset

    async def handle(self, record: LogRecord) -> None:
        """Take in a record; write what has come together where that is enough."""
        batch = self._batches[record.partition]
        if record.offset < batch.cursor.offset:
            return
        content = self._decoder.decode(record.value)
        batch.since_ms = batch.since_ms or self._clock_ms()
        src = content.src if isinstance(content, EventsRecord) else None
        if not batch.cursor.accept(record, src):
            return
        self._tables.add(content, record.partition, record.offset, batch.rows, batch.changes)
        if batch.size >= ROWS_MAX or batch.due(self._clock_ms(), self._tables.batch_ms):
            await self._write()

    async def idle(self, now_ms: int) -> None:
        """Write what has waited long enough."""
        if any(batch.due(now_ms, self._tables.batch_ms) for batch in self._batches.values()):
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
            rows, changes, taken = self._no_rows(), [], []
            for partition, batch in self._batches.items():
                if batch.since_ms:
                    for table, some in batch.rows.items():
                        rows[table] += some
                    changes += batch.changes
                    taken.append((partition, batch, batch.cursor.position))
                    batch.rows, batch.changes, batch.since_ms = self._no_rows(), [], 0
            await self._refuse_regressed({partition: batch.held for partition, batch, _ in taken})
            ends = {partition: position.offset for partition, _, position in taken}
            for table, some in (await self._tables.changed(self._client, changes, ends)).items():
                rows[table] += some
            for table, some in rows.items():
                if some:
                    await self._insert(table, some)
            if self._tables.forget is not None:
                await self._tables.forget(self._client, changes)
            if taken:
                await self._positions.write_all((partition, position) for partition, _, position in taken)
            for _, batch, position in taken:
                batch.held = position.offset

    async def _refuse_regressed(self, held: Mapping[int, int]) -> None:
        stored = await self._positions.all()
        for partition, offset in held.items():
            if (stored[partition].position.offset if partition in stored else 0) != offset:
                raise StoreRegressed(
                    f"ClickHouse does not hold {self._topic}[{partition}] up to {offset}:"
                    " it lost data, or another process reads this partition"
                )

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
        columns = self._tables.columns[table]
        await self._client.insert(table, columns, body, form="JSONCompactEachRow", token=token)

    def _no_rows(self) -> Rows:
        return {table: [] for table in self._tables.columns}
