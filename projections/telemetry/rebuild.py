"""Builds the telemetry tables again from the log, in a second database beside the live one, and swaps them.

While the live projector works, the builder runs after its position with larger cuts. At the end it asks the
projectors to wait, goes exactly to their positions, and exchanges table by table. Both sets are functions of
the log up to the same positions, so a reader in between sees nothing odd; the set's name (`generations`) goes
first, so that whoever still writes by the old set can't move the new one's position. Source: the design's
"Rebuild under traffic".
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from projections.clickhouse import migrations
from projections.clickhouse.positions import HOLD_MS, Positions
from projections.telemetry.reader import TelemetryReader
from projections.telemetry.stores import FACT_TABLES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogTail

BUCKET_MS: Final = 60_000
ROWS_MAX: Final = 250_000
ROUNDS_MAX: Final = 50
CLOSE_RECORDS: Final = 200
"""So few records behind the live projector, the last step is short enough to let it wait."""
_LOOK_S: Final = 0.25
QUIET_S: Final = 3.0
"""A projector that neither answers a hold nor moves for so long does not run, or has nothing to do."""

SWAPPED: Final = ("generations", *FACT_TABLES, "session_parts", "insights", "log_positions")
_REPLACING: Final = frozenset({"players", "feedback", "models", "session_parts", "insights"})
_COMPARED: Final = {
    "session_parts": "* EXCEPT (_version, event_counts), mapSort(event_counts)",
    "insights": "*",
}
"""What is compared of a table where it is not all of it: a part's version follows from how cuts fell."""


