from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from deploy.edge_protocol import EdgeProtocol, WholeAnswers

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    del receive
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


class Impatient(EdgeProtocol):
    head_seconds = 0.3


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    config = uvicorn.Config(
        hello, host="127.0.0.1", port=0, http=Impatient, lifespan="off", log_level="critical"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def exchange(port: int, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def test_a_late_head_is_a_quiet_close() -> None:
    async with served() as port:
        for sent in (b"", b"GET / HT", GET[:-2]):
            assert await exchange(port, sent) == b""
        late_again = await exchange(port, GET, GET[:10])
        assert late_again.startswith(b"HTTP/1.1 200")
        assert late_again.endswith(b"hi")


async def test_a_head_that_never_ends_is_431() -> None:
    async with served() as port:
        header = b"x-filler: " + b"y" * 8_000 + b"\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET[:-2])
        async with asyncio.timeout(10):
            for _ in range(80):
                writer.write(header)
                try:
                    await writer.drain()
                except ConnectionError:
                    break
            assert await reader.read(12) in {b"HTTP/1.1 431", b""}
        writer.close()


async def test_requests_behind_one_another_are_served() -> None:
    async with served() as port:
        answer = await exchange(port, GET + GET + GET[:-2] + b"connection: close\r\n\r\n")
        assert answer.count(b"HTTP/1.1 200") == 3


class Sent(asyncio.Transport):
    """A transport that remembers what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.pieces.append(b"closed")


async def test_two_pieces_of_one_turn_go_out_as_one_and_one_alone_at_the_turns_end() -> None:
    sent = Sent()
    answers = WholeAnswers(sent, asyncio.get_running_loop())
    answers.write(b"head,")
    answers.write(b"body")
    assert sent.pieces == [b"head,body"]
    answers.write(b"alone")
    assert sent.pieces == [b"head,body"]
    await asyncio.sleep(0)
    assert sent.pieces == [b"head,body", b"alone"]
    for piece in (b"1", b"2", b"3"):
        answers.write(piece)
    answers.close()
    await asyncio.sleep(0)
    assert sent.pieces == [b"head,body", b"alone", b"12", b"3", b"closed"]
