"""One events topic in two Redis servers: each game's share in its own, and everything answers as in one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from deploy.redis_stores import shares
from projections.redis.client import connect
from projections.redis.layout import GroupsChanged
from projections.redis.outcomes import RedisOutcomes
from projections.redis.reader import RedisReader
from projections.redis.rebuild import RebuildFailed, rebuild
from projections.redis.stores import RedisStores, group_of
from schemas.outcomes import Sought
from streams.several_readers import together
from tests.projections.redis.support import ListLog, projection, put, redis_server
from tests.projections.redis.test_reader import contents
from tests.projections.redis.test_rebuild import quiet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from redis.asyncio import Redis

    from schemas.envelope import Decided
    from schemas.log import LogReader

pytestmark = pytest.mark.stack

ONE = next(game for game in map(str, range(100)) if group_of(game, 2) == 0)
TWO = next(game for game in map(str, range(100)) if group_of(game, 2) == 1)
NOUN = "spread"
MADE = replace(projection(NOUN, 2), spread=True)


@pytest.fixture
async def groups(tmp_path: Path) -> AsyncIterator[list[Redis]]:
    """Clients of two empty servers."""
    with redis_server(tmp_path / "one") as one, redis_server(tmp_path / "two") as two:
        clients = [connect(one.url), connect(two.url)]
        yield clients
        for client in clients:
            await client.aclose()


def of(game_id: str, value: str, *, command_id: str = "") -> Decided:
    return replace(put(game_id, "f", value, command_id=command_id, keyed=True), game_id=game_id)


async def reading(stores: RedisStores, log: ListLog) -> LogReader:
    """As the redis role reads."""
    reader = together([RedisReader(redis, share, log=log) for redis, share in shares(stores, MADE)])
    for partition in range(2):
        await reader.assigned(partition)
    return reader


async def test_each_game_is_in_its_own_server_and_outcomes_are_found_in_both(groups: list[Redis]) -> None:
    stores, log = RedisStores(groups[0], groups), ListLog(MADE.topic)
    reader, own = await reading(stores, log), stores.of(MADE)
    outcomes, up, notified = RedisOutcomes(own), asyncio.Event(), asyncio.Queue[str]()
    listening = asyncio.create_task(outcomes.listen("gateway", notified.put_nowait, lambda: None, up))
    await up.wait()
    mixed = [of(ONE, "1", command_id="first"), of(TWO, "2", command_id="second")]
    await reader.handle(log.append(*mixed, gateway_id="gateway", record_id="mixed"))
    alone = log.append(of(TWO, "3", command_id="third"), gateway_id="gateway", record_id="alone", partition=1)
    await reader.handle(alone)
    async with asyncio.timeout(5):
        heard = [await notified.get() for _ in range(3)]
    assert sorted(heard) == ["alone", "mixed", "mixed"]
    listening.cancel()
    assert await contents(groups[0], f"{NOUN}@2.0") == {ONE: {"f": "1"}}
    assert await contents(groups[1], f"{NOUN}@2.1") == {TWO: {"f": "3"}}
    asked = [Sought(TWO, "second"), Sought(ONE, "first"), Sought(TWO, "third"), Sought(ONE, "third")]
    found = await outcomes.find(0, asked)
    assert [one and one.command_id for one in found] == ["second", "first", "third", None]
    assert [await redis.exists("outcome:first") for redis in groups] == [1, 0]


async def test_one_group_is_built_again_alone(groups: list[Redis]) -> None:
    stores, log = RedisStores(groups[0], groups), ListLog(MADE.topic)
    reader = await reading(stores, log)
    for number in range(20):
        record = log.append(of(ONE, str(number)), of(TWO, str(number)), partition=number % 2)
        await reader.handle(record)
    redis, share = list(shares(stores, MADE))[1]
    same = await rebuild(redis, share, log=log, generation="v", progress=quiet, verify=True)
    assert (same.keys, same.different) == (1, [])
    await groups[1].hset(f"{NOUN}@2.1:1:{TWO}", "f", "tampered")
    other = await rebuild(redis, share, log=log, generation="w", progress=quiet, verify=True)
    assert other.different == [TWO]
    built = await rebuild(redis, share, log=log, generation="2", progress=quiet)
    assert (built.noun, built.swapped, built.records) == (f"{NOUN}@2.1", True, 20)
    assert await contents(groups[1], f"{NOUN}@2.1", "2") == {TWO: {"f": "19"}}
    assert await contents(groups[0], f"{NOUN}@2.0") == {ONE: {"f": "19"}}


async def test_a_group_that_lost_its_data_is_filled_again_beside_the_other(groups: list[Redis]) -> None:
    stores, log = RedisStores(groups[0], groups), ListLog(MADE.topic)
    reader = await reading(stores, log)
    records = [log.append(of(ONE, str(number)), of(TWO, str(number))) for number in range(5)]
    for record in records:
        await reader.handle(record)
    await groups[1].flushall()
    again = await reading(stores, log)
    assert await again.assigned(0) == 0
    for record in records:
        await again.handle(record)
    assert await contents(groups[0], f"{NOUN}@2.0") == {ONE: {"f": "4"}}
    assert await contents(groups[1], f"{NOUN}@2.1") == {TWO: {"f": "4"}}


async def test_another_number_of_groups_is_refused_until_it_is_built_again(groups: list[Redis]) -> None:
    whole, log = RedisStores(groups[0]), ListLog(MADE.topic)
    reader = await reading(whole, log)
    await reader.handle(log.append(of(ONE, "1"), of(TWO, "1", command_id="kept")))
    assert await contents(groups[0], NOUN) == {ONE: {"f": "1"}, TWO: {"f": "1"}}
    spread = RedisStores(groups[0], groups)
    said = r"'spread', and is to hold 'spread@2\.0'.*rebuild redis --discard"
    with pytest.raises(GroupsChanged, match=said):
        await reading(spread, log)
    for redis, share in list(shares(spread, MADE))[:1]:
        with pytest.raises(RebuildFailed, match="rebuild redis --discard"):
            await rebuild(redis, share, log=log, generation="2", progress=quiet)
    for redis, share in shares(spread, MADE):
        await rebuild(redis, share, log=log, generation="2", progress=quiet, discard=True)
    assert [key async for key in groups[0].scan_iter(match=f"*:{NOUN}") if key != b"groups:spread"] == []
    assert [key async for key in groups[0].scan_iter(match=f"{NOUN}:*")] == []
    assert await contents(groups[0], f"{NOUN}@2.0", "2") == {ONE: {"f": "1"}}
    assert await contents(groups[1], f"{NOUN}@2.1", "2") == {TWO: {"f": "1"}}
    await (await reading(spread, log)).handle(log.append(of(TWO, "2")))
    assert await contents(groups[1], f"{NOUN}@2.1", "2") == {TWO: {"f": "2"}}
    with pytest.raises(GroupsChanged):
        await reading(whole, log)
    with pytest.raises(GroupsChanged):
        await reading(RedisStores(groups[0], groups[::-1]), log)
