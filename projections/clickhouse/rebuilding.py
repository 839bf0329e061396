"""Builds ClickHouse tables again from the log, in a second database beside the live one, and swaps them.

While the live projector works, the builder runs after its position. At the end it asks the projectors to
wait, goes exactly to their positions, and exchanges table by table. Both sets are functions of the log up to
the same positions, so a reader in between sees nothing odd. What a noun's tables are is a `Plan`. Source: the
design's "Rebuild under traffic".
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from projections.clickhouse import migrations
from projections.clickhouse.errors import ClickHouseError
from projections.clickhouse.positions import Positions
from projections.clickhouse.projector_hold import held
from projections.clickhouse.rebuild_plan import Plan, Progress, RebuildFailed, Rebuilt
from projections.clickhouse.rebuild_swap import SwapUnfinished, require_every_server, swap
from projections.clickhouse.system_tables import drop_databases
from schemas.log_positions import in_log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogTail

ROUNDS_MAX: Final = 50
CLOSE_RECORDS: Final = 200
"""So few records behind the live projector, the last step is short enough to let it wait."""
_LOOK_S: Final = 0.25
QUIET_S: Final = 3.0
"""A projector that neither answers a hold nor moves for so long does not run, or has nothing to do."""


@contextlib.asynccontextmanager
async def second_database(
    live: ClickHouse,
    built: ClickHouse,
    make_tables: Callable[[ClickHouse], Awaitable[object]] = migrations.apply,
) -> AsyncIterator[None]:
    """The database of `built` with all tables, empty, while the block runs; afterwards it is gone.

    `make_tables` makes them. Several plans may be built in it, one after the other: no table is of two.
    Raises RebuildFailed or a ClickHouseError.
    """
    if live.database == built.database:
        raise RebuildFailed("the second database must not be the live one")
    await require_every_server(live)
    await migrations.apply(live)
    await drop_databases(built)
    await make_tables(built)
    dropping: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
    try:
        yield
    except SwapUnfinished:
        dropping = contextlib.suppress(ClickHouseError)  # servers that are away do so when they come back
        raise
    finally:
        with dropping:
            await drop_databases(built)


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
    """Build tables in the `second_database` and swap, or with `verify` compare and keep the live ones.

    Raises RebuildFailed, LogUnavailable or a ClickHouseError.
    """
    building = _Rebuild(live, plan, tail, progress)
    begins = await building.begins()
    try:
        if plan.keep_forgotten is not None and any(begins.values()):
            await plan.keep_forgotten(live, begins)
        await building.begin(begins)
        forgotten = {partition: first for partition, first in begins.items() if first > 0}
        await building.come_close()
        async with held(Positions(live, plan.topic), clock_ms, sleep) as hold:
            await building.wait_for_projectors(hold.holder, sleep)
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
            await swap(live, built, plan, hold, sleep)
            return Rebuilt(
                records=building.records,
                positions=positions,
                ends=ends,
                swapped=True,
                forgotten=forgotten,
            )
    finally:
        await building.stop()


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
        """Until every projector has answered the hold or has nothing to do, or none has moved for a while."""
        before, quiet_s = await self.targets(), 0.0
        while quiet_s < QUIET_S:
            idle = await self._at_the_end()
            if await self._positions.waiting(holder) | idle >= set(self._partitions):
                return
            await sleep(_LOOK_S)
            now = await self.targets()
            quiet_s = quiet_s + _LOOK_S if now == before else 0.0
            before = now

    async def _at_the_end(self) -> set[int]:
        """The partitions whose projectors have applied the whole log: what comes later finds them held.

        A projector looks for a hold before it writes, and what it is writing is in the log already.
        """
        stored = await self._positions.all()
        return {
            partition
            for partition, end in (await self.ends()).items()
            if (stored[partition].position.offset if partition in stored else 0) == end
        }

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
