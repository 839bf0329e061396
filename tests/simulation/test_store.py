"""The simulated store acts as the real scripts do: the same operations, the same values, the same answers."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from deploy.lab.simulation.faults import Faults
from deploy.lab.simulation.store import SimulatedRedis, operate, text_of
from deploy.lab.simulation.store_reads import gather
from projections.redis import operations as op
from projections.redis.client import connect
from projections.redis.operations import Operation
from projections.redis.read_batches import encode_requests
from projections.redis.scripts import APPLY, READ_BATCH
from projections.redis.state import state_of
from schemas.log import LogRecord
from schemas.log_positions import Cursor, LogTrimmed, Position, mark_of

PARTITIONS = 2
PLACE = "00000000000001:"
FAR_MS = 4_102_444_800_000
"""An expiry that no test lives to see: the simulation leaves them out."""
NAMES = st.sampled_from("abc")
HASHES, SETS, SCORES, VALUES = ("h1", "h2"), ("s1", "s2"), ("z1", "z2"), ("v1", "v2")
HASH, SET, SCORE = st.sampled_from(HASHES), st.sampled_from(SETS), st.sampled_from(SCORES)
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3) + 0.0) | st.sampled_from(
    [0.0, 1.0]
)
MAPS = st.dictionaries(
    st.sampled_from(["id", "status", "a", *(f"entry {n}" for n in range(20))]),
    st.none()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(max_size=40)
    | st.lists(st.booleans(), max_size=3)
    | st.dictionaries(st.sampled_from("xy"), st.floats(allow_nan=False), max_size=2),
    max_size=20,
).map(msgspec.msgpack.encode)
MERGES = st.builds(
    lambda id_, entries, without: op.merge_field(f"rows:{id_[0]}", id_, entries, without=without),
    st.sampled_from(["a1", "a2", "b1"]),
    MAPS,
    st.lists(st.sampled_from(["id", "status", "entry 3"]), max_size=2),
)
OPERATIONS = st.one_of(
    st.builds(op.set_value, st.sampled_from(VALUES), st.binary(max_size=4)),
    st.builds(op.delete, st.sampled_from((*HASHES, *SETS, *SCORES, *VALUES))),
    st.builds(op.set_field, HASH, NAMES, st.binary(max_size=4)),
    st.builds(op.delete_field, HASH, NAMES),
    st.builds(op.add_member, SET, NAMES),
    st.builds(
        lambda key, name, held, field: op.add_member_unless(key, name, held=held, field=field),
        SET,
        NAMES,
        HASH,
        NAMES,
    ),
    st.builds(op.remove_member, SET, NAMES),
    st.builds(op.set_score, SCORE, NUMBERS, NAMES),
    st.builds(op.delete_score, SCORE, NAMES),
    st.builds(op.list_newest, SCORE, NAMES, st.integers(0, 3)),
    st.builds(lambda name: op.set_score("l1", 0.0, PLACE + name), NAMES),
    st.builds(lambda until, listed: op.forget_until("z1", until, listed), st.integers(-5, 1000), SCORE),
    MERGES,
    st.builds(lambda name: op.set_score("l2", 0.0, PLACE + name), st.sampled_from(["a1", "a2", "b1", "c1"])),
    st.builds(op.set_field, st.builds("row:{}".format, NAMES), NAMES, st.binary(max_size=4)),
    st.builds(
        lambda key, name, empty, whole: op.delete_score_when(key, name, empty=empty, whole=whole),
        SCORE,
        NAMES,
        SET,
        SET,
    ),
    st.builds(
        lambda key, empty, whole: op.expire_when(key, FAR_MS, empty=empty, whole=whole), HASH, SET, SET
    ),
)
PLACES = st.sampled_from(["", PLACE, PLACE + "b", PLACE + "d"])
REQUESTS = st.one_of(
    st.tuples(st.just("count"), SCORE, st.just(""), st.just("")),
    st.tuples(st.just("which"), SET, st.just("c\0a"), st.just("")),
    st.tuples(st.just("page"), st.just("l1"), PLACES, st.sampled_from("123")),
    st.tuples(st.just("rows"), st.just("l1"), PLACES, st.sampled_from(["1\0row:", "3\0row:"])),
    st.tuples(st.just("each"), st.just("rows:"), st.sampled_from(["a", "b"]), st.just("1\x002\0none")),
    st.tuples(st.just("fields"), st.just("l2"), PLACES, st.sampled_from(["2\0rows:\x001", "9\0rows:\x001"])),
    st.tuples(st.just("hget"), HASH, NAMES, st.just("")),
    st.tuples(st.just("hmget"), HASH, st.just("a\0b"), st.just("")),
    st.tuples(st.just("slice"), SCORE, st.sampled_from("012"), st.sampled_from("123")),
    st.tuples(st.just("until"), SCORE, st.sampled_from(["-5", "0", "1000"]), st.sampled_from("123")),
)
_nouns = itertools.count()


async def held(redis: Redis, prefix: str) -> dict[str, Any]:
    """Every key of a generation, in the simulation's shapes."""
    client: Any = redis
    found: dict[str, Any] = {}
    for key in await client.keys(f"{prefix}*"):
        name = key.decode().removeprefix(prefix)
        kind = (await client.type(key)).decode()
        if name == "positions":
            continue
        if kind == "string":
            found[name] = await client.get(key)
        elif kind == "hash":
            found[name] = {field.decode(): value for field, value in (await client.hgetall(key)).items()}
        elif kind == "set":
            found[name] = {member.decode(): True for member in await client.smembers(key)}
        else:
            scores = await client.zrange(key, 0, -1, withscores=True)
            found[name] = {member.decode(): score for member, score in scores}
    return found


