"""Failures at one place are counted over restarts, and forgotten once the reader is past it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from schemas.edge.ports import StoreUnavailable
from schemas.failures import Failing
from schemas.log import LogUnavailable, RecordFailed
from schemas.topics import Topic
from streams.runtime.binding import Binding
from streams.runtime.failures import PAST_MS, Failures
from tests.streams.deciders.memory_log import MemoryLog
from tests.streams.runtime.running import Remembering
from tests.streams.runtime.test_binding import Failures as Ended
from tests.streams.runtime.test_binding import record

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = Topic(name="t", partitions=2, description="a test's")


class MemoryFailures:
    """A `FailureStore` that outlives the processes of a test."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str, int], Failing] = {}
        self.away = False

    async def all(self) -> Sequence[Failing]:
        self._check()
        return list(self.entries.values())

    async def put(self, failing: Failing) -> None:
        self._check()
        self.entries[failing.role, failing.topic, failing.partition] = failing

    async def remove(self, failing: Failing) -> None:
        self._check()
        self.entries.pop((failing.role, failing.topic, failing.partition), None)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("away")

    @property
    def one(self) -> Failing:
        (entry,) = self.entries.values()
        return entry


class Process:
    """One life of a worker: begins at the reader's position and handles records until something raises."""

    def __init__(self, reader: Remembering, store: MemoryFailures, now_ms: int = 1_000) -> None:
        self.now_ms = now_ms
        self.failures = Failures(
            "role",
            store,
            elsewhere=(ConnectionError,),
            advice=lambda entry: f"skip {entry.first}",
            clock_ms=lambda: self.now_ms,
        )
        self.binding = Binding(TOPIC, reader, Ended().guard, lanes=False, failures=self.failures)

    async def run(self, end: int = 10) -> None:
        log = MemoryLog()
        for _ in range(end):
            await log.append("t", 0, b"x")
        begin = await self.binding.assigned(0, log)
        for offset in range(begin, end):
            await self.binding.handle(record(0, offset))


def poisoned(error: Exception, at: int = 5, begin: int = 3) -> Remembering:
    reader = Remembering(begin)

    async def effect(found: object) -> None:
        if getattr(found, "offset", None) == at:
            raise error

    reader.effect = effect
    return reader


async def fail(store: MemoryFailures, error: Exception, *, begin: int = 3) -> Process:
    process = Process(poisoned(error, begin=begin), store)
    with pytest.raises(type(error)):
        await process.run()
    return process


async def test_failures_in_a_row_are_counted_over_restarts_and_said_loudly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryFailures()
    for count in (1, 2, 3):
        with caplog.at_level(logging.ERROR):
            process = await fail(store, ValueError("bad"))
        assert (store.one.failures, store.one.first, store.one.begin) == (count, 5, 3)
        assert store.one.kind == "ValueError"
        assert store.one.poison is (count == 3)
        assert ("POISON" in caplog.text) is (count == 3)
    assert "t[0], record 5 has failed 3 times" in caplog.text
    assert "skip 5" in caplog.text
    assert [entry.place for entry in process.failures.current] == ["t[0], record 5"]


async def test_a_record_that_the_reader_names_is_the_one_that_counts() -> None:
    store = MemoryFailures()
    await fail(store, RecordFailed(ValueError("bad"), topic="t", partition=0, first=4, last=4, index=2))
    assert (store.one.first, store.one.last, store.one.index) == (4, 4, 2)
    assert store.one.place == "t[0], record 4, request 2"


@pytest.mark.parametrize("error", [ConnectionError("away"), LogUnavailable("away"), StoreUnavailable("away")])
async def test_a_store_that_is_away_is_no_failure_of_a_record(error: Exception) -> None:
    store = MemoryFailures()
    await fail(store, error)
    assert store.entries == {}


async def test_the_error_says_at_which_record_it_was_raised() -> None:
    with pytest.raises(ValueError, match="bad") as raised:
        await Process(poisoned(ValueError("bad")), MemoryFailures()).run()
    assert raised.value.__notes__ == ["while handling t[0]@5"]


async def test_progress_between_two_failures_starts_the_count_again() -> None:
    store = MemoryFailures()
    await fail(store, ValueError("bad"))
    await fail(store, ValueError("bad"), begin=4)
    assert (store.one.failures, store.one.begin) == (1, 4)


async def test_a_reader_that_begins_elsewhere_has_left_it_behind() -> None:
    store = MemoryFailures()
    await fail(store, ValueError("bad"))
    await Process(Remembering(8), store).run()
    assert store.entries == {}


async def test_a_reader_that_is_past_it_for_long_enough_has_left_it_behind() -> None:
    """Its position may be written only later: handling the record once is not enough."""
    store = MemoryFailures()
    await fail(store, ValueError("bad"))
    process = Process(Remembering(3), store)
    await process.run()
    await process.binding.idle(process.now_ms)
    assert store.one.failures == 1
    process.now_ms += PAST_MS
    await process.binding.idle(process.now_ms)
    assert store.entries == {}


async def test_a_reader_that_knows_what_it_has_written_is_past_it_at_once() -> None:
    class Writing(Remembering):
        done = 5

        def written(self, partition: int) -> int:
            assert partition == 0
            return self.done

    store, reader = MemoryFailures(), Writing(3)
    await fail(store, ValueError("bad"))
    process = Process(reader, store)
    await process.run()
    process.now_ms += PAST_MS
    await process.binding.idle(process.now_ms)
    assert store.one.failures == 1
    reader.done = 6
    await process.binding.idle(process.now_ms)
    assert store.entries == {}


async def test_one_that_stands_before_it_has_not() -> None:
    store = MemoryFailures()
    await fail(store, ValueError("bad"))
    process = Process(Remembering(3), store)
    await process.run(end=5)
    process.now_ms += PAST_MS
    await process.binding.idle(process.now_ms)
    assert store.one.failures == 1


async def test_failing_between_records_and_before_the_first_one_counts_too() -> None:
    class Idle(Remembering):
        async def idle(self, now_ms: int) -> None:
            raise ValueError(now_ms)

    store = MemoryFailures()
    process = Process(Idle(3), store)
    await process.run(end=6)
    with pytest.raises(ValueError, match="7"):
        await process.binding.idle(7)
    assert (store.one.begin, store.one.first, store.one.failures) == (3, 5, 1)

    class Unassignable(Remembering):
        async def assigned(self, partition: int) -> int:
            raise ValueError(partition)

    for _ in range(2):
        with pytest.raises(ValueError, match="0"):
            await Process(Unassignable(), store).run()
    assert (store.one.begin, store.one.failures) == (-1, 2)
    assert store.one.place == "t[0], before its first record"


async def test_without_its_store_nothing_is_counted_and_everything_goes_on() -> None:
    store = MemoryFailures()
    store.away = True
    await fail(store, ValueError("bad"))
    await Process(Remembering(3), store).run()
    assert store.entries == {}
