"""The live-ops tables built again beside a live projector, against a real ClickHouse."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from projections.clickhouse.positions import Positions
from projections.clickhouse.rebuild_plan import RebuildFailed, Rebuilt
from projections.clickhouse.rebuilding import QUIET_S
from projections.liveops.tables import LIVEOPS_TABLES
from schemas.log_positions import Position
from tests.projections.liveops.test_tables import World, chunk, decided, movement, opened, progressed
from tests.projections.rebuilt import at_once, noun_rebuilt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from projections.clickhouse.noun_tables import NounTables

pytestmark = pytest.mark.stack


async def run(
    world: World,
    url: str,
    *,
    verify: bool = False,
    sleep: Callable[[float], Awaitable[None]] = at_once,
) -> Rebuilt:
    return await noun_rebuilt(
        world.client,
        url,
        LIVEOPS_TABLES,
        tail=world.log,
        clock_ms=lambda: world.now_ms,
        verify=verify,
        sleep=sleep,
    )


async def filled(world: World) -> NounTables:
    """A live projector that has applied everything but the last record."""
    reader, _ = await world.reader()
    for number in range(1, 4):
        world.log.append(decided(movement(number), progressed(float(number))))
    world.log.append(decided(chunk(0, range(1, 4))))
    for record in world.log.records[0]:
        await reader.handle(record)
    await world.batch(reader)
    world.log.append(decided(movement(4)))
    return reader


async def test_a_verification_names_what_differs_and_a_rebuild_repairs_it(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await filled(world)
        equal = await run(world, clickhouse_url, verify=True)
        assert (equal.different, equal.swapped, equal.positions) == ([], False, {0: 4})
        rows = {table: own.rows for table, own in equal.live.items()}
        assert rows == dict(zip(LIVEOPS_TABLES.tables, (3, 3, 3, 7, 2), strict=True))
        await world.client.command(
            "ALTER TABLE liveops_scores DELETE WHERE score = 2 SETTINGS mutations_sync = 1"
        )
        await world.client.command(
            "ALTER TABLE liveops_ledger UPDATE balance = 1 WHERE number = 1 SETTINGS mutations_sync = 1"
        )
        await world.client.command(
            "ALTER TABLE liveops_economy UPDATE minted = 1 WHERE step = 60 SETTINGS mutations_sync = 1"
        )
        wrong = await run(world, clickhouse_url, verify=True)
        assert set(wrong.different) == {"liveops_scores", "liveops_ledger", "liveops_economy"}
        others = Positions(world.client, "another topic")
        await others.write_all([(0, Position(7, 6, "a-b", "log-2"))])
        before = await world.positions.all(), await others.all()
        assert (await run(world, clickhouse_url)).swapped
        assert (await world.positions.all(), await others.all()) == before
        assert (await run(world, clickhouse_url, verify=True)).different == []
        await reader.handle(world.log.records[0][-1])
        await world.batch(reader)
        after = await run(world, clickhouse_url, verify=True)
        assert (after.different, after.live["liveops_ledger"].rows) == ([], 4)
        assert await world.sums() == [[1, 4], [60, 4]]
        assert await world.client.rows("SELECT sum(amount) FROM liveops_ledger FINAL") == [[4 * 2**62]]


async def test_an_empty_log_is_rebuilt_too(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        assert (await run(world, clickhouse_url)).swapped
        assert await world.positions.all() == {}
        await world.positions.write_all([(0, Position(5, 4, "a-b", "of a log that is gone"))])
        assert (await run(world, clickhouse_url)).swapped
        assert await world.positions.all() == {}


async def test_a_projector_that_has_applied_the_whole_log_is_not_waited_for(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await filled(world)
        looks: list[float] = []

        async def sleep(seconds: float) -> None:
            looks.append(seconds)
            await asyncio.sleep(3600 if seconds > 1 else 0)  # the long ones renew the hold

        await run(world, clickhouse_url, sleep=sleep)
        assert sum(seconds for seconds in looks if seconds <= 1) >= QUIET_S
        await reader.handle(world.log.records[0][-1])
        await world.batch(reader)
        looks.clear()
        await run(world, clickhouse_url, sleep=sleep)
        assert [seconds for seconds in looks if seconds <= 1] == []


async def test_a_live_projector_waits_for_the_swap_and_goes_on(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await filled(world)
        asked = 0

        async def sleep(_seconds: float) -> None:
            nonlocal asked
            asked += 1
            if asked == 1:
                await reader.handle(world.log.records[0][-1])
                world.now_ms += 6_000
                tasks.append(asyncio.create_task(reader.idle(world.now_ms)))
            await asyncio.sleep(0.01)

        tasks: list[asyncio.Task[None]] = []
        rebuilt = await run(world, clickhouse_url, sleep=sleep)
        assert rebuilt.swapped
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks)
        assert await world.count("liveops_ledger") == 4
        assert (await run(world, clickhouse_url, verify=True)).different == []


async def test_a_trimmed_log_is_refused(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        await filled(world)
        world.log.first_offset = 2
        with pytest.raises(RebuildFailed, match="begins at 2"):
            await run(world, clickhouse_url)
        assert await world.count("liveops_ledger") == 3
