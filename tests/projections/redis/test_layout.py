"""A noun in a new layout beside what an older release holds of it: made from the log, and shut until then.

The layout before is served on where the new release can keep it up: no read is refused in a rolling upgrade.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from projections.redis.layout import let_go
from projections.redis.layout_reader import LayoutReader
from projections.redis.operations import Operation, merge_field
from projections.redis.outcomes import RedisOutcomes
from projections.redis.read_batches import ReadBatches
from projections.redis.reader import ApplyRefused, Projection, RedisReader
from projections.redis.rebuild import rebuild
from projections.redis.scripts import APPLY
from projections.redis.stores import NounStores
from schemas.edge.ports import StoreUnavailable
from schemas.log_positions import StoreRegressed
from schemas.outcomes import Sought
from tests.projections.redis.support import ListLog, projection, put
from tests.projections.redis.test_reader import contents
from tests.projections.redis.test_rebuild import quiet

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.stack


async def follows(redis: Redis, made: Projection, log: ListLog) -> LayoutReader:
    """A worker's reader at the log's end."""
    reader = await starts(redis, made, log)
    for partition in range(2):
        await takes_in(reader, log, partition)
    return reader


async def starts(redis: Redis, made: Projection, log: ListLog) -> LayoutReader:
    reader = LayoutReader(redis, made, log=log)
    for partition in range(2):
        await reader.assigned(partition)
    return reader


async def takes_in(reader: LayoutReader, log: ListLog, partition: int) -> None:
    for record in log.records[partition]:
        await reader.handle(record)  # what was taken in changes nothing


async def shown(redis: Redis, made: Projection) -> bytes | None:
    """What a process of the release of that layout reads."""
    (value,) = await ReadBatches(redis, made.name).read(("hget", "row", "f", ""))
    return value  # type: ignore[no-any-return]


async def refuses(redis: Redis, made: Projection) -> None:
    with pytest.raises(StoreUnavailable, match="not ready"):
        await shown(redis, made)


async def idles(reader: LayoutReader) -> None:
    """As long as there is something to delete."""
    for turn in range(1, 1000):
        await reader.idle(turn * 1000)
        if reader.clean:
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
    reader = LayoutReader(redis, new, log=log)
    assert [await reader.assigned(partition) for partition in range(2)] == [25, 25]
    await reader.handle(log.records[0][25])
    await idles(reader)
    assert await shown(redis, new) == b"50"


def laid_out_anew(old: Projection) -> Projection:
    """The noun in another layout, of a release that keeps the one before up: keys have other names there."""

    def project(*given: Any) -> list[Operation]:
        return [(name, "new-" + str(key), *more) for name, key, *more in old.project(*given)]

    return replace(old, layout=2, before=old.project, project=project)


class Upgrade:
    """A log of two partitions, and what edges of both releases read of it."""

    def __init__(self, redis: Redis, noun: str) -> None:
        self.redis = redis
        self.old = projection(noun, 2)
        self.new = laid_out_anew(self.old)
        self.log = ListLog(self.old.topic)
        self.written = 0

    async def write(self, *workers: LayoutReader | RedisReader) -> None:
        """A keyed write in either partition; the workers take it in, each after the other."""
        for partition in range(2):
            self.written += 1
            number = str(self.written)
            record = self.log.append(
                put("row", "f", number, command_id=number, keyed=True),
                partition=partition,
                gateway_id="edges",
                record_id=number,
            )
            for worker in workers:
                await worker.handle(record)

    async def older_edge(self) -> None:
        """It finds the last write's answer, and reads what was written."""
        await self._answers(self.old, "row")

    async def newer_edge(self) -> None:
        """Likewise, in the new layout."""
        await self._answers(self.new, "new-row")

    async def _answers(self, made: Projection, key: str) -> None:
        outcomes = RedisOutcomes(NounStores(made.stored, [self.redis]))
        (found,) = await outcomes.find(1, [Sought("g", str(self.written))])
        assert found is not None
        (value,) = await ReadBatches(self.redis, made.name).read(("hget", key, "f", ""))
        assert value == str(self.written).encode()


