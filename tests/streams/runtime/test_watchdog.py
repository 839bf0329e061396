from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext
from typing import Any

from prometheus_client import REGISTRY

from schemas.log import LogUnavailable
from schemas.topics import Topic
from streams.runtime.binding import Binding
from streams.runtime.watchdog import EXIT_STUCK, Watchdog
from tests.streams.deciders.memory_log import MemoryLog
from tests.streams.runtime.running import until


class Watched:
    """Positions a test can move, and the exits the watchdog asked for."""

    def __init__(self, log: MemoryLog) -> None:
        self.exits: list[tuple[int, str]] = []
        self.positions: dict[int, int] | None = {0: 0}
        self.ends: dict[int, int] = {}
        self.watchdog = Watchdog(
            lambda code, reason: self.exits.append((code, reason)),
            log,
            lambda: None if self.positions is None else [("t", self.positions, self.ends)],
            look_s=0.02,
            stuck_s=0.2,
        )


async def test_lag_without_progress_is_the_end() -> None:
    log = MemoryLog()
    await log.append("t", 0, b"x")
    watched = Watched(log)
    watched.watchdog.start()
    await until(lambda: watched.exits)
    await watched.watchdog.stop()
    code, reason = watched.exits[0]
    assert code == EXIT_STUCK
    assert "t[0] stands at 0 with 1 records" in reason


async def test_progress_and_idleness_are_fine() -> None:
    log = MemoryLog()
    watched = Watched(log)
    watched.watchdog.start()
    for step in range(20):
        await log.append("t", 0, b"x")
        watched.positions = {0: step}
        await asyncio.sleep(0.02)
    watched.positions = {0: 20}
    await asyncio.sleep(0.5)
    await watched.watchdog.stop()
    assert watched.exits == []
    assert watched.ends == {0: 20}


async def test_a_partition_that_is_given_up_during_a_look_shows_no_lag() -> None:
    log = MemoryLog()
    await log.append("watched", 0, b"x")
    positions, looked = {0: 0}, asyncio.Event()
    answer = log.end_offset

    async def end_offset(topic: str, partition: int) -> int:
        found = await answer(topic, partition)
        del positions[partition]  # as `Binding.revoked` does
        looked.set()
        return found

    log.end_offset = end_offset  # type: ignore[method-assign]
    ends: dict[int, int] = {}
    watchdog = Watchdog(lambda *_: None, log, lambda: [("watched", positions, ends)], look_s=0.02, stuck_s=9)
    watchdog.start()
    await looked.wait()
    await watchdog.stop()
    assert ends == {}
    assert REGISTRY.get_sample_value("questlog_lag_records", {"topic": "watched", "partition": "0"}) is None


async def test_taking_partitions_is_no_standstill() -> None:
    log = MemoryLog()
    await log.append("t", 0, b"x")
    watched = Watched(log)
    watched.positions = None
    watched.watchdog.start()
    await asyncio.sleep(0.5)
    await watched.watchdog.stop()
    assert watched.exits == []


async def test_an_unknown_end_is_no_lag() -> None:
    class Away(MemoryLog):
        async def end_offset(self, topic: str, partition: int) -> int:
            raise LogUnavailable(f"{topic}[{partition}]")

    watched = Watched(Away())
    watched.watchdog.start()
    await asyncio.sleep(0.4)
    await watched.watchdog.stop()
    assert watched.exits == []


async def test_a_loop_that_does_not_turn_is_the_end() -> None:
    watched = Watched(MemoryLog())
    watched.watchdog.start()
    await asyncio.sleep(0.05)
    time.sleep(0.5)  # noqa: ASYNC251 - the mistake the watchdog is for
    await watched.watchdog.stop()
    assert any("did not turn" in reason for _, reason in watched.exits)


class Erasing:
    """A reader that works on one record for minutes, as it says."""

    works_long = True


def test_a_reader_that_says_that_it_works_long_is_believed() -> None:
    topic = Topic(name="t", partitions=1, description="")
    readers: list[Any] = [Erasing(), object()]
    bindings = [Binding(topic, reader, lambda _: nullcontext(), lanes=False) for reader in readers]
    assert [binding.works_long for binding in bindings] == [True, False]
    readers[0].works_long = False
    assert not bindings[0].works_long
