"""Builds ClickHouse tables again from the log, in a second database beside the live one, and swaps them.

While the live projector works, the builder runs after its position. At the end it asks the projectors to
wait, goes exactly to their positions, and exchanges table by table. Both sets are functions of the log up to
the same positions, so a reader in between sees nothing odd. What a noun's tables are is a `Plan`. Source: the
design's "Rebuild under traffic".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from projections.clickhouse import migrations
from projections.clickhouse.positions import HOLD_MS, Positions
from projections.clickhouse.system_tables import database_of, drop_databases
from schemas.log_positions import in_log

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogRecord, LogTail
from projections.clickhouse.table_sums import TableSum

ROUNDS_MAX: Final = 50
CLOSE_RECORDS: Final = 200
"""So few records behind the live projector, the last step is short enough to let it wait."""
_LOOK_S: Final = 0.25
QUIET_S: Final = 3.0
"""A projector that neither answers a hold nor moves for so long does not run, or has nothing to do."""


class Progress(Protocol):
    """Receives the progress of a rebuild, in log records; `total` may grow."""

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` so far."""
        ...


class Builder(Protocol):
    """A projector that a rebuild feeds."""

    async def assigned(self, partition: int) -> int:
        """Begin a partition; the offset to begin with."""
        ...

    async def handle(self, record: LogRecord) -> None:
        """Take in a record."""
        ...

    async def flush(self, partition: int) -> int:
        """Write what was taken in; the partition's next offset."""
        ...

    async def revoked(self, partition: int) -> None:
        """End a partition."""
        ...


class RebuildFailed(Exception):
    """Nothing was swapped; the live tables are as they were. The message says why."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did. `positions` is where both sets were compared or swapped, by partition.

    `ends` is where the log ended then, or the same where nothing came after that changes a table. What lies
    between them is the live projector's: a rebuild never goes past it, and so past no record that stops it.
    """

    records: int
    positions: dict[int, int]
    ends: dict[int, int]
    swapped: bool
    live: dict[str, TableSum] = {}
    built: dict[str, TableSum] = {}
    forgotten: dict[int, int] = {}
    """Where the log begins, by partition, where it has forgotten what came before: that was copied."""
    uncompared: int = 0
    """Sessions whose insights a verification left out, since other rules made them."""

    @property
    def left(self) -> int:
        """Records of the log that are in neither set."""
        return sum(end - self.positions[partition] for partition, end in self.ends.items())

    @property
    def different(self) -> list[str]:
        """The tables that a verification found to differ."""
        return [table for table, own in self.live.items() if self.built[table] != own]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a noun's rebuild is about."""

    topic: str
    partitions: int
    builder: Builder
    """Writes to the second database."""
    tables: tuple[str, ...]
    """What is exchanged, in this order; then the topic's positions."""
    sums: Callable[[str, ClickHouse, dict[int, int]], Awaitable[dict[str, TableSum]]]
    """What is compared: each table of a database, of the rows before these positions.

    The first argument is the live database's name: what is left out of it is left out of both.
    """
    uncompared: Callable[[ClickHouse], Awaitable[int]] | None = None
    """How many sessions' insights of the live database `sums` leaves out, since other rules made them."""
    keep_forgotten: Callable[[ClickHouse, dict[int, int]], Awaitable[None]] | None = None
    """Copies from the live database what records before the log's begin said; None: without them no rebuild.

    The second argument is where each partition begins.
    """
    has_effect: Callable[[LogRecord], bool] = lambda _record: True
    """False for a record that changes no table: a projector need not have a position after it."""


