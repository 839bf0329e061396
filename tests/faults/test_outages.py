"""A store that is away, frozen or full: 503 with Retry-After meanwhile, nothing lost or doubled after."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.numbered_load import loaded, poll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.lab.drill.stack import OwnStack

pytestmark = pytest.mark.stack
INFINITY = resource.RLIM_INFINITY


@contextlib.contextmanager
def frozen(stack: OwnStack, part: str) -> Iterator[None]:
    pid = stack.signal(part, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def full_disk(pid: int, bytes_free: int, file: Path) -> Iterator[None]:
    """No file of the process may grow beyond the size of this one plus `bytes_free`."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (file.stat().st_size + bytes_free, INFINITY))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (INFINITY, INFINITY))


def newest_segment(stack: OwnStack) -> Path:
    return max((stack.home / "kafka" / "data" / "telemetry-0").glob("*.log"))


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_kafka_away_is_503_with_retry_after_and_heals_by_itself(stack: OwnStack) -> None:
    async with loaded(stack) as load:
        with frozen(stack, "kafka"):
            status, retry_after, seconds = await load.post_one()
            await poll(lambda: "503" in load.sender.answers, 60.0)  # what waits is refused too
        assert status == 503
        assert int(retry_after or 0) >= 1
        assert seconds < 20
        await load.wait_queryable()


async def test_redis_away_fails_closed_and_heals_by_itself(stack: OwnStack) -> None:
    async with loaded(stack) as load:
        with frozen(stack, "redis"):
            status, retry_after, seconds = await load.post_until_not(200, within=60)
        assert status == 503
        assert int(retry_after or 0) >= 1
        assert seconds < 20
        await load.wait_queryable()


async def test_clickhouse_frozen_stops_no_writes(stack: OwnStack) -> None:
    async with loaded(stack) as load:
        with frozen(stack, "clickhouse"):
            await load.wait_for_attempts(20)
            for _ in range(3):
                assert (await load.post_one())[0] == 200
        await load.wait_queryable()


async def test_a_full_disk_under_clickhouse_delays_and_loses_nothing(stack: OwnStack) -> None:
    threshold = "min_free_disk_bytes_to_perform_insert"
    async with loaded(stack) as load:
        for table in ("events", "positions"):
            await load.clickhouse.command(
                f"ALTER TABLE {table} MODIFY SETTING {threshold} = 1000000000000000"
            )
        try:
            await load.wait_for_attempts(40)
            for _ in range(3):
                assert (await load.post_one())[0] == 200
        finally:
            for table in ("events", "positions"):
                await load.clickhouse.command(f"ALTER TABLE {table} RESET SETTING {threshold}")
        await load.wait_queryable()


async def test_a_full_disk_under_kafka_is_503_or_waited_for_and_loses_nothing(stack: OwnStack) -> None:
    async with loaded(stack) as load:
        pid = stack.pid("kafka")
        segment = newest_segment(stack)
        statuses = set()
        with full_disk(pid, 4_096, segment):
            async with asyncio.timeout(120):
                while is_alive(pid):  # a broker whose only disk fails ends; it is started again
                    statuses.add((await load.post_one())[0])
        assert statuses <= {200, 503}
        await load.wait_queryable()
