"""The webhooks' position is checked against the log, as every reader's is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from projections.webhooks.queue import POSITIONS
from schemas.log_positions import PositionRefused
from tests.projections.webhooks.world import Receiver, World, created, receiving, world_of

pytestmark = pytest.mark.stack


@pytest.fixture
async def world(redis: Redis) -> AsyncIterator[World]:
    async with receiving() as receiver, world_of(redis, receiver, "good") as made:
        for number in (1, 2):
            made.happen(created(number))
        await (await made.read()).idle(10_000)
        yield made


async def position(world: World) -> str:
    return (await world.queue.position("log-1/0")).text


async def test_a_position_beyond_the_logs_end_is_refused(world: World) -> None:
    world.log.records[0].pop()
    with pytest.raises(PositionRefused, match=r"webhooks.*the log ends at 1.*questlog repair"):
        await world.reader().assigned(0)


async def test_a_position_in_a_log_that_grew_again_is_refused(world: World) -> None:
    world.log.records[0].pop()
    world.happen(created(3))
    world.happen(created(4))
    with pytest.raises(PositionRefused, match=r"another one.*questlog repair"):
        await world.reader().assigned(0)


async def test_a_position_before_the_logs_start_is_refused(world: World) -> None:
    world.log.first_offset = 5
    for number in range(3, 9):
        world.happen(created(number))
    with pytest.raises(PositionRefused, match=r"begins at 5.*records between are gone.*Repair: restore"):
        await world.reader().assigned(0)


async def test_without_a_position_a_log_whose_beginning_is_gone_is_refused(world: World) -> None:
    await world.redis.flushdb()
    world.log.first_offset = 1
    with pytest.raises(PositionRefused, match=r"webhooks.*begins at 1.*Repair: restore"):
        await world.reader().assigned(0)
    world.log.first_offset = 0
    assert await world.reader().assigned(0) == 0


async def test_a_position_of_an_older_release_is_believed_once_and_gets_its_mark(world: World) -> None:
    held = await position(world)
    await world.redis.hset(POSITIONS, "log-1/0", held.rpartition(":")[0])
    assert await world.reader().assigned(0) == 2
    assert await position(world) == held


async def test_a_dropped_record_is_part_of_the_position(world: World) -> None:
    reader = world.reader()
    await reader.assigned(0)
    world.happen(created(3), src=7)
    await reader.handle(world.log.records[0][-1])
    await reader.idle(20_000)
    assert await world.reader().assigned(0) == 3
    assert isinstance(world.receiver, Receiver)
