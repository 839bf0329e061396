"""Finds which request of a batch makes it fail: by taking in halves of it, into tables that keep nothing.

Only after a failure, and only while nothing is away. It reads the log and the stored sessions again, so that
a request that fails by what is stored of its session is found as well. A failure that takes two requests
together, or that does not come again, has no culprit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from projections.clickhouse.client import identifier
from projections.clickhouse.errors import ClickHouseAway
from projections.clickhouse.positions import GenerationChanged
from projections.telemetry.batches import Batch, BatchBoundaries
from projections.telemetry.fact_tables import FACT_TABLES
from projections.telemetry.identities import Seen
from projections.telemetry.insert_batch import InsertBatch
from projections.telemetry.live_counters import LiveState
from projections.telemetry.open_batch import OpenBatch
from projections.telemetry.partition_writer import Partition
from projections.telemetry.sessions import SessionFragment
from projections.telemetry.skip_store import SkipNeedsRebuild, SkipsChanged
from projections.telemetry.stores import Stores
from schemas.log import LogUnavailable
from schemas.telemetry.record import EntryKind, TelemetryEntry, decode_record, encode_record
from schemas.telemetry.skips import SkipDecision, Skips

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogRecord, LogTail

ELSEWHERE: Final = (ClickHouseAway, LogUnavailable, GenerationChanged, SkipsChanged, SkipNeedsRebuild)
"""Failures that are not the records' fault."""
SEARCH_SECONDS: Final = 20.0
"""How long a search may last: the watchdog ends a worker without progress for 30 s."""
_LEFT_OUT: Final = SkipDecision(
    log_id="", partition=0, offset=0, index=None, sha256="", reason="", decided_at_ms=0
)
_log: Final = logging.getLogger(__name__)

Item = tuple[int, int | None]
"""An offset, and a request in its record; None for a record whose requests can't be told apart."""


async def culprit(
    client: ClickHouse, partition: Partition, tail: LogTail, *, topic: str, others: bool
) -> Item | None:
    """The request at which a partition failed; None where no single one does, or any would. Never raises."""
    if partition.failing is None:
        return None
    first, last = partition.failing
    try:
        async with asyncio.timeout(SEARCH_SECONDS):
            records = [record async for record in tail.read(topic, partition.partition, first, last + 1)]
            async with _rehearsing(client, partition.partition) as tables:
                stores = Stores(
                    cast("ClickHouse", tables),
                    topic=topic,
                    log_id=partition.log_id,
                    generation="",
                    tail=tail,
                    appender=None,
                )

                async def fails(items: Sequence[Item], some: Sequence[LogRecord] = records) -> bool:
                    return await _fails(some, frozenset(items), partition, stores, others=others)

                control = msgspec.structs.replace(records[0], value=_harmless())
                if await fails([(control.offset, 0)], [control]):
                    _log.warning("%s[%d]: any record fails there", topic, partition.partition)
                    return None
                return await one_of(_items(records, partition.skips), fails)
    except Exception as error:  # noqa: BLE001 - the search must not hide what it was made for
        _log.warning("which record of %s[%d] failed can't be found: %r", topic, partition.partition, error)
        return None


def take_in(record: LogRecord) -> None:
    """Make of a record what the projector makes of it, without a store. Raises what that raises.

    What ClickHouse would refuse is not found.
    """
    open_batch = OpenBatch()
    open_batch.add(record)
    facts = InsertBatch(open_batch.rows, record.partition)
    facts.drop_repeats({key: Seen() for key in facts.sessions_with_identities})
    keys = {*facts.sessions, *open_batch.dues}
    sessions = {key: SessionFragment(key=key, partition=record.partition) for key in keys}
    facts.fold(sessions, open_batch.dues, record.offset)
    facts.bodies({})


async def one_of(items: Sequence[Item], fails: Callable[[Sequence[Item]], Awaitable[bool]]) -> Item | None:
    """The item that makes `fails` true by itself, found by halves; None where there is none."""
    if not items or not await fails(items):
        return None
    while len(items) > 1:
        half = len(items) // 2
        left, right = items[:half], items[half:]
        if await fails(left):
            items = left
        elif await fails(right):
            items = right
        else:
            return None
    return items[0]


