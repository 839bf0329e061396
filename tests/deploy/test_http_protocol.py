"""What stock clients and hostile ones send beside bodies, by raw sockets to the edge's protocol."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from deploy.edge_protocol import EdgeProtocol
from tests.deploy.raw_http import exchange, served

H2C = b"connection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAEAAEAAAAIAAAAB\r\nupgrade: h2c\r\n"
WEBSOCKET = b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
FLOOD_BYTES = 32 * 1024 * 1024
LAST = b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was asked, after the whole body; `/unread` at once, `/stream` without a length."""
    body = b""
    path = scope["path"]
    if path != "/unread":
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
    if path == "/slow":
        await asyncio.sleep(0.2)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    asked = {"method": scope["method"], "path": path, "body": body.decode(), "headers": headers}
    answer = json.dumps(asked).encode()
    length = [] if path == "/stream" else [(b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": answer[:10], "more_body": True})
    await send({"type": "http.response.body", "body": answer[10:]})


class Impatient(EdgeProtocol):
    head_seconds = 0.5


class Narrow(Impatient):
    heads_bytes_max = 100_000


def answers(received: bytes) -> list[Any]:
    """What `echo` was asked, from answers with a length."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        found.append(json.loads(rest[:size]))
        received = rest[size:]
    return found


def post(body: bytes, headers: bytes = b"", path: bytes = b"/") -> bytes:
    return (
        b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n%s\r\n%s"
        % (path, len(body), headers, body)
    )  # fmt: skip


@pytest.mark.parametrize("upgrade", [H2C, WEBSOCKET])
@pytest.mark.parametrize("split", ["whole", "after the head", "within the body", "within the head"])
async def test_an_upgrade_is_ignored_and_the_body_read(upgrade: bytes, split: str) -> None:
    request = post(b'{"a": 1}', upgrade)
    at = {
        "whole": len(request),
        "after the head": request.index(b"{"),
        "within the body": request.index(b"1}"),
        "within the head": request.index(b"pgrade:"),
    }[split]
    async with served(echo, Impatient) as port:
        received = await exchange(port, *filter(None, (request[:at], request[at:] + LAST)))
    first, last = answers(received)
    assert (first["method"], first["body"]) == ("POST", '{"a": 1}')
    assert "upgrade" not in first["headers"]
    assert last["path"] == "/last"


async def test_upgrades_with_chunks_without_a_body_and_behind_one_another() -> None:
    chunked = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n" + H2C + b"\r\n"
    requests = (
        chunked + b"3\r\nabc\r\n0\r\n\r\n",
        b"GET /get HTTP/1.1\r\nhost: x\r\n" + H2C + b"\r\n",
        post(b"behind", WEBSOCKET),
        LAST,
    )
    async with served(echo, Impatient) as port:
        found = answers(await exchange(port, b"".join(requests)))
    assert [(one["path"], one["body"]) for one in found] == [
        ("/", "abc"),
        ("/get", ""),
        ("/", "behind"),
        ("/last", ""),
    ]


async def test_connect_ends_the_connection() -> None:
    async with served(echo, Impatient) as port:
        assert (await exchange(port, b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n")).startswith(
            b"HTTP/1.1 400"
        )
        (only,) = answers(await exchange(port, b"CONNECT / HTTP/1.1\r\nhost: x\r\n\r\n" + LAST))
        assert only["method"] == "CONNECT"


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on() -> None:
    async with served(echo, Impatient) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head, _, body = post(b"large", b"Expect: 100-continue\r\n").partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        async with asyncio.timeout(60):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body + LAST)
            first, last = answers(await reader.read())
        assert (first["body"], last["path"]) == ("large", "/last")
        writer.close()


async def test_an_answer_without_the_expected_body_ends_the_connection() -> None:
    async with served(echo, Impatient) as port:
        head = post(b"", b"Expect: 100-continue\r\n", b"/unread").replace(b"length: 0", b"length: 9")
        received = await exchange(port, head)
        assert len(answers(received)) == 1
        assert b"connection: close" in received
        old = await exchange(port, head.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"/unread", b"/"), b"x" * 9)
        assert b"100 Continue" not in old


async def test_a_stream_to_http_1_0_has_no_chunks_and_ends_with_the_connection() -> None:
    async with served(echo, Impatient) as port:
        received = await exchange(port, b"GET /stream HTTP/1.0\r\n\r\n")
        head, _, body = received.partition(b"\r\n\r\n")
        assert b"chunked" not in head
        assert json.loads(body)["path"] == "/stream"
        (sized,) = answers(await exchange(port, b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"))
        assert sized["path"] == "/"
        chunked = await exchange(port, b"GET /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert b"transfer-encoding: chunked" in chunked


async def test_a_head_answer_has_no_body_whatever_the_version() -> None:
    async with served(echo, Impatient) as port:
        for request in (LAST.replace(b"GET", b"HEAD"), b"HEAD /stream HTTP/1.0\r\n\r\n"):
            received = await exchange(port, request)
            assert received.startswith(b"HTTP/1.1 200")
            assert received.endswith(b"\r\n\r\n")


async def test_trailers_are_read_over_and_bounded() -> None:
    head = CHUNKED + b"5\r\nhello\r\n0\r\n"
    async with served(echo, Impatient) as port:
        first, last = answers(await exchange(port, head + b"checksum: 1\r\n\r\n" + LAST))
        assert (first["body"], last["path"]) == ("hello", "/last")
        assert "checksum" not in first["headers"]
        assert b"HTTP/1.1 431" in await exchange(port, head + b"a: b\r\n" * 11_000, b"a: b\r\n" * 11_000)


@pytest.mark.parametrize(
    ("head", "flood"),
    [
        (CHUNKED + b"5\r\nhello\r\n0\r\n", b"a: b\r\n"),
        (CHUNKED + b"5\r\nhello\r\n0\r\na: ", b"x"),
        (CHUNKED + b"5;", b"a=b"),
        (CHUNKED, b"1\r\nx\r\n"),
        (b"", b"\r\n"),
        (post(b"x"), b"\r\n"),
        (b"GET / HTTP/1.1\r\nhost: x\r\n", b"a: b\r\n"),
        (b"GET /", b"x"),
        (post(b"", path=b"/unread").replace(b"length: 0", b"length: 99999999"), b"x"),
    ],
    ids=[
        "trailers",
        "one trailer",
        "extension",
        "tiny chunks",
        "blank lines",
        "blank lines behind",
        "headers",
        "path",
        "unread body",
    ],
)
async def test_what_is_no_body_is_bounded(head: bytes, flood: bytes) -> None:
    piece = flood * (65_536 // len(flood))
    sent = 0
    async with served(echo, Impatient) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        with pytest.raises(ConnectionError):  # noqa: PT012 - which of the calls meets it is chance
            async with asyncio.timeout(60):
                while sent < FLOOD_BYTES:
                    writer.write(piece)
                    await writer.drain()
                    sent += len(piece)
                await reader.read()
        writer.close()
    assert sent < FLOOD_BYTES / 2  # the kernel's buffers take some of it


async def test_many_small_chunks_of_a_large_body_are_taken() -> None:
    chunk = b"18\r\n" + b"x" * 24 + b"\r\n"
    body = chunk * 20_000 + b"0\r\n\r\n"
    async with served(echo, Impatient) as port:
        first, _ = answers(await exchange(port, CHUNKED + body + LAST))
        assert len(first["body"]) == 480_000


async def test_requests_behind_one_another_are_bounded_and_the_last_answer_closes() -> None:
    get = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n"
    async with served(echo, Impatient) as port:
        asked = await exchange(port, get + LAST.replace(b"connection: close\r\n", b"") * 40, LAST)
        assert len(answers(asked)) == 42
        many = await exchange(port, get + b"GET / HTTP/1.1\r\n\r\n" * 5_000)
        assert len(answers(many)) == 65


async def test_what_is_whole_is_answered_before_what_is_malformed() -> None:
    slow = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n"
    async with served(echo, Impatient) as port:
        for garbage in (b"\x00\x01\r\n\r\n", post(b"").replace(b"length: 0", b"length: x")):
            (only,) = answers(await exchange(port, slow + garbage))
            assert only["path"] == "/slow"
        broken = CHUNKED + b"zz\r\n"
        (only,) = answers(await exchange(port, slow + broken))
        assert only["path"] == "/slow"
        assert (await exchange(port, broken)).startswith(b"HTTP/1.1 400")
        assert (await exchange(port, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n")).startswith(
            b"HTTP/1.1 431"
        )


async def test_heads_that_are_not_whole_share_a_limit() -> None:
    half = b"GET /" + b"x" * 55_000
    async with served(echo, Narrow) as port:
        first, beyond = await asyncio.gather(exchange(port, half), exchange(port, b"", half))
        assert first == b""  # too late, and quietly closed
        assert beyond.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 2" in beyond
        assert (await exchange(port, b"", half)) == b""  # the first one's place is free again


@pytest.mark.parametrize("idle", [b"\r\n", b"\n", b""])
async def test_blank_lines_are_no_sign_of_life(idle: bytes) -> None:
    async with served(echo, Impatient) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"x"))
        await reader.readuntil(b"}}")
        async with asyncio.timeout(60):
            while not reader.at_eof():
                if idle:
                    writer.write(idle)
                try:
                    async with asyncio.timeout(0.2):
                        assert await reader.read() == b""
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
        writer.close()


async def test_a_drip_of_unread_body_is_no_sign_of_life() -> None:
    async with served(echo, Impatient) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"", path=b"/unread").replace(b"length: 0", b"length: 9999"))
        await reader.readuntil(b"}}")
        with pytest.raises(ConnectionError):  # noqa: PT012 - which of the two writes meets it is chance
            async with asyncio.timeout(60):
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.1)
        writer.close()
