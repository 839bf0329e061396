"""Limits are counted by Redis for all processes, and waiting as long as a refusal says always suffices."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.redis.client import CannotWriteNow, connect
from projections.redis.local_buckets import Buckets, LocalBuckets
from projections.redis.rate_limit import RedisRateLimiter
from schemas.edge.ports import Counted, StoreUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.stack


async def test_a_second_holds_one_seconds_worth_and_refills_evenly(redis: Redis, noun: str) -> None:
    limiter = RedisRateLimiter(redis, prefix=noun)
    began = time.monotonic()
    verdicts = [await limiter.take("b", limit=10, period_ms=60_000) for _ in range(12)]
    took_ms = (time.monotonic() - began) * 1000
    assert [verdict.allowed for verdict in verdicts] == [True] * 10 + [False] * 2
    assert [verdict.remaining for verdict in verdicts[:10]] == list(range(9, -1, -1))
    assert 6_000 - took_ms <= verdicts[10].retry_after_ms <= 6_000
    assert 60_000 - took_ms <= verdicts[10].reset_ms <= 60_000


@pytest.mark.parametrize("count_refused", [True, False])
async def test_waiting_as_told_always_suffices(redis: Redis, noun: str, *, count_refused: bool) -> None:
    limiter = RedisRateLimiter(redis, prefix=noun)
    for _ in range(4):
        while True:
            verdict = await limiter.take("b", limit=4, period_ms=400, count_refused=count_refused)
            if not verdict.allowed:
                break
        assert 0 < verdict.retry_after_ms <= 400
        await asyncio.sleep(verdict.retry_after_ms / 1000)
        assert (await limiter.take("b", limit=4, period_ms=400, count_refused=count_refused)).allowed


async def test_counted_refusals_extend_the_wait_but_never_beyond_a_period(redis: Redis, noun: str) -> None:
    limiter = RedisRateLimiter(redis, prefix=noun, monotonic=iter(range(10_000)).__next__)
    for _ in range(5):
        assert (await limiter.take("b", limit=5, period_ms=2_000, count_refused=True)).allowed
    first = await limiter.take("b", limit=5, period_ms=2_000, count_refused=True)
    await asyncio.sleep(0.3)
    began = time.monotonic()
    for _ in range(5):
        last = await limiter.take("b", limit=5, period_ms=2_000, count_refused=True)
    assert not first.allowed
    assert not last.allowed
    took_ms = (time.monotonic() - began) * 1000
    assert 2_000 - took_ms <= last.retry_after_ms <= 2_000  # the 0.3 s before them have not shortened it
    assert await redis.llen(f"{noun}b") == 5


async def test_processes_share_a_bucket(redis: Redis, noun: str) -> None:
    one, other = RedisRateLimiter(redis, prefix=noun), RedisRateLimiter(redis, prefix=noun)
    verdicts = [
        await limiter.take("b", limit=6, period_ms=60_000) for _ in range(5) for limiter in (one, other)
    ]
    assert sum(verdict.allowed for verdict in verdicts) == 6


async def test_a_flood_of_refusals_does_not_reach_redis(redis: Redis, noun: str) -> None:
    limiter = RedisRateLimiter(redis, prefix=noun)
    while (await limiter.take("b", limit=2, period_ms=60_000)).allowed:
        pass
    before = int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"])
    for _ in range(1_000):
        assert not (await limiter.take("b", limit=2, period_ms=60_000)).allowed
    assert int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]) - before < 5


async def test_memory_of_refusals_is_bounded(redis: Redis, noun: str) -> None:
    limiter = RedisRateLimiter(redis, prefix=noun, remembered=10)
    for index in range(30):
        await limiter.take(f"b{index}", limit=1, period_ms=60_000)
        await limiter.take(f"b{index}", limit=1, period_ms=60_000)
    assert len(limiter._refused) == 10


async def test_a_call_is_taken_out_of_all_its_buckets_or_of_none(redis: Redis, noun: str) -> None:
    limiter = RedisRateLimiter(redis, prefix=noun)
    players = [Counted(f"player:{name}", 3, 60_000, "player") for name in range(4)]
    address = Counted("address", 5, 60_000, "address")
    key = Counted("key", 100, 60_000, "key")
    began = time.monotonic()
    for _ in range(3):
        verdict, met = await limiter.take_all([players[0], address, key])
        assert (verdict.allowed, met.scope) == (True, "player")
    assert verdict.remaining == 0
    for _ in range(3):  # refused by the player's own, which costs the others nothing
        verdict, met = await limiter.take_all([players[0], address, key])
        assert (verdict.allowed, met.scope) == (False, "player")
    for player in players[1:3]:
        assert (await limiter.take_all([player, address, key]))[0].allowed
    verdict, met = await limiter.take_all([players[3], address, key])
    assert (verdict.allowed, met.scope) == (False, "address")
    took_ms = (time.monotonic() - began) * 1000
    assert 12_000 - took_ms <= verdict.retry_after_ms <= 12_000
    fresh = RedisRateLimiter(redis, prefix=noun)  # another process, which remembers no refusal
    assert (await fresh.take_all([players[3], address, key]))[1] == address
    assert (await fresh.take("player:3", limit=3, period_ms=60_000)).remaining == 2
    assert (await fresh.take("key", limit=100, period_ms=60_000)).remaining == 94


async def test_of_several_refusals_the_longest_wait_is_told(redis: Redis, noun: str) -> None:
    limiter = RedisRateLimiter(redis, prefix=noun)
    calls = [Counted("short", 1, 1_000), Counted("long", 1, 60_000)]
    assert (await limiter.take_all(calls))[0].allowed
    verdict, met = await limiter.take_all(calls)
    assert (verdict.allowed, met.bucket) == (False, "long")
    assert verdict.retry_after_ms > 50_000


async def test_calls_of_one_turn_are_asked_together(redis: Redis, noun: str) -> None:
    limiter = RedisRateLimiter(redis, prefix=noun)
    both = [Counted("b", 5, 60_000), Counted("c", 50, 60_000)]
    before = int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"])
    several, single = await asyncio.gather(
        asyncio.gather(*(limiter.take_all(both) for _ in range(8))),
        asyncio.gather(*(limiter.take("d", limit=2, period_ms=60_000, count_refused=True) for _ in range(4))),
    )
    assert int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]) - before == 1
    assert [verdict.allowed for verdict, _ in several] == [True] * 5 + [False] * 3
    assert [verdict.allowed for verdict in single] == [True] * 2 + [False] * 2


async def test_fractions_and_zero(redis: Redis, noun: str) -> None:
    limiter = RedisRateLimiter(redis, prefix=noun)
    assert (await limiter.take("half", limit=0.5, period_ms=1_000)).allowed
    refused = await limiter.take("half", limit=0.5, period_ms=1_000)
    assert 1_000 < refused.retry_after_ms <= 2_000
    assert not (await limiter.take("none", limit=0, period_ms=1_000)).allowed


async def test_buckets_do_not_outlive_their_period(redis: Redis, noun: str) -> None:
    limiter = RedisRateLimiter(redis, prefix=noun)
    await limiter.take("b", limit=5, period_ms=2_000)
    await limiter.take("c", limit=5, period_ms=2_000, count_refused=True)
    assert 0 < await redis.pttl(f"{noun}b") <= 2_001
    assert 0 < await redis.pttl(f"{noun}c") <= 2_001


async def test_without_redis_nothing_is_guessed(noun: str) -> None:
    nobody = connect("redis://127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable):
        await RedisRateLimiter(nobody, prefix=noun).take("b", limit=1, period_ms=1_000)
    await nobody.aclose()


async def test_a_redis_that_can_only_read_is_counted_for_by_the_process_itself(redis_url: str) -> None:
    redis = connect(redis_url)
    limiter = RedisRateLimiter(redis, prefix="cannot-write:", monotonic=lambda: 0.0)
    await redis.config_set("maxmemory", "1")  # as a full disk does, it refuses writes; it reads on
    try:
        with pytest.raises(CannotWriteNow):
            await redis.set("cannot-write:x", "1")
        assert await redis.get("cannot-write:x") is None
        verdicts = [await limiter.take("b", limit=3, period_ms=1000) for _ in range(4)]
        assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
        assert verdicts[-1].retry_after_ms == 334
    finally:
        await redis.config_set("maxmemory", "0")
    assert (await limiter.take("c", limit=3, period_ms=1000)).remaining == 2
    await redis.aclose()


@given(
    st.lists(st.tuples(st.floats(0, 0.3), st.sampled_from("ab")), max_size=40),
    st.integers(1, 5),
    st.integers(100, 2_000),
)
def test_a_process_of_its_own_lets_pass_what_a_period_holds(
    calls: list[tuple[float, str]], limit: int, period_ms: int
) -> None:
    now = 0.0
    buckets = LocalBuckets(lambda: now)
    passed: dict[str, list[float]] = {"a": [], "b": []}
    for rest, key in calls:
        now += rest
        allowed, retry_after_ms, remaining, _, which = buckets.take([key, limit, period_ms, False])
        assert which == 1
        if allowed:
            passed[key].append(now)
            assert 0 <= remaining < limit
        else:
            assert 0 < retry_after_ms <= period_ms + 1
    for times in passed.values():
        for first, last in zip(times, times[2 * limit :], strict=False):
            assert last - first >= period_ms / 1000 - 1e-6  # a burst and what comes back within the period


def test_a_call_that_one_bucket_refuses_counts_in_none() -> None:
    buckets = LocalBuckets(lambda: 0.0)
    both: Buckets = ["wide", 10, 1000, False, "narrow", 1, 1000, False]
    assert buckets.take(both)[:2] == (1, 0)
    assert buckets.take(both)[4] == 2
    assert buckets.take(["wide", 10, 1000, False])[2] == 8
