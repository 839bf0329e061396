"""Broken networks between our processes and their stores: late, reset in the middle, silent."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from deploy.lab.drill.stack import partitions_held
from tests.faults.numbered_load import loaded, poll
from tests.faults.toxic import Toxic, toxic

if TYPE_CHECKING:
    from deploy.lab.drill.stack import OwnStack

pytestmark = pytest.mark.stack


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def through(proxy: Toxic, url: str) -> str:
    """The same store with the same password, by way of the proxy."""
    return url.replace(f"@localhost:{port_of(url)}", f"@127.0.0.1:{proxy.port}")


async def test_a_worker_behind_a_broken_network_to_clickhouse_loses_and_doubles_nothing(
    stack: OwnStack,
) -> None:
    async with toxic(port_of(stack.demo["clickhouse_url"])) as proxy, loaded(stack) as load:
        url = through(proxy, stack.demo["clickhouse_url"])
        extra = await stack.add_worker("clickhouse", 200, QUESTLOG_CLICKHOUSE_URL=url)
        pid = stack.signal("worker-clickhouse", signal.SIGSTOP)
        try:
            for _ in range(600):
                if await partitions_held(extra.spec.admin_port):
                    break
                await asyncio.sleep(0.2)
            else:
                raise AssertionError("the other worker has not got the partition")
            proxy.latency_seconds = 0.1
            await load.wait_queryable()
            proxy.latency_seconds = 0.0
            for bytes_through in (500, 4_000, 20_000):
                proxy.reset_after_bytes = bytes_through  # in the middle of a statement or of an insert's rows
                await poll(lambda: proxy.reset_after_bytes is None, 60.0)
            proxy.swallow = True
            await poll(lambda: proxy.bytes_swallowed > 0, 60.0)
            await load.wait_for_attempts(20)
            proxy.swallow = False
            proxy.reset_all()
        finally:
            os.kill(pid, signal.SIGCONT)
            await stack.remove(extra)
        await load.wait_queryable()
    assert proxy.connections > 3  # each reset costs a connection


async def test_an_edge_behind_a_broken_network_to_redis_fails_closed_and_heals(stack: OwnStack) -> None:
    async with toxic(port_of(stack.demo["redis_url"])) as proxy:
        redis = through(proxy, stack.demo["redis_url"])
        extra, base_url = await stack.add_edge(201, QUESTLOG_REDIS_URL=redis)
        try:
            async with loaded(stack, base_url=base_url) as load:
                proxy.latency_seconds = 0.05
                assert (await load.post_one())[0] == 200
                proxy.latency_seconds = 0.0
                proxy.reset_all()
                await load.wait_for_attempts(10)
                proxy.swallow = True
                status, retry_after, seconds = await load.post_until_not(200, within=60)
                assert status == 503
                assert int(retry_after or 0) >= 1
                assert seconds < 20
                proxy.swallow = False
                proxy.reset_all()
                assert (await load.post_until_not(503, within=60))[0] == 200
        finally:
            await stack.remove(extra)