async def both(url: str, batches: list[list[Operation]], requests: list[tuple[str, ...]]) -> None:
    redis, noun = connect(url), f"simulated{next(_nouns)}"
    client: Any = redis
    values: dict[str, Any] = {}
    asked = [text for request in requests for text in request]
    try:
        run_id = (await client.info("server"))["run_id"]
        await client.mset({f"generation:{noun}": "1", f"ready:{noun}": run_id})
        for offset, batch in enumerate(batches):
            flat = [argument for operation in batch for argument in operation]
            head = (noun, "", "log", "0", str(offset), str(offset), "0", "", "", str(PARTITIONS), "0", "mark")
            reply = await APPLY.run(redis, *head, *flat)
            assert reply[0] == b"applied", reply
            operate(values, [text_of(argument) for argument in flat], PARTITIONS)
            assert await held(redis, f"{noun}:1:") == values
            real = await READ_BATCH.run(redis, noun, encode_requests(asked))
            for request, theirs, ours in zip(requests, real, gather(values, asked), strict=True):
                if request[0] in {"slice", "until"}:  # scores come as text of many forms
                    assert theirs[::2] == ours[::2]
                    assert [float(score) for score in theirs[1::2]] == [float(score) for score in ours[1::2]]
                else:
                    assert theirs == ours
    finally:
        for key in await client.keys(f"*{noun}*"):
            await client.delete(key)
        await redis.aclose()


OFFSETS = st.one_of(st.integers(0, 9), st.sampled_from([2**31, 10**15, 2**53 - 99]))


def record(offset: int, number: int) -> LogRecord:
    return LogRecord(
        topic="t.events", partition=0, offset=offset, appended_at_ms=number, key=None, value=b"a record"
    )


async def same_verdicts(url: str, begin: Position, steps: list[tuple[int, int]]) -> None:
    """The cursor, Redis' script and the simulation's store pass the same records, each from `begin`."""
    redis, noun = connect(url), f"positions{next(_nouns)}"
    client: Any = redis
    simulated = SimulatedRedis(Faults(0))
    simulated.live.positions["0"] = begin
    cursor = Cursor(begin)
    try:
        held = {"0:next": begin.offset, "0:src": begin.src, "0:mark": begin.mark, "log": begin.log_id}
        await client.mset({f"generation:{noun}": "1"})
        await client.hset(f"{noun}:1:positions", mapping=held)
        for number, (offset_step, src_step) in enumerate(steps):
            one, src = record(max(cursor.offset + offset_step, 0), number), max(cursor.src + src_step, 0)
            at = (str(one.offset), str(src), str(one.appended_at_ms))
            arguments = (noun, "", begin.log_id, "0", *at, "", "", "1", "0", mark_of(one))
            verdict = cursor.verdict(one.offset, src)
            assert (await APPLY.run(redis, *arguments))[0].decode() == verdict
            assert simulated._apply(list(arguments))[0].decode() == verdict
            if verdict == "gap":
                with pytest.raises(LogTrimmed):
                    cursor.accept(one, src)
            else:
                assert cursor.accept(one, src) == (verdict == "applied")
            assert (await state_of(redis, noun, 0)).position == cursor.position
            assert simulated.live.positions["0"] == cursor.position
    finally:
        await client.delete(f"generation:{noun}", f"{noun}:1:positions")
        await redis.aclose()


@pytest.mark.stack
@settings(max_examples=100, deadline=None)
@given(
    begin=st.builds(Position, OFFSETS, OFFSETS.map(lambda src: src - 1), st.just("a-b"), st.just("log")),
    steps=st.lists(st.tuples(st.integers(-2, 1), st.integers(-2, 3)), min_size=1, max_size=20),
)
def test_every_reader_passes_the_same_records(
    redis_url: str, begin: Position, steps: list[tuple[int, int]]
) -> None:
    asyncio.run(same_verdicts(redis_url, begin, steps))


@pytest.mark.stack
@settings(max_examples=150, deadline=None)
@given(
    batches=st.lists(st.lists(OPERATIONS, max_size=8), min_size=1, max_size=6),
    requests=st.lists(REQUESTS, min_size=1, max_size=6),
)
def test_operations_and_reads_come_to_the_same_as_in_redis(
    redis_url: str, batches: list[list[Operation]], requests: list[tuple[str, ...]]
) -> None:
    asyncio.run(both(redis_url, batches, requests))


@pytest.mark.stack
def test_a_board_that_is_final_is_not_open_in_whatever_order_it_is_told(redis_url: str) -> None:
    start = op.add_member_unless("s1", "board", held="h1", field="final")
    final = [op.set_field("h1", "final", b"1"), op.remove_member("s1", "board")]
    for batches in ([[start], final], [final, [start]], [[start, *final, start]]):
        asyncio.run(both(redis_url, batches, [("hget", "h1", "final", "")]))
        values: dict[str, Any] = {}
        for batch in batches:
            operate(values, [text_of(part) for one in batch for part in one], PARTITIONS)
        assert "s1" not in values
