"""The refreshing cache: one load at a time, honest ages, bounded memory."""

from __future__ import annotations

import asyncio

import pytest

from projections.telemetry.queries.cache import RefreshingCache
from schemas.edge.ports import StoreUnavailable


class Source:
    """Counts loads; holds them at a gate; fails where told to."""

    def __init__(self) -> None:
        self.loads: list[tuple[str, int | None]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failing = False
        self.now = 100.0
        self.cache: RefreshingCache[str, int] = self.make()

    def make(self, entries: int = 512, weight: int = 10_000, waiting: int = 64) -> RefreshingCache[str, int]:
        self.cache = RefreshingCache(
            self.load,
            monotonic=lambda: self.now,
            weigh=lambda value: value,
            fresh=1.0,
            stale=2.0,
            entries=entries,
            weight=weight,
            waiting=waiting,
            linger=0.0,
        )
        return self.cache

    async def load(self, key: str, previous: int | None) -> int:
        self.loads.append((key, previous))
        await self.gate.wait()
        if self.failing:
            raise StoreUnavailable("away")
        return len(self.loads)


@pytest.fixture
def source() -> Source:
    return Source()


async def settled() -> None:
    """Let every task that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_many_readers_one_load(source: Source) -> None:
    source.gate.clear()
    readers = [asyncio.create_task(source.cache.get("a")) for _ in range(50)]
    await settled()
    source.gate.set()
    assert {served.value for served in await asyncio.gather(*readers)} == {1}
    assert source.loads == [("a", None)]


async def test_fresh_is_served_at_once_and_older_is_refreshed_behind_the_reader(source: Source) -> None:
    await source.cache.get("a")
    source.now += 0.5
    served = await source.cache.get("a")
    assert (served.value, served.age, served.state) == (1, 0.5, "hit")
    source.now += 1.0
    served = await source.cache.get("a")
    assert (served.value, served.age, served.state) == (1, 1.5, "hit")
    await settled()
    served = await source.cache.get("a")
    assert (served.value, served.age) == (2, 0.0)
    assert source.loads == [("a", None), ("a", 1)]


async def test_too_old_waits(source: Source) -> None:
    await source.cache.get("a")
    source.now += 2.5
    served = await source.cache.get("a")
    assert (served.value, served.age, served.state) == (2, 0.0, "updated")


async def test_an_age_counts_from_the_loads_beginning(source: Source) -> None:
    source.gate.clear()
    reader = asyncio.create_task(source.cache.get("a"))
    await settled()
    source.now += 3.0
    source.gate.set()
    served = await reader
    assert (served.age, served.state) == (3.0, "miss")


async def test_a_failed_refresh_serves_the_old_value_until_it_is_stale(source: Source) -> None:
    await source.cache.get("a")
    source.failing = True
    source.now += 1.5
    assert (await source.cache.get("a")).value == 1
    await settled()
    assert (await source.cache.get("a")).value == 1
    source.now += 1.0
    with pytest.raises(StoreUnavailable):
        await source.cache.get("a")
    source.failing = False
    assert (await source.cache.get("a")).value > 1


async def test_a_reader_that_hangs_up_takes_nothing_away(source: Source) -> None:
    source.gate.clear()
    leaves, stays = asyncio.create_task(source.cache.get("a")), asyncio.create_task(source.cache.get("a"))
    await settled()
    leaves.cancel()
    await settled()
    source.gate.set()
    assert (await stays).value == 1
    assert len(source.loads) == 1


async def test_least_recently_used_go_first(source: Source) -> None:
    cache = source.make(entries=2)
    for key in ("a", "b", "a", "c"):
        await cache.get(key)
    loads = len(source.loads)
    await cache.get("a")
    assert len(source.loads) == loads
    await cache.get("b")
    assert len(source.loads) == loads + 1


async def test_weight_is_bounded_too(source: Source) -> None:
    cache = source.make(weight=5)
    for key in "abc":  # they weigh 1, 2 and 3
        await cache.get(key)
    assert (await cache.get("b")).state == "hit"
    assert (await cache.get("a")).state == "miss"


async def test_too_many_keys_at_once_are_refused(source: Source) -> None:
    cache = source.make(waiting=3)
    source.gate.clear()
    readers = [asyncio.create_task(cache.get(key)) for key in "abcd"]
    await settled()
    with pytest.raises(StoreUnavailable):
        await readers.pop()
    source.gate.set()
    assert len(await asyncio.gather(*readers)) == 3


async def test_closing_cancels_what_is_loading(source: Source) -> None:
    source.gate.clear()
    reader = asyncio.create_task(source.cache.get("a"))
    await settled()
    await source.cache.close()
    with pytest.raises(asyncio.CancelledError):
        await reader


async def test_the_last_read_are_kept_up_to_date_for_a_while() -> None:
    loads: list[str] = []
    clock = asyncio.get_running_loop().time

    async def load(key: str, _: int | None) -> int:
        loads.append(key)
        return len(loads)

    cache: RefreshingCache[str, int] = RefreshingCache(
        load, monotonic=clock, weigh=lambda _: 1, fresh=0.5, stale=1.0, kept=2, every=0.01, linger=0.15
    )
    for key in "abc":
        await cache.get(key)
    async with asyncio.timeout(5):
        while cache._timers or cache._loads:  # noqa: ASYNC110 - letting go is silent
            await asyncio.sleep(0.01)
    counts = [loads.count(key) for key in "abc"]
    assert counts[0] == 1
    assert min(counts[1:]) > 2
    await cache.close()
