"""Connections that can be told to stop at any moment, on a real Redis."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from deploy.stack.ports import free_port
from projections.redis.client import CancellableSends, connect
from projections.redis.outcomes import RedisOutcomes
from projections.redis.stores import NounStores

TURNS = 60
"""A subscription stands after about thirty turns of the loop; none of them may lose a cancellation."""


async def listen(redis: Redis) -> None:
    await RedisOutcomes(NounStores("studio", [redis])).listen(
        "gateway", lambda _: None, lambda: None, asyncio.Event()
    )


async def ask(redis: Redis) -> None:
    while True:
        await redis.get("nothing")


@pytest.fixture(scope="module")
def redis_by_scheme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One Redis that is reached over TCP and TLS."""
    folder = tmp_path_factory.mktemp("schemes")
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    made += ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)  # noqa: S603 - our own words
    tcp, tls, socket = free_port(), free_port(), folder / "redis.sock"
    started = [
        "redis-server",
        "--bind",
        "127.0.0.1",
        "--port",
        str(tcp),
        "--tls-port",
        str(tls),
        "--save",
        "",
    ]
    started += ["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-auth-clients", "no"]
    started += ["--tls-ca-cert-file", "cert.pem", "--unixsocket", str(socket)]
    urls = {
        "redis": f"redis://localhost:{tcp}/0",
        "rediss": f"rediss://localhost:{tls}/0?ssl_ca_certs={folder / 'cert.pem'}",
    }
    with subprocess.Popen(started, cwd=folder, stdout=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            deadline = time.monotonic() + 20
            while not socket.exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield urls
        finally:
            process.terminate()


@pytest.mark.stack
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
@pytest.mark.parametrize("work", [listen, ask])
async def test_what_is_cancelled_ends_whenever_it_is_cancelled(
    redis_by_scheme: dict[str, str], scheme: str, work: Callable[[Redis], Awaitable[None]]
) -> None:
    forgotten = []
    for turns in range(TURNS):
        redis = connect(redis_by_scheme[scheme])
        task = asyncio.ensure_future(work(redis))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=20)
        if not done:
            forgotten.append(turns)
            task.cancel()
            await asyncio.wait([task], timeout=1)
        await redis.aclose()
    assert forgotten == []


@pytest.mark.stack
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
async def test_every_scheme_has_connections_that_can_be_cancelled(
    redis_by_scheme: dict[str, str], scheme: str
) -> None:
    redis = connect(redis_by_scheme[scheme])
    assert await redis.ping()
    assert issubclass(redis.connection_pool.connection_class, CancellableSends)
    await redis.aclose()


@pytest.mark.parametrize("url", ["http://:word@localhost:6379", "localhost:6379", "unix:///tmp/redis"])
def test_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="rediss") as refused:
        _ = connect(url)
    assert "word" not in str(refused.value).replace("password", "")


async def test_canary_this_pythons_wait_for_forgets_a_cancellation() -> None:
    """Where this fails, the ban on `asyncio.wait_for` and CancellableConnection can go."""

    async def waits(inner: asyncio.Future[Any]) -> None:
        await asyncio.wait_for(inner, 5)  # noqa: TID251 - the canary

    inner: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(waits(inner))
    await asyncio.sleep(0)
    inner.set_result(None)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() == (sys.version_info >= (3, 12))