async def test_edges_of_both_releases_are_answered_at_every_step_of_an_upgrade(
    redis: Redis, noun: str
) -> None:
    here = Upgrade(redis, noun)
    older = await follows(redis, here.old, here.log)
    for _ in range(20):
        await here.write(older)
    await here.older_edge()
    await rebuild(redis, here.new, log=here.log, generation="b", progress=quiet)  # `questlog layouts build`
    await here.write(older)
    await here.older_edge()
    newer = await starts(redis, here.new, here.log)  # in the place of the older worker
    await here.older_edge()
    for partition in range(2):
        await takes_in(newer, here.log, partition)
        await here.older_edge()
    for turn in range(1, 4):
        await here.write(newer)
        await newer.idle(turn * 1000)
        await here.older_edge()
        await here.newer_edge()
    again = await starts(redis, here.new, here.log)  # another process of the new release
    await here.older_edge()
    await here.newer_edge()
    await here.write(again)
    await here.older_edge()
    await here.newer_edge()
    await let_go(redis, [here.old.name])  # `questlog layouts forget`
    await here.newer_edge()
    for turn in range(1, 1000):
        await again.idle(turn * 1000)
        await here.newer_edge()
        if again.clean:
            break
    await refuses(redis, here.old)
    assert [key async for key in redis.scan_iter(match=f"{noun}:*")] == []
    await here.write(again)
    await here.newer_edge()
    same = await rebuild(redis, here.new, log=here.log, generation="v", progress=quiet, verify=True)
    assert same.different == []


async def test_who_is_told_of_an_answer_reads_it_in_both_layouts_and_is_told_once(
    redis: Redis, noun: str
) -> None:
    here = Upgrade(redis, noun)
    await follows(redis, here.old, here.log)
    newer = await follows(redis, here.new, here.log)
    async with redis.pubsub() as told:
        await told.subscribe("wake:edges")
        assert (await told.get_message(timeout=5.0) or {})["type"] == "subscribe"
        record = here.log.append(put("row", "f", "1", command_id="1"), gateway_id="edges", record_id="r")
        taking = asyncio.create_task(newer.handle(record))
        message = await told.get_message(timeout=5.0)
        assert message is not None
        assert await redis.hget(f"{here.old.name}:1:row", "f") == b"1"
        assert await redis.hget(f"{here.new.name}:1:new-row", "f") == b"1"
        await taking
        assert await told.get_message(timeout=0.2) is None


async def test_going_back_and_forward_again_the_older_edges_are_never_refused(
    redis: Redis, noun: str
) -> None:
    here = Upgrade(redis, noun)
    await here.write(await follows(redis, here.old, here.log))
    await follows(redis, here.new, here.log)
    await here.newer_edge()
    back = await follows(redis, here.old, here.log)
    for _ in range(5):
        await here.write(back)
        await here.older_edge()
    forward = await starts(redis, here.new, here.log)
    await here.older_edge()
    await refuses(redis, here.new)  # the older release went on without it
    for partition in range(2):
        await takes_in(forward, here.log, partition)
        await here.older_edge()
    await here.newer_edge()


async def test_a_worker_that_died_between_the_two_layouts_ends_what_it_began(redis: Redis, noun: str) -> None:
    here = Upgrade(redis, noun)
    await here.write(await follows(redis, here.old, here.log))
    await follows(redis, here.new, here.log)
    half = RedisReader(redis, here.old, log=here.log, answers=False)
    await half.assigned(0)
    await half.handle(here.log.append(put("row", "f", "half", command_id="half")))
    again = await starts(redis, here.new, here.log)
    await refuses(redis, here.new)
    await again.handle(here.log.records[0][-1])
    await again.idle(1000)
    for made, key in ((here.old, "row"), (here.new, "new-row")):
        assert await ReadBatches(redis, made.name).read(("hget", key, "f", "")) == [b"half"]


async def test_what_nobody_can_keep_up_or_nobody_wants_any_more_goes(redis: Redis, noun: str) -> None:
    here = Upgrade(redis, noun)
    await here.write(await follows(redis, here.old, here.log))
    other = ListLog(here.old.topic, identity="another log")
    other.append(put("row", "f", "1"))
    newer = await follows(redis, here.new, other)
    await refuses(redis, here.old)
    await idles(newer)
    assert [key async for key in redis.scan_iter(match=f"{noun}:*")] == []
    # Let go of while records come: the keys are gone before the next one.
    here = Upgrade(redis, f"{noun}-2")
    await here.write(await follows(redis, here.old, here.log))
    first, second = await follows(redis, here.new, here.log), await follows(redis, here.new, here.log)
    await let_go(redis, [here.old.name])
    await idles(first)
    await here.write(second)
    await here.newer_edge()
    await idles(second)
    assert [key async for key in redis.scan_iter(match=f"{noun}-2:*")] == []


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