class Progress(Protocol):
    """Told how far a rebuild is, in log records; `total` may grow."""

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` so far."""
        ...


def _untold(done: int, total: int) -> None:
    """Nobody is told."""
    del done, total


class RebuildFailed(Exception):
    """Nothing was swapped; the live tables are as they were. The message says why."""


class TableSum(msgspec.Struct, frozen=True):
    """A table's rows and a checksum over them that does not depend on their order."""

    rows: int
    checksum: int


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did. `positions` is where both sets were compared or swapped, by partition."""

    records: int
    positions: dict[int, int]
    swapped: bool
    live: dict[str, TableSum] = {}
    built: dict[str, TableSum] = {}

    @property
    def different(self) -> list[str]:
        """The tables that a verification found to differ."""
        return [table for table, own in self.live.items() if self.built[table] != own]


async def rebuild(
    live: ClickHouse,
    built: ClickHouse,
    *,
    topic: str,
    partitions: int,
    tail: LogTail,
    progress: Progress,
    clock_ms: Callable[[], int],
    verify: bool = False,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Rebuilt:
    """Build the tables in the database of `built` and swap, or with `verify` compare and keep the live ones.

    Afterwards the database of `built` is gone. Raises RebuildFailed, LogUnavailable or a ClickHouseError.
    """
    if live.database == built.database:
        raise RebuildFailed("the second database must not be the live one")
    builder = _Rebuild(live, built, topic, partitions, tail)
    builder.progress = progress
    await builder.refuse_trimmed_log()
    await migrations.apply(live)
    await built.command(f"DROP DATABASE IF EXISTS {built.database}", in_database=False)
    await migrations.apply(built)
    try:
        await builder.begin()
        await builder.come_close()
        async with _held(Positions(live, topic), clock_ms, sleep) as holder:
            await builder.wait_for_projectors(holder, sleep)
            positions = await builder.build_exactly()
            if verify:
                sums = [await checksums(client, positions) for client in (live, built)]
                return Rebuilt(
                    records=builder.records, positions=positions, swapped=False, live=sums[0], built=sums[1]
                )
            for table in SWAPPED:
                await _exchange(live, built, table)
            return Rebuilt(records=builder.records, positions=positions, swapped=True)
    finally:
        await builder.stop()
        await built.command(f"DROP DATABASE IF EXISTS {built.database}", in_database=False)


class _Rebuild:
    """Feeds the log to a reader of the second database, as far as the live positions go."""

    def __init__(
        self,
        live: ClickHouse,
        built: ClickHouse,
        topic: str,
        partitions: int,
        tail: LogTail,
    ) -> None:
        self._topic = topic
        self._partitions = range(partitions)
        self._tail = tail
        self.progress: Progress = _untold
        self._live_positions = Positions(live, topic)
        self._reader = TelemetryReader(
            built,
            topic=topic,
            partitions=partitions,
            tail=tail,
            bucket_ms=BUCKET_MS,
            rows_max=ROWS_MAX,
            overlap=True,
        )
        self._next: dict[int, int] = {}
        self.records = 0

    async def refuse_trimmed_log(self) -> None:
        for partition in self._partitions:
            first = await self._tail.begin_offset(self._topic, partition)
            if first > 0:
                raise RebuildFailed(
                    f"{self._topic}[{partition}] begins at {first}: older records are no longer kept, and a"
                    " rebuild would lose what they said. The tables stay as they are."
                )

    async def begin(self) -> None:
        for partition in self._partitions:
            self._next[partition] = await self._reader.assigned(partition)

    async def stop(self) -> None:
        for partition in self._partitions:
            await self._reader.revoked(partition)

    async def targets(self) -> dict[int, int]:
        """How far to build: to the live positions; to the log's end where there is none of this log."""
        log_id = await self._tail.log_id(self._topic)
        stored = {position.partition: position for position in await self._live_positions.all()}
        found = {}
        for partition in self._partitions:
            end = await self._tail.end_offset(self._topic, partition)
            position = stored.get(partition)
            fits = position is not None and position.log_id == log_id and position.next_offset <= end
            found[partition] = position.next_offset if position is not None and fits else end
        return found

    async def come_close(self) -> None:
        for _ in range(ROUNDS_MAX):
            targets = await self.targets()
            behind = sum(targets[partition] - self._next[partition] for partition in self._partitions)
            if behind <= CLOSE_RECORDS:
                return
            await self._build(targets)
        raise RebuildFailed(f"the log grew faster than it could be read, {ROUNDS_MAX} times: try again later")

    async def wait_for_projectors(self, holder: str, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Until every projector has answered the hold, or nothing has moved for a while."""
        before, quiet_s = await self.targets(), 0.0
        while quiet_s < QUIET_S:
            if await self._live_positions.waiting(holder) >= set(self._partitions):
                return
            await sleep(_LOOK_S)
            now = await self.targets()
            quiet_s = quiet_s + _LOOK_S if now == before else 0.0
            before = now

    async def build_exactly(self) -> dict[int, int]:
        targets = await self.targets()
        await self._build(targets)
        for partition, target in targets.items():
            if await self._reader.flush(partition) != target:
                raise RebuildFailed(f"{self._topic}[{partition}] was built beyond the live position {target}")
        return targets

    async def _build(self, targets: dict[int, int]) -> None:
        total = sum(targets.values())
        for partition, target in targets.items():
            async for record in self._tail.read(self._topic, partition, self._next[partition], target):
                await self._reader.handle(record)
                self._next[partition] = record.offset + 1
                self.records += 1
                self.progress(self.records, max(total, self.records))


@contextlib.asynccontextmanager
async def _held(
    positions: Positions, clock_ms: Callable[[], int], sleep: Callable[[float], Awaitable[None]]
) -> AsyncIterator[str]:
    """Hold the topic's projectors, renewed until the block is left, however it is left."""
    holder = f"rebuild-{clock_ms()}"

    async def renew() -> None:
        while True:
            await sleep(HOLD_MS / 3000)
            await positions.hold(holder, clock_ms() + HOLD_MS, clock_ms())

    await positions.hold(holder, clock_ms() + HOLD_MS, clock_ms())
    renewal = asyncio.create_task(renew())
    try:
        yield holder
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
        await positions.hold(holder, 0, clock_ms() + 1)


async def checksums(client: ClickHouse, positions: dict[int, int]) -> dict[str, TableSum]:
    """Rows and checksum of each table, of what stands before these positions."""
    # A tuple: the hash of a bare NULL is NULL, and a sum leaves that row out.
    before = " OR ".join(
        f"(_partition = {partition} AND _offset < {next_offset})"
        for partition, next_offset in sorted(positions.items())
    )
    found = {}
    for table in (*FACT_TABLES, "session_parts", "insights"):
        final = " FINAL" if table in _REPLACING else ""
        where = "removed = 0" if table == "insights" else before if table in FACT_TABLES else "1"
        rows: list[list[Any]] = await client.rows(
            "SELECT count(), toString(sum(cityHash64(tuple(<columns>)))) FROM <table> WHERE <where>".replace(
                "<columns>", _COMPARED.get(table, "*")
            )
            .replace("<table>", table + final)
            .replace("<where>", where)
        )
        found[table] = TableSum(int(rows[0][0]), int(rows[0][1]))
    return found


async def _exchange(live: ClickHouse, built: ClickHouse, table: str) -> None:
    """Exchange one table of the two databases. Asking again after an unknown result would swap back."""
    uuid = (
        "SELECT toString(uuid) FROM system.tables WHERE database = currentDatabase() AND name = {name:String}"
    )
    wanted = (await built.rows(uuid, {"name": table}))[0][0]
    await live.command_once(
        f"EXCHANGE TABLES {live.database}.{table} AND {built.database}.{table}",
        done=lambda: _is_now(live, uuid, table, wanted),
    )


async def _is_now(live: ClickHouse, uuid: str, table: str, wanted: str) -> bool:
    return bool((await live.rows(uuid, {"name": table}))[0][0] == wanted)
