"""A rebuild of what hosts told, from a log that has forgotten its oldest records."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from projections.fleet.telemetry_tables import TELEMETRY_TABLES
from schemas.fleet.telemetry import BuildLine, FleetRecord, Line, Sample
from tests.projections.fleet.test_telemetry_tables import (
    AT_MS,
    GAME,
    STUDIO,
    World,
    opened,
    printed,
    source,
)
from tests.projections.rebuilt import noun_rebuilt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.clickhouse.rebuild_plan import Rebuilt

pytestmark = pytest.mark.stack


async def rebuilt(world: World, url: str, *, verify: bool = False) -> Rebuilt:
    return await noun_rebuilt(
        world.client, url, TELEMETRY_TABLES, tail=world.log, clock_ms=lambda: world.now_ms, verify=verify
    )


async def contents(world: World) -> dict[str, list[list[object]]]:
    return {
        table: await world.client.rows(f"SELECT * FROM {table} FINAL ORDER BY ALL")
        for table in TELEMETRY_TABLES.tables
    }


def told(world: World, instance_id: str, numbers: Sequence[int]) -> FleetRecord:
    """Lines by their numbers, and of the same moment a sample and a line of a build."""
    at_ms = world.now_ms
    return FleetRecord(
        version=1,
        host_id="host-1",
        epoch=1,
        sources=[source(instance_id)],
        lines=[Line(0, "stdout", 10 * n, at_ms, "info", f"line {n}") for n in numbers],
        samples=[Sample(0, at_ms, 1.0, 100, 4096, 0, 0, 0, 0.5)],
        build_lines=[BuildLine(STUDIO, GAME, "build_1", 1, numbers[0] + 1, at_ms, "info", "store", "x")],
    )


async def filled(world: World) -> None:
    """Three streams, of one the end alone, told with repeats as by agents that die."""
    chance = random.Random(5)
    reader = await world.reader()
    ends = {"one": 0, "two": 0}
    world.append(printed([Line(0, "stdout", 0, AT_MS, "info", "early")], source("quiet")))
    for _ in range(30):
        name = chance.choice(sorted(ends))
        begin = max(0, ends[name] - chance.randrange(9))
        ends[name] = max(ends[name], begin + chance.randrange(1, 12))
        world.now_ms += 1_000
        world.append(told(world, name, range(begin, max(begin + 1, ends[name]))))
    world.append(printed([Line(0, "stdout", 0, AT_MS, "info", "again")], source("quiet")))
    for record in world.log.records[0]:
        await reader.handle(record)
        if chance.random() < 0.3:
            await world.batch(reader)
    await world.batch(reader)


@pytest.mark.parametrize("begin", [1, 13, 31, 32])
async def test_a_rebuild_keeps_what_the_log_has_forgotten(clickhouse_url: str, begin: int) -> None:
    async with opened(clickhouse_url) as world:
        await filled(world)
        assert len(world.log.records[0]) == 32
        before = await contents(world)
        assert [len(before[table]) > 2 for table in TELEMETRY_TABLES.tables] == [True] * 4
        world.log.first_offset = begin
        compared = await rebuilt(world, clickhouse_url, verify=True)
        assert (compared.different, compared.forgotten) == ([], {0: begin})
        done = await rebuilt(world, clickhouse_url)
        assert (done.swapped, done.positions, done.records) == (True, {0: 32}, 32 - begin)
        assert await contents(world) == before
        reader = await world.reader()
        await reader.handle(world.append(told(world, "one", range(9_000))))
        await world.batch(reader)
        numbers = [line.message for line in await world.pages(1_000, "one")]
        assert numbers == [f"line {n}" for n in range(9_000)]


async def test_what_the_log_still_says_is_built_from_it(clickhouse_url: str) -> None:
    """A line that the live tables lost after the log's begin comes back, a false one goes."""
    async with opened(clickhouse_url) as world:
        await filled(world)
        before = await contents(world)
        world.log.first_offset = 13
        await world.client.command("DELETE FROM fleet_logs WHERE _offset = 20")
        await world.client.command(
            "INSERT INTO fleet_logs SELECT * REPLACE ('false' AS message, 7 AS _index)"
            " FROM fleet_logs WHERE _offset = 30 LIMIT 1"
        )
        compared = await rebuilt(world, clickhouse_url, verify=True)
        assert compared.different == ["fleet_logs"]
        await rebuilt(world, clickhouse_url)
        assert await contents(world) == before
