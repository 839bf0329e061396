from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from deploy.connections import Addresses, ProxiedAddresses
from deploy.edge_protocol import EdgeProtocol, WholeAnswers, edge_protocol
from schemas.edge.proxy import TrustedProxies
from tests.deploy.raw_http import exchange, served

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    del receive
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


class Impatient(EdgeProtocol):
    head_seconds = 0.3


async def test_a_late_head_is_a_quiet_close() -> None:
    async with served(hello, Impatient) as port:
        for sent in (b"", b"GET / HT", GET[:-2]):
            assert await exchange(port, sent) == b""
        late_again = await exchange(port, GET, GET[:10])
        assert late_again.startswith(b"HTTP/1.1 200")
        assert late_again.endswith(b"hi")


async def test_a_head_that_never_ends_is_431() -> None:
    async with served(hello, Impatient) as port:
        header = b"x-filler: " + b"y" * 8_000 + b"\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET[:-2])
        async with asyncio.timeout(60):
            for _ in range(80):
                writer.write(header)
                try:
                    await writer.drain()
                except ConnectionError:
                    break
            assert await reader.read(12) in {b"HTTP/1.1 431", b""}
        writer.close()


async def test_requests_behind_one_another_are_served() -> None:
    async with served(hello, Impatient) as port:
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


S3_GET = b"GET /sdk/v1/ping HTTP/1.1\r\nhost: x\r\n\r\n"


@asynccontextmanager
async def opening() -> AsyncIterator[Callable[..., Awaitable[Connection]]]:
    """Opens connections, and closes them all at the end."""
    writers = []

    async def opened(port: int, address: str = "127.0.0.1") -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        writers.append(writer)
        return reader, writer

    try:
        yield opened
    finally:
        for writer in writers:
            writer.close()


async def head_and_body(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
        return head, await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r")[0]))


async def test_an_address_has_so_many_connections_and_others_have_theirs() -> None:
    async with opening() as opened, served(hello, edge_protocol(Addresses(3))) as port:
        held = [await opened(port) for _ in range(3)]
        for reader, writer in held:
            writer.write(GET)
            assert (await head_and_body(reader))[1] == b"hi"
        beyond = [await opened(port) for _ in range(3)]
        reader, writer = beyond[0]
        writer.write(S3_GET)
        head, body = await head_and_body(reader)
        assert head.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 2" in head
        assert json.loads(body)["error"]["code"] == "unavailable"
        assert await reader.read() == b""  # it is closed: its place is free again
        beyond += [await opened(port), await opened(port)]
        assert await beyond[-1][0].read() == b""
        other, writer = await opened(port, "127.0.0.2")
        writer.write(GET)
        assert (await head_and_body(other))[1] == b"hi"
        for _, one in (*held, *beyond):
            one.close()
        async with asyncio.timeout(60):
            answered = b""
            while answered != b"hi":  # until the server has seen that they are closed
                reader, writer = await opened(port)
                writer.write(GET)
                with suppress(asyncio.IncompleteReadError):
                    answered = (await head_and_body(reader))[1]
                writer.close()


async def test_behind_a_trusted_proxy_the_named_address_is_counted() -> None:
    running = 0
    go_on = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        nonlocal running
        running += 1
        await go_on.wait()
        running -= 1
        await hello(scope, receive, send)

    def get(source: bytes) -> bytes:
        return b"GET /api/v1/games HTTP/1.1\r\nhost: x\r\nx-forwarded-for: %s\r\n\r\n" % source

    addresses = Addresses(2, TrustedProxies(("127.0.0.1/32",)))
    app = ProxiedAddresses(slow, addresses)
    async with opening() as opened, served(app, edge_protocol(addresses)) as port:
        sources = (b"2001:db8::1", b"2001:db8::2", b"198.51.100.1", b"198.51.100.2", b"127.0.0.1")
        held = [await opened(port) for _ in sources]
        for (_, writer), source in zip(held, sources, strict=True):
            writer.write(get(source))
        async with asyncio.timeout(60):
            while running < len(sources):  # noqa: ASYNC110 - the test's own counter
                await asyncio.sleep(0)
        reader, writer = await opened(port)
        writer.write(get(b"2001:db8::3"))  # of the same /64 as the first two
        head, body = await head_and_body(reader)
        assert head.startswith(b"HTTP/1.1 503")
        assert set(json.loads(body)) == {"error"}
        go_on.set()
        for reader, _ in held:
            assert (await head_and_body(reader))[1] == b"hi"
        reader, again = await opened(port)
        again.write(get(b"2001:db8::3"))
        assert (await head_and_body(reader))[1] == b"hi"
