"""A noun in a new layout beside what an older release holds of it: made from the log, and shut until then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from projections.redis.operations import merge_field
from projections.redis.read_batches import ReadBatches
from projections.redis.reader import ApplyRefused, Projection, RedisReader
from projections.redis.rebuild import rebuild
from projections.redis.scripts import APPLY
from schemas.edge.ports import StoreUnavailable
from schemas.log_positions import StoreRegressed
from tests.projections.redis.support import ListLog, projection, put
from tests.projections.redis.test_reader import contents
from tests.projections.redis.test_rebuild import quiet

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.stack


async def follows(redis: Redis, made: Projection, log: ListLog) -> RedisReader:
    """A worker's reader at the log's end."""
    reader = await starts(redis, made, log)
    for partition in range(2):
        await takes_in(reader, log, partition)
    return reader


async def starts(redis: Redis, made: Projection, log: ListLog) -> RedisReader:
    reader = RedisReader(redis, made, log=log)
    for partition in range(2):
        await reader.assigned(partition)
    return reader


async def takes_in(reader: RedisReader, log: ListLog, partition: int) -> None:
    for record in log.records[partition]:
        await reader.handle(record)  # what was taken in changes nothing


async def shown(redis: Redis, made: Projection) -> bytes | None:
    """What a process of the release of that layout reads."""
    (value,) = await ReadBatches(redis, made.name).read(("hget", "row", "f", ""))
    return value  # type: ignore[no-any-return]


async def refuses(redis: Redis, made: Projection) -> None:
    with pytest.raises(StoreUnavailable, match="not ready"):
        await shown(redis, made)


async def idles(reader: RedisReader) -> None:
    """As long as there is something to delete."""
    for turn in range(1, 1000):
        await reader.idle(turn * 1000)
        if reader._former is None:
            return
        await asyncio.sleep(0)
    raise AssertionError("it never ends")


async def test_what_an_older_release_holds_is_shut_made_anew_and_then_deleted(
    redis: Redis, noun: str
) -> None:
    old = projection(noun, 2)
    new, log = replace(old, layout=2), ListLog(old.topic)
    assert (new.name, new.former) == (f"{noun}~2", (noun,))
    for partition in range(2):
        log.append(put("row", "f", "1"), put(f"p{partition}", "f", "1"), partition=partition)
    await follows(redis, old, log)
    assert await shown(redis, old) == b"1"
    reader = await starts(redis, new, log)
    await refuses(redis, old)
    await refuses(redis, new)
    await takes_in(reader, log, 0)
    await refuses(redis, new)  # one partition is not all
    assert (await contents(redis, noun)).keys() == {"row", "p0", "p1"}
    await takes_in(reader, log, 1)
    assert await shown(redis, new) == b"1"
    await idles(reader)
    assert await contents(redis, new.name) == {"row": {"f": "1"}, "p0": {"f": "1"}, "p1": {"f": "1"}}
    assert [key async for key in redis.scan_iter(match=f"*{noun}") if key != f"groups:{noun}".encode()] == []
    assert [key async for key in redis.scan_iter(match=f"{noun}:*")] == []
    same = await rebuild(redis, new, log=log, generation="v", progress=quiet, verify=True)
    assert (same.keys, same.different) == (3, [])


async def test_the_way_back_and_forward_again_shows_nothing_that_is_not_kept_up(
    redis: Redis, noun: str
) -> None:
    old = projection(noun, 2)
    new, log = replace(old, layout=2), ListLog(old.topic)
    log.append(put("row", "f", "1"))
    older = await follows(redis, old, log)
    await idles(await follows(redis, new, log))
    with pytest.raises(StoreRegressed):  # an older worker that is still there begins anew
        await older.idle(1000)
    log.append(put("row", "f", "2"))
    await follows(redis, old, log)
    assert await shown(redis, old) == b"2"
    assert await shown(redis, new) == b"1"
    reader = await starts(redis, new, log)
    await refuses(redis, new)  # the older release went on without it
    for partition in range(2):
        await takes_in(reader, log, partition)
    assert await shown(redis, new) == b"2"
    await refuses(redis, old)


async def test_one_that_is_built_beside_is_read_as_soon_as_a_worker_follows_it(
    redis: Redis, noun: str
) -> None:
    old = projection(noun, 2)
    new, log = replace(old, layout=2), ListLog(old.topic)
    for number in range(50):
        log.append(put("row", "f", str(number)), partition=number % 2)
    older = await follows(redis, old, log)
    built = await rebuild(redis, new, log=log, generation="b", progress=quiet)
    assert (built.noun, built.swapped) == (noun, True)
    assert await shown(redis, old) == b"49"
    await older.handle(log.append(put("row", "f", "50")))
    await refuses(redis, new)
    reader = RedisReader(redis, new, log=log)
    assert [await reader.assigned(partition) for partition in range(2)] == [25, 25]
    await reader.handle(log.records[0][25])
    await idles(reader)
    assert await shown(redis, new) == b"50"


async def test_entries_are_put_into_maps_alone(redis: Redis, noun: str) -> None:
    made = projection(noun)
    log = ListLog(made.topic)
    reader = RedisReader(redis, made, log=log)
    await reader.assigned(0)
    await reader.handle(log.append(put("rows", "text", "a text"), put("rows", "cut", "\x01")))
    before = await contents(redis, noun)
    for field, entries in (("text", b"\x80"), ("cut", b"\x80"), ("new", b"\xa1a"), ("new", b"\x82\xa1a\x01")):
        operation = merge_field("rows", field, entries)
        head = (noun, "", log.identity, "0", "1", "1", "0", "", "", "1", "0", "mark")
        reply = await APPLY.run(redis, *head, *merge_field("rows", "good", b"\x81\xa1a\x01"), *operation)
        assert reply[:2] == [b"argument", b"hmerge rows: not a map"]
        assert await contents(redis, noun) == before
    with pytest.raises(ApplyRefused, match="not a map"):
        await reader.handle(log.append(put("rows", "f", "1"), put("x", "!", "hmerge rows text  {}")))
