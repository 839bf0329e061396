"""What the HTTP layer answers by itself is listed in the documents, at every operation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deploy.connections import Addresses
from deploy.edge_protocol import EdgeProtocol, edge_protocol
from tests.deploy.raw_http import exchange, served
from tests.documented import documented

MALFORMED = (
    b"no colon",
    b"content-length: 1\r\ncontent-length: 2",
    b"content-length: 1\r\ntransfer-encoding: chunked",
    b"transfer-encoding: gzip",
    b"bad\0name: x",
)
OPERATIONS = sorted(documented().operations())


class Full(EdgeProtocol):
    """A process that has no room for a head that is not whole."""

    heads_bytes_max = 10


async def never(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError((scope["path"], receive, send))


def answered(method: str, path: str, received: bytes) -> int:
    """The status of an answer that its document lists."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    status = int(first.split()[1])
    documented().check(method, path, status, headers["content-type"], body)
    return status


def paths() -> list[tuple[str, str]]:
    """An address for each operation."""
    return [
        (method, "/".join("x" if part.startswith("{") else part for part in template.split("/")))
        for method, template in OPERATIONS
    ]


async def each(port: int, *headers: bytes) -> set[int]:
    """The statuses of every operation that is asked with each of these headers; all are listed."""

    async def ask(method: str, path: str, header: bytes) -> int:
        request = f"{method} {path} HTTP/1.1\r\nhost: x\r\n".encode() + header
        return answered(method, path, await exchange(port, request))

    asked = [ask(method, path, header) for method, path in paths() for header in headers]
    return set(await asyncio.gather(*asked))


async def test_what_is_malformed_is_400() -> None:
    async with served(never, EdgeProtocol) as port:
        for header in MALFORMED:
            assert await each(port, header + b"\r\n\r\n") == {400}


async def test_too_many_or_too_large_headers_are_431() -> None:
    many = b"".join(b"x-%d: y\r\n" % number for number in range(300)) + b"\r\n"
    async with served(never, EdgeProtocol) as port:
        assert await each(port, many, b"x: " + b"y" * 200_000) == {431}


async def test_no_room_for_a_head_is_503() -> None:
    async with served(never, Full) as port:
        assert await each(port, b"x: y\r\n") == {503}


async def test_too_many_connections_of_an_address_are_503() -> None:
    async with served(never, edge_protocol(Addresses(1))) as port:
        _, held = await asyncio.open_connection("127.0.0.1", port)
        for method, path in paths():
            request = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            assert answered(method, path, await exchange(port, request.encode())) == 503
        held.close()
        await held.wait_closed()


def test_every_document_has_operations() -> None:
    listed = {template for _, template in OPERATIONS}
    assert {"/healthz", "/readyz", "/api/events", "/dashboard/data/board/stream", "/sdk/v1/ping"} <= listed


@pytest.mark.parametrize("status", [400, 431, 503])
def test_an_operation_that_does_not_list_it_would_be_found(status: int) -> None:
    with pytest.raises(AssertionError, match="answered"):
        documented().check("GET", "/healthz", status, "text/html", b"")