def _harmless() -> bytes:
    """A record that every working projector takes in: one that fails by it as well fails by no record."""
    shared = {
        "app_id": "rehearsal",
        "build_id": "1",
        "player_id": "rehearsal",
        "session_id": "rehearsal",
        "timestamp": "2026-01-01T00:00:00.000Z",
    }
    trajectory = {
        **shared,
        "status": "Gameplay",
        "positions": [0.0, 0.0, 0.0],
        "timestamp_start": shared["timestamp"],
        "timestamp_end": shared["timestamp"],
    }
    items = [
        {**shared, "event_name": "rehearsal"},
        {**shared, "funnel_step_name": "rehearsal"},
        {**shared, "event_name": "Create_Player", "region": "", "hardware": {}},
        trajectory,
    ]
    entry = TelemetryEntry(
        kind=EntryKind.S4_ITEMS,
        request_id="",
        studio_id="",
        game_id="",
        received_at_ms=0,
        item_count=len(items),
        country=None,
        region=None,
        city=None,
        body=msgspec.msgpack.encode(items),
    )
    return encode_record([entry])


def _items(records: Sequence[LogRecord], skips: Skips) -> list[Item]:
    """Every request of the records that is not skipped already."""
    items: list[Item] = []
    for record in records:
        skipped = skips.of(record)
        if None in skipped:
            continue
        try:
            count = len(decode_record(record.value).entries)
        except (msgspec.MsgspecError, ValueError):
            items.append((record.offset, None))
        else:
            items += [(record.offset, index) for index in range(count) if index not in skipped]
    return items


async def _fails(
    records: Sequence[LogRecord],
    items: frozenset[Item],
    partition: Partition,
    stores: Stores,
    *,
    others: bool,
) -> bool:
    """Whether a batch that holds these items alone can't be written."""
    open_batch = OpenBatch(_Only(items))
    chosen = {offset for offset, _ in items}
    trial = Partition(
        partition.partition,
        begin=records[0].offset,
        boundaries=BatchBoundaries(),
        stores=stores,
        live=LiveState(),
        shown={},
        others=others,
        skips=Skips(),
    )
    batch = Batch(records[0].offset, records[-1].offset, 0, records[-1].appended_at_ms)
    try:
        for record in records:
            if record.offset in chosen:
                open_batch.add(record)
                await asyncio.sleep(0)
        await trial.rehearse(batch, open_batch)
    except ELSEWHERE:
        raise
    except Exception:  # noqa: BLE001 - that is what is asked
        return True
    return False


class _Only(Skips):
    """Skips all of a record but some items."""

    def __init__(self, items: frozenset[Item]) -> None:
        super().__init__()
        self._items = items

    def of(self, record: LogRecord) -> dict[int | None, SkipDecision]:
        """Everything that is not among the items."""
        if (record.offset, None) in self._items:
            return {}
        count = len(decode_record(record.value).entries)
        return {index: _LEFT_OUT for index in range(count) if (record.offset, index) not in self._items}


class _Rehearsal:
    """A database whose inserts go into tables without content."""

    def __init__(self, client: ClickHouse, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    async def insert(self, table: str, columns: Sequence[str], body: bytes, **more: Any) -> None:
        """Insert where nothing is kept: raises what the real table would."""
        await self._client.insert(self._prefix + table, columns, body, **more)

    def __getattr__(self, name: str) -> Any:
        """All else is the real database's."""
        return getattr(self._client, name)


@asynccontextmanager
async def _rehearsing(client: ClickHouse, partition: int) -> AsyncIterator[_Rehearsal]:
    prefix = f"rehearsal_{partition}_"
    tables = [identifier(table) for table in (*FACT_TABLES, "session_parts", "insights")]
    try:
        for table in tables:
            await client.command(
                f"CREATE TABLE IF NOT EXISTS {prefix}{table} AS {table} ENGINE = Null"
                " COMMENT 'Keeps nothing: made for a moment, to find the record that fails.'"
            )
        yield _Rehearsal(client, prefix)
    finally:
        for table in tables:
            await client.command(f"DROP TABLE IF EXISTS {prefix}{table}")
