"""One events record is applied whole, once and in order; a Redis that lost data is noticed."""

from __future__ import annotations

import asyncio
import random
import shutil
from typing import TYPE_CHECKING

import msgspec
import pytest

from projections.redis.client import connect
from projections.redis.outcomes import RedisOutcomes
from projections.redis.reader import ApplyRefused, RedisReader, outcome_keys
from projections.redis.stores import NounStores
from schemas.codec import Codec
from schemas.edge.ports import StoreUnavailable
from schemas.envelope import Outcome
from schemas.log_positions import PositionRefused, StoreRegressed
from schemas.outcomes import Sought
from tests.projections.redis.support import ListLog, Put, projection, put, redis_server

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

pytestmark = pytest.mark.stack


def reader_of(redis: Redis, noun: str, partitions: int = 1) -> tuple[RedisReader, ListLog]:
    made = projection(noun, partitions)
    log = ListLog(made.topic)
    return RedisReader(redis, made, log=log), log


def text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


async def contents(redis: Redis, noun: str, generation: str = "1") -> dict[str, dict[str, str]]:
    prefix = f"{noun}:{generation}:"
    found = {}
    async for key in redis.scan_iter(match=prefix + "*"):
        name = key.decode().removeprefix(prefix)
        if name != "positions":
            fields = await redis.hgetall(key)
            found[name] = {text(field): text(value) for field, value in fields.items()}
    return found


async def test_records_are_applied_in_order_and_a_duplicate_changes_nothing(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun)
    first, second = log.append(put("h", "a", "1")), log.append(put("h", "a", "2"))
    assert await reader.assigned(0) == 0
    await reader.handle(first)
    await reader.handle(second)
    await reader.handle(first)
    await reader.handle(second)
    assert await contents(redis, noun) == {"h": {"a": "2"}}
    again, _ = RedisReader(redis, projection(noun), log=log), None
    assert await again.assigned(0) == 2


def test_an_event_is_read_once_for_its_operations_and_its_answer(redis: Redis, noun: str) -> None:
    read: list[str] = []

    class Counting(Codec[Put]):
        def decode(self, wire_name: str, data: bytes) -> Put:
            read.append(wire_name)
            return super().decode(wire_name, data)

    made = msgspec.structs.replace(projection(noun), events=Counting([Put]))
    log = ListLog(made.topic)
    record = log.append(put("h", "a", "1", command_id="c-1"), put("h", "b", "2", command_id="c-2"))
    arguments, _ = RedisReader(redis, made, log=log).arguments(record)
    assert outcome_keys(arguments) == ["outcome:c-1", "outcome:c-2"]
    assert read == ["put.v1", "put.v1"]


async def test_a_gap_is_refused_and_leaves_nothing(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun)
    log.append(put("h", "a", "1"))
    second = log.append(put("h", "a", "2"))
    await reader.assigned(0)
    with pytest.raises(ApplyRefused, match="gap"):
        await reader.handle(second)
    assert await contents(redis, noun) == {}


