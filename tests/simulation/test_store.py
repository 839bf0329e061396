"""The simulated store acts as the real scripts do: the same operations, the same values, the same answers."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from deploy.lab.simulation.store import operate, text_of
from deploy.lab.simulation.store_reads import gather
from projections.redis import operations as op
from projections.redis.client import connect
from projections.redis.operations import Operation
from projections.redis.scripts import APPLY, GATHER

PARTITIONS = 2
NAMES = st.sampled_from("abc")
HASHES, SETS, SCORES, VALUES = ("h1", "h2"), ("s1", "s2"), ("z1", "z2"), ("v1", "v2")
HASH, SET, SCORE = st.sampled_from(HASHES), st.sampled_from(SETS), st.sampled_from(SCORES)
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3) + 0.0) | st.sampled_from(
    [0.0, 1.0]
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
    st.builds(
        lambda key, name, empty, whole: op.delete_score_when(key, name, empty=empty, whole=whole),
        SCORE,
        NAMES,
        SET,
        SET,
    ),
)
REQUESTS = st.one_of(
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
            real = await GATHER.run(redis, noun, *asked)
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
