"""What only a socket shows: slow clients, hang-ups, broken framing, bodies refused while they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from tests.schemas.telemetry.s4_samples import GAMEPLAY, pack
from tests.streams.gateway.world import World

HEAD = b"POST /api/events HTTP/1.1\r\nhost: x\r\nx-public-token: token\r\n"
BODY = pack(GAMEPLAY)
GOOD = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[tuple[World, int]]:
    """The gateway behind uvicorn as the edge runs it, on a free port."""
    world = World(**options)
    config = uvicorn.Config(
        world.app,
        host="127.0.0.1",
        port=0,
        http="httptools",
        lifespan="on",
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
        assert not task.done()
    try:
        yield world, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def answer_to(port: int, *pieces: bytes) -> bytes:
    """Send the pieces, then read to the end of the answer or of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await read_answer(reader)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        return head + await reader.readexactly(length)


async def test_requests_one_after_the_other_on_a_connection() -> None:
    async with served() as (world, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(GOOD)
            answer = await read_answer(reader)
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(b'{"status":"queued"}')
        writer.close()
        assert len(world.log.entries) == 3


async def test_a_slow_body_is_ended() -> None:
    async with served(read_timeout_s=0.3) as (world, port):
        for sent in (
            HEAD + b"content-length: 100\r\n\r\n",
            HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n\x81\r\n",
        ):
            answer = await answer_to(port, sent)
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"request_timeout" in answer
        assert (await answer_to(port, GOOD)).startswith(b"HTTP/1.1 200")
        assert len(world.log.entries) == 1


async def test_a_client_that_hangs_up_in_the_middle() -> None:
    async with served() as (world, port):
        for sent in (HEAD, HEAD + b"content-length: 100\r\n\r\nabc", GOOD[:-5]):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        assert (await answer_to(port, GOOD)).startswith(b"HTTP/1.1 200")
        assert len(world.log.entries) == 1


async def test_a_body_over_the_limit_is_refused_while_it_comes() -> None:
    async with served() as (world, port):
        announced = HEAD + b"content-length: 5000000\r\n\r\n"
        assert (await answer_to(port, announced)).startswith(b"HTTP/1.1 413")
        assert (await answer_to(port, announced, b"\x00" * 5_000_000)).startswith(b"HTTP/1.1 413")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        piece = b"186a0\r\n" + b"\x00" * 100_000 + b"\r\n"
        for _ in range(60):
            writer.write(piece)
            await writer.drain()
        answer = await read_answer(reader)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in answer.lower()
        writer.close()
        assert world.log.records == []


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"NONSENSE\r\n\r\n",
    ],
)
async def test_broken_framing_is_400_or_a_close(sent: bytes) -> None:
    async with served() as (world, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(10):
            answer = await reader.read()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
        writer.close()
        assert world.log.records == []
        assert (await answer_to(port, GOOD)).startswith(b"HTTP/1.1 200")


async def test_what_was_taken_is_answered_before_the_end() -> None:
    async with served() as (world, port):
        world.log.gate.clear()
        asking = asyncio.create_task(answer_to(port, GOOD))
        await world.log.asked.wait()
        asyncio.get_running_loop().call_later(0.2, world.log.gate.set)
    assert (await asking).startswith(b"HTTP/1.1 200")