async def test_a_record_whose_src_is_not_the_next_is_dropped_whole(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    await reader.handle(log.append(put("h", "a", "1"), src=0))
    await reader.handle(log.append(put("h", "a", "zombie", command_id="z"), src=0))
    await reader.handle(log.append(put("h", "a", "early", command_id="e"), src=3))
    await reader.handle(log.append(put("h", "b", "2"), src=1))
    assert await contents(redis, noun) == {"h": {"a": "1", "b": "2"}}
    assert not await redis.exists("outcome:z", "outcome:e")


@pytest.mark.parametrize(
    "bad",
    [
        "nonsense h f v",
        "incrby h 1",
        "hset h f",
        "hset",
        "zadd z NaN m",
        "zadd z inf m",
        "zadd z one m",
        "xadd s * f v",
        "xadd s 12 f v",
        "zadd h 1 m",
        "sadd h m",
        "set positions v",
        "hset positions 0:next 99",
        "sadd fresh m zadd fresh 1 m",
    ],
)
async def test_a_bad_operation_leaves_nothing_half_written(redis: Redis, noun: str, bad: str) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    await reader.handle(log.append(put("h", "a", "1")))
    before = await redis.hgetall(f"{noun}:1:positions")
    with pytest.raises(ApplyRefused, match="argument"):
        await reader.handle(
            log.append(put("h", "a", "2", command_id=noun), put("h", "!", bad), gateway_id="g", record_id="r")
        )
    assert await contents(redis, noun) == {"h": {"a": "1"}}
    assert await redis.hgetall(f"{noun}:1:positions") == before
    assert not await redis.exists(f"outcome:{noun}")


async def test_good_operations_of_every_kind_are_applied(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    good = "zadd z 1.5 m zadd z 3e20 n zrem z n sadd s x sadd s y srem s x set v text "
    good += "xadd x 5-1 f v xadd x 5-1 f w del h"
    await reader.handle(log.append(put("h", "!", good)))
    prefix = f"{noun}:1:"
    assert await redis.zrange(prefix + "z", 0, -1, withscores=True) == [(b"m", 1.5)]
    assert await redis.smembers(prefix + "s") == {b"y"}
    assert await redis.get(prefix + "v") == b"text"
    assert await redis.xrange(prefix + "x") == [(b"5-1", {b"f": b"v"})]
    assert not await redis.exists(prefix + "h")


async def test_what_goes_with_a_board_goes_where_a_record_names_its_end_in_between(
    redis: Redis, noun: str
) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    gone_at_ms = (int((await redis.time())[0]) + 3600) * 1000
    entry, goes = put("x", "!", "zadd entries 1 ann"), put("x", "!", "expireas entries board")
    await reader.handle(log.append(entry, goes))
    assert await redis.pexpiretime(f"{noun}:1:entries") == -1
    await reader.handle(log.append(entry, goes, put("board", "gone", str(gone_at_ms)), goes))
    assert await redis.pexpiretime(f"{noun}:1:entries") == gone_at_ms


async def test_every_stream_that_a_record_adds_to_goes_when_it_is_idle(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    now_ms = int((await redis.time())[0]) * 1000
    told = [put("x", "!", f"stream {key} {now_ms} entries  payload") for key in ("one", "two", "one")]
    await reader.handle(log.append(*told))
    for key, entries in {"one": 2, "two": 1}.items():
        assert await redis.xlen(f"{noun}:1:{key}") == entries
        assert 0 < await redis.pttl(f"{noun}:1:{key}") <= 20 * 60 * 1000


async def test_outcomes_are_kept_as_long_as_their_kind_says(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    await reader.handle(
        log.append(
            put("h", "a", "1", command_id=f"{noun}-keyed", keyed=True),
            put("h", "a", "1", command_id=f"{noun}-once"),
            put("h", "a", "1", command_id=f"{noun}-refused", keyed=True, status=400),
            record_id="rec",
        )
    )
    assert 86_000 < await redis.ttl(f"outcome:{noun}-keyed") <= 86_400
    assert 60 < await redis.ttl(f"outcome:{noun}-once") <= 120
    assert not await redis.exists(f"outcome:{noun}-refused")
    assert 60 < await redis.ttl(f"outcome:{noun}-refused:rec") <= 120
    stored = await redis.get(f"outcome:{noun}-keyed")
    assert isinstance(stored, bytes)
    assert msgspec.msgpack.decode(stored, type=Outcome).status == 200


@pytest.mark.parametrize("ahead_ms", [6 * 3_600_000, -3_600_000])
async def test_outcomes_are_kept_as_long_where_the_brokers_clock_is_hours_off(
    redis: Redis, noun: str, ahead_ms: int
) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    await reader.handle(log.append(put("h", "a", "1", command_id=f"{noun}-once"), ahead_ms=ahead_ms))
    assert 60 < await redis.ttl(f"outcome:{noun}-once") <= 120 + 300


async def test_a_brokers_clock_that_is_ahead_does_not_hide_how_far_answers_are_behind(
    redis: Redis, noun: str
) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    await reader.handle(log.append(put("h", "a", "1", command_id=f"{noun}-once"), ahead_ms=6 * 3_600_000))
    await reader.idle(1 << 42)
    outcomes = RedisOutcomes(NounStores(noun, [redis]))
    assert await outcomes.find(0, [Sought("g", f"{noun}-none")]) == [None]
    await redis.hset(f"fresh:{noun}", "0", str(1_000_000_000_000))
    with pytest.raises(StoreUnavailable, match="behind the log"):
        await outcomes.find(0, [Sought("g", f"{noun}-none")])


async def test_a_gateway_is_woken_once_for_a_record_and_again_for_its_duplicate(
    redis: Redis, noun: str
) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    async with redis.pubsub() as channel:
        await channel.subscribe(f"wake:{noun}")
        assert (await channel.get_message(timeout=5) or {})["type"] == "subscribe"
        record = log.append(
            put("h", "a", "1", command_id="x"),
            put("h", "a", "2", command_id="y"),
            gateway_id=noun,
            record_id="rec",
        )
        await reader.handle(record)
        await reader.handle(record)
        await redis.publish(f"wake:{noun}", "end")
        notified = [(await channel.get_message(timeout=5) or {})["data"] for _ in range(3)]
    assert notified == [b"rec", b"rec", b"end"]


async def test_the_gate_opens_when_every_partition_reached_the_end_it_had(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun, partitions=2)
    first, second = log.append(put("h", "a", "1"), partition=1), log.append(put("h", "a", "2"), partition=1)
    run_id = (await redis.info("server"))["run_id"].encode()
    assert await reader.assigned(0) == 0
    assert await redis.get(f"ready:{noun}") is None
    assert await reader.assigned(1) == 0
    await reader.handle(first)
    assert await redis.get(f"ready:{noun}") is None
    await reader.handle(second)
    assert await redis.get(f"ready:{noun}") == run_id


async def test_positions_that_can_not_be_this_logs_are_refused_and_the_repair_is_named(
    redis: Redis, noun: str
) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    await reader.handle(log.append(put("h", "a", "1")))
    other = ListLog(log.topic, identity="log-2")
    other.append(put("h", "a", "1"))
    with pytest.raises(PositionRefused, match=r"another log.*questlog rebuild redis --discard"):
        await RedisReader(redis, projection(noun), log=other).assigned(0)
    shorter = ListLog(log.topic)
    with pytest.raises(PositionRefused, match=r"the log ends at 0.*questlog rebuild redis --discard"):
        await RedisReader(redis, projection(noun), log=shorter).assigned(0)


async def test_a_log_that_lost_its_end_and_has_grown_again_is_refused(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    for record in (log.append(put("h", "a", "1")), log.append(put("h", "a", "lost"), src=5)):
        await reader.handle(record)
    assert await RedisReader(redis, projection(noun), log=log).assigned(0) == 2
    log.records[0].pop()
    log.append(put("h", "a", "2"))
    log.append(put("h", "a", "3"))
    with pytest.raises(PositionRefused, match=r"another one.*questlog rebuild redis --discard"):
        await RedisReader(redis, projection(noun), log=log).assigned(0)


async def test_a_log_whose_beginning_is_gone_is_refused(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun)
    for _ in range(3):
        log.append(put("h", "a", "1"))
    log.first_offset = 2
    with pytest.raises(PositionRefused, match=r"begins at 2.*Repair: restore"):
        await reader.assigned(0)
    log.first_offset = 0
    await reader.assigned(0)
    await reader.handle(log.records[0][0])
    log.first_offset = 2
    with pytest.raises(PositionRefused, match=r"up to offset 1.*begins at 2.*Repair: restore"):
        await RedisReader(redis, projection(noun), log=log).assigned(0)
    log.first_offset = 1
    assert await RedisReader(redis, projection(noun), log=log).assigned(0) == 1


async def test_a_position_without_a_mark_is_believed_once_and_gets_one(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    await reader.handle(log.append(put("h", "a", "1")))
    await redis.hdel(f"{noun}:1:positions", "0:mark")
    await RedisReader(redis, projection(noun), log=log).assigned(0)
    log.records[0].pop()
    log.append(put("h", "a", "2"))
    with pytest.raises(PositionRefused, match="another one"):
        await RedisReader(redis, projection(noun), log=log).assigned(0)


async def test_a_redis_that_came_up_empty_is_noticed_and_filled_from_the_start(
    tmp_path: Path, noun: str
) -> None:
    with redis_server(tmp_path / "redis") as server:
        redis = connect(server.url)
        reader, log = reader_of(redis, noun)
        await reader.assigned(0)
        await reader.handle(log.append(put("h", "a", "1")))
        server.kill()
        server.forget()
        server.start()
        with pytest.raises(StoreRegressed):
            await reader.idle(10_000)
        with pytest.raises(ApplyRefused, match="gap"):
            await reader.handle(log.append(put("h", "b", "2")))
        again = RedisReader(redis, projection(noun), log=log)
        start = await again.assigned(0)
        assert start == 0
        assert await redis.get(f"ready:{noun}") is None
        async for record in log.read(log.topic.name, 0, start):
            await again.handle(record)
        assert await contents(redis, noun) == {"h": {"a": "1", "b": "2"}}
        assert await redis.get(f"ready:{noun}") is not None
        await redis.aclose()


async def test_a_redis_that_lost_its_last_second_is_noticed_by_the_gap(tmp_path: Path, noun: str) -> None:
    with redis_server(tmp_path / "redis") as server:
        redis = connect(server.url)
        reader, log = reader_of(redis, noun)
        await reader.assigned(0)
        await reader.handle(log.append(put("h", "a", "1")))
        older = tmp_path / "older"
        shutil.copytree(server.folder, older)
        await reader.handle(log.append(put("h", "a", "2")))
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(older, server.folder)
        server.start()
        with pytest.raises(ApplyRefused, match="gap"):
            await reader.handle(log.append(put("h", "a", "3")))
        with pytest.raises(StoreRegressed):
            await reader.idle(10_000)
        again = RedisReader(redis, projection(noun), log=log)
        assert await again.assigned(0) == 1
        await redis.aclose()


async def test_after_a_restart_without_loss_readers_wait_for_the_end_of_the_log(
    tmp_path: Path, noun: str
) -> None:
    with redis_server(tmp_path / "redis") as server:
        redis = connect(server.url)
        reader, log = reader_of(redis, noun)
        await reader.assigned(0)
        await reader.handle(log.append(put("h", "a", "1")))
        before = await redis.get(f"ready:{noun}")
        server.kill()
        server.start()
        behind = log.append(put("h", "a", "2"))
        run_id = (await redis.info("server"))["run_id"].encode()
        assert await redis.get(f"ready:{noun}") == before != run_id
        await reader.idle(10_000)
        assert await redis.get(f"ready:{noun}") == before, "it is behind the log's end after the restart"
        await reader.handle(behind)
        await reader.idle(20_000)
        assert await redis.get(f"ready:{noun}") == run_id
        await redis.aclose()


async def test_undecodable_bytes_halt_the_reader(redis: Redis, noun: str) -> None:
    reader, log = reader_of(redis, noun)
    await reader.assigned(0)
    record = msgspec.structs.replace(log.append(), value=b"\xc1 no msgpack")
    with pytest.raises(msgspec.DecodeError):
        await reader.handle(record)


@pytest.mark.parametrize("seed", range(5))
async def test_rival_writers_that_die_and_return_apply_each_record_once(
    redis: Redis, noun: str, seed: int
) -> None:
    chance = random.Random(seed)
    made = projection(noun)
    log = ListLog(made.topic)
    expected: dict[str, dict[str, str]] = {}
    src = 0
    for index in range(120):
        key, field = f"h{chance.randrange(4)}", f"f{chance.randrange(6)}"
        zombie = chance.random() < 0.2  # another decider's append, with a src that was answered before
        log.append(put(key, field, str(index)), src=chance.randrange(src) if zombie and src else src)
        if not (zombie and src):
            expected.setdefault(key, {})[field] = str(index)
            src += 1

    async def rival() -> None:
        while True:
            reader = RedisReader(redis, made, log=log)
            begin = await reader.assigned(0)
            if begin == len(log.records[0]):
                return
            begin = max(0, begin - chance.randrange(5))  # a group that remembers less than the store
            async for record in log.read(log.topic.name, 0, begin, begin + chance.randrange(1, 20)):
                await reader.handle(record)

    await asyncio.gather(rival(), rival(), rival())
    assert await contents(redis, noun) == expected
