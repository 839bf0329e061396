"""A generation is built beside the live one, compared with it, and swapped only when it is not behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from projections.redis.reader import RedisReader
from projections.redis.rebuild import RebuildFailed, forget, rebuild, stored_outcomes
from schemas.log_positions import PositionRefused
from tests.projections.redis.support import NOW_MS, ListLog, projection, put
from tests.projections.redis.test_reader import contents

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.stack


def quiet(done: int, total: int) -> None:
    assert done <= total


async def live(
    redis: Redis, noun: str, records: int = 200, partitions: int = 2
) -> tuple[RedisReader, ListLog]:
    made = projection(noun, partitions)
    log = ListLog(made.topic)
    reader = RedisReader(redis, made, log=log)
    for partition in range(partitions):
        await reader.assigned(partition)
        for index in range(records):
            await reader.handle(
                log.append(put(f"h{index % 7}", f"f{index % 31}", str(index)), partition=partition)
            )
    return reader, log


async def test_a_rebuild_gives_the_same_and_the_live_writer_goes_on(redis: Redis, noun: str) -> None:
    reader, log = await live(redis, noun)
    before = await contents(redis, noun)
    result = await rebuild(redis, projection(noun, 2), log=log, generation="2", progress=quiet)
    assert (result.swapped, result.records) == (True, 400)
    assert await redis.get(f"generation:{noun}") == b"2"
    assert await contents(redis, noun, "2") == before
    assert await contents(redis, noun, "1") == {}
    await reader.handle(log.append(put("h0", "f0", "after")))
    assert (await contents(redis, noun, "2"))["h0"]["f0"] == "after"
    await reader.idle(10_000)


async def test_verify_finds_nothing_or_exactly_what_differs(redis: Redis, noun: str) -> None:
    _, log = await live(redis, noun)
    same = await rebuild(redis, projection(noun, 2), log=log, generation="v1", progress=quiet, verify=True)
    assert (same.swapped, same.keys, same.different) == (False, 7, [])
    await redis.hset(f"{noun}:1:h3", "f3", "tampered")
    await redis.hset(f"{noun}:1:extra", "f", "v")
    other = await rebuild(redis, projection(noun, 2), log=log, generation="v2", progress=quiet, verify=True)
    assert other.different == ["extra", "h3"]
    assert await redis.get(f"generation:{noun}") == b"1"
    assert not [key async for key in redis.scan_iter(match=f"{noun}:v*")]


async def test_a_rebuild_under_traffic_catches_up_and_loses_nothing(redis: Redis, noun: str) -> None:
    reader, log = await live(redis, noun, partitions=1)
    building = asyncio.create_task(rebuild(redis, projection(noun), log=log, generation="2", progress=quiet))
    written = 0
    while not building.done():
        await reader.handle(log.append(put("live", str(written), "x")))
        written += 1
    assert (await building).swapped
    assert written > 0
    assert len((await contents(redis, noun, "2"))["live"]) == written


async def test_a_shorter_or_another_log_is_swapped_in_only_on_request(redis: Redis, noun: str) -> None:
    _, log = await live(redis, noun, partitions=1)
    made = projection(noun)
    other = ListLog(log.topic, identity="log-2")
    other.append(put("h", "a", "other"))
    with pytest.raises(RebuildFailed, match="another log"):
        await rebuild(redis, made, log=other, generation="2", progress=quiet)
    shorter = ListLog(log.topic)
    with pytest.raises(RebuildFailed, match="beyond"):
        await rebuild(redis, made, log=shorter, generation="3", progress=quiet)
    with pytest.raises(PositionRefused):
        await RedisReader(redis, made, log=other).assigned(0)
    assert (await rebuild(redis, made, log=other, generation="4", progress=quiet, discard=True)).swapped
    assert await RedisReader(redis, made, log=other).assigned(0) == 1
    assert await contents(redis, noun, "4") == {"h": {"a": "other"}}


async def test_what_a_dead_rebuild_left_is_not_built_upon(redis: Redis, noun: str) -> None:
    _, log = await live(redis, noun, partitions=1)
    await redis.hset(f"{noun}:2:h3", "left", "over")
    await redis.hset(f"{noun}:2:positions", "0:next", "50")
    await rebuild(redis, projection(noun), log=log, generation="2", progress=quiet)
    assert "left" not in (await contents(redis, noun, "2"))["h3"]


async def test_from_catch_up_on_the_builder_answers_too(redis: Redis, noun: str) -> None:
    _, log = await live(redis, noun, partitions=1)
    log.append(put("h", "a", "1", command_id=f"{noun}-c", keyed=True))
    made = projection(noun)

    class Late(ListLog):
        """Gets one more record just before the builder, having caught up, asks for the end again."""

        asked = 0

        async def end_offset(self, topic: str, partition: int) -> int:
            self.asked += 1
            if self.asked == 4:
                self.append(put("h", "a", "2", command_id=f"{noun}-late"))
            return await super().end_offset(topic, partition)

    late = Late(log.topic)
    late.records = log.records
    await rebuild(redis, made, log=late, generation="2", progress=quiet)
    assert (await contents(redis, noun, "2"))["h"]["a"] == "2"
    assert await redis.exists(f"outcome:{noun}-late")
    assert not await redis.exists(f"outcome:{noun}-c")


async def test_a_log_that_grew_again_is_swapped_in_only_on_request_and_lost_outcomes_go(
    redis: Redis, noun: str
) -> None:
    reader, log = await live(redis, noun, records=3, partitions=1)
    for name in ("kept", "lost"):
        await reader.handle(log.append(put("h", "a", name, command_id=f"{noun}-{name}", keyed=True)))
    log.records[0].pop()
    log.append(put("h", "a", "new", command_id=f"{noun}-new", keyed=True))
    other_nouns = f"outcome:{noun}-other"
    await redis.set(other_nouns, b"of a noun that is rebuilt after this one")
    made, unseen = projection(noun), await stored_outcomes(redis)
    assert {f"outcome:{noun}-lost".encode(), other_nouns.encode()} <= unseen
    with pytest.raises(RebuildFailed, match=r"another one.*--discard"):
        await rebuild(redis, made, log=log, generation="2", progress=quiet)
    rebuilt = await rebuild(
        redis, made, log=log, generation="3", progress=quiet, discard=True, unseen=unseen, now_ms=NOW_MS
    )
    assert rebuilt.swapped
    mine = {key for key in unseen if key.startswith(f"outcome:{noun}".encode())}
    assert mine == {f"outcome:{noun}-lost".encode(), other_nouns.encode()}
    await forget(redis, [f"outcome:{noun}-lost".encode()])
    for name, there in {"kept": 1, "new": 1, "lost": 0}.items():
        assert await redis.exists(f"outcome:{noun}-{name}") == there
    assert await RedisReader(redis, made, log=log).assigned(0) == 5
