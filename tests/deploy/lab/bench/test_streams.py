from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from deploy.lab.bench.load import OrderRefusedError
from deploy.lab.bench.streams import _Listener

READY = b'id: 1-0\nevent: ready\ndata: {"leaderboardId":"lb","finalized":false}\n\n'
SCORE = b'id: 2-0\nevent: score_update\ndata: {"externalId":"p","score":3.0,"rank":1}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@asynccontextmanager
async def listening(*pieces: bytes) -> AsyncIterator[tuple[_Listener, list[bytes]]]:
    """A listener of a server that sends these pieces, one packet each."""
    received: list[bytes] = []
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert (await reader.readline()).startswith(b"GET ")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            served.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport, listener = await asyncio.get_running_loop().create_connection(
        lambda: _Listener(b"GET /stream HTTP/1.1\r\n\r\n", received.append), "127.0.0.1", port
    )
    try:
        yield listener, received
    finally:
        transport.abort()
        await served.wait()
        server.close()
        await server.wait_closed()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def test_scores_are_heard_however_packets_cut_them() -> None:
    stream = HEAD + chunk(READY) + chunk(SCORE + SCORE) + chunk(b": heartbeat\n\n") + chunk(SCORE)
    cuts = [stream[begin : begin + 37] for begin in range(0, len(stream), 37)]
    async with listening(*cuts) as (listener, received), asyncio.timeout(30):
        await listener.ready
        while len(received) < 3:  # noqa: ASYNC110 - the listener has no event for it
            await asyncio.sleep(0.01)
    assert received == [b'{"externalId":"p","score":3.0,"rank":1}'] * 3


async def test_a_refused_stream_says_why() -> None:
    async with listening(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n") as (listener, _):
        with pytest.raises(OrderRefusedError, match="503"):
            async with asyncio.timeout(30):
                await listener.ready