async def rebuild_tables(
    live: ClickHouse,
    built: ClickHouse,
    plan: Plan,
    *,
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
    building = _Rebuild(live, plan, tail, progress)
    begins = await building.begins()
    await migrations.apply(live)
    await drop_databases(built)
    await migrations.apply(built)
    try:
        if plan.keep_forgotten is not None and any(begins.values()):
            await plan.keep_forgotten(live, begins)
        await building.begin(begins)
        forgotten = {partition: first for partition, first in begins.items() if first > 0}
        await building.come_close()
        async with held(Positions(live, plan.topic), clock_ms, sleep) as holder:
            await building.wait_for_projectors(holder, sleep)
            positions = await building.build_exactly()
            ends = await building.ends_beyond(positions)
            if verify:
                uncompared = 0 if plan.uncompared is None else await plan.uncompared(live)
                sums = [await plan.sums(live.database, client, positions) for client in (live, built)]
                return Rebuilt(
                    records=building.records,
                    positions=positions,
                    ends=ends,
                    swapped=False,
                    forgotten=forgotten,
                    live=sums[0],
                    built=sums[1],
                    uncompared=uncompared,
                )
            for table in plan.tables:
                await _exchange(database_of(live, table), database_of(built, table), table)
            await Positions(live, plan.topic).replace_by(built)
            return Rebuilt(
                records=building.records,
                positions=positions,
                ends=ends,
                swapped=True,
                forgotten=forgotten,
            )
    finally:
        await building.stop()
        await drop_databases(built)


class _Rebuild:
    """Feeds the log to the plan's builder, as far as the live positions go."""

    def __init__(self, live: ClickHouse, plan: Plan, tail: LogTail, progress: Progress) -> None:
        self._plan = plan
        self._topic = plan.topic
        self._partitions = range(plan.partitions)
        self._tail = tail
        self._progress = progress
        self._positions = Positions(live, plan.topic)
        self._builder = plan.builder
        self._next: dict[int, int] = {}
        self.records = 0

    async def begins(self) -> dict[int, int]:
        """Where each partition of the log begins. Raises RebuildFailed where what came before is lost."""
        found = {}
        for partition in self._partitions:
            first = found[partition] = await self._tail.begin_offset(self._topic, partition)
            if first > 0 and self._plan.keep_forgotten is None:
                raise RebuildFailed(
                    f"{self._topic}[{partition}] begins at {first}: older records are no longer kept, and a"
                    " rebuild would lose what they said. The tables stay as they are."
                )
        return found

    async def begin(self, begins: dict[int, int]) -> None:
        for partition, first in begins.items():
            self._next[partition] = await self._builder.assigned(partition)
            if self._next[partition] > first:
                raise RebuildFailed(f"{self._topic}[{partition}] was trimmed meanwhile: try again")

    async def stop(self) -> None:
        for partition in self._next:
            await self._builder.revoked(partition)

    async def ends(self) -> dict[int, int]:
        """Where the log ends now."""
        return {
            partition: await self._tail.end_offset(self._topic, partition) for partition in self._partitions
        }

    async def ends_beyond(self, positions: dict[int, int]) -> dict[int, int]:
        """Where the log ends now; the position itself where the few records after it have no effect."""
        ends = await self.ends()
        for partition, position in positions.items():
            if ends[partition] - position > CLOSE_RECORDS:
                continue
            records = self._tail.read(self._topic, partition, position, ends[partition])
            if not any([self._plan.has_effect(record) async for record in records]):
                ends[partition] = position
        return ends

    async def targets(self) -> dict[int, int]:
        """How far to build: to the live positions; to the log's end where there is none of this log."""
        stored = await self._positions.all()
        found = {}
        for partition, end in (await self.ends()).items():
            held = stored[partition].position if partition in stored else None
            in_this = held is not None and await in_log(self._tail, self._topic, partition, held)
            found[partition] = held.offset if held is not None and in_this else end
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
            if await self._positions.waiting(holder) >= set(self._partitions):
                return
            await sleep(_LOOK_S)
            now = await self.targets()
            quiet_s = quiet_s + _LOOK_S if now == before else 0.0
            before = now

    async def build_exactly(self) -> dict[int, int]:
        targets = await self.targets()
        await self._build(targets)
        for partition, target in targets.items():
            if await self._builder.flush(partition) != target:
                raise RebuildFailed(f"{self._topic}[{partition}] was built beyond the live position {target}")
        return targets

    async def _build(self, targets: dict[int, int]) -> None:
        total = sum(targets.values())
        for partition, target in targets.items():
            async for record in self._tail.read(self._topic, partition, self._next[partition], target):
                await self._builder.handle(record)
                self._next[partition] = record.offset + 1
                self.records += 1
                self._progress(self.records, max(total, self.records))


@contextlib.asynccontextmanager
async def held(
    positions: Positions,
    clock_ms: Callable[[], int],
    sleep: Callable[[float], Awaitable[None]],
    *,
    name: str = "rebuild",
) -> AsyncIterator[str]:
    """Hold the topic's projectors, renewed until the block is left, however it is left."""
    holder = f"{name}-{clock_ms()}"

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
