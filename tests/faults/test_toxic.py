"""The proxy itself: without poison it is a wire, and each poison does what it says."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.faults.toxic import toxic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1024):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_a_healthy_proxy_is_a_wire_and_latency_delays_it() -> None:
    async with echo() as port, toxic(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        proxy.latency_seconds = 0.05
        begun = time.perf_counter()
        writer.write(b"again")
        assert await reader.readexactly(5) == b"again"
        assert time.perf_counter() - begun >= 0.1
        writer.close()


async def test_swallowing_leaves_the_connection_open_and_silent() -> None:
    async with echo() as port, toxic(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        proxy.swallow = True
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(1)
        writer.close()


async def test_resets() -> None:
    async with echo() as port, toxic(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        proxy.reset_after_bytes = 3
        writer.write(b"hello")
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(5)
        proxy.refuse = True
        with pytest.raises(ConnectionError):
            await ask(proxy.port)


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    if answer := await reader.read(1):
        return answer
    raise ConnectionResetError
