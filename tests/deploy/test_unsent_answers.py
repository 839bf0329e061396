"""Readers who ask and do not read: what waits for them is bounded, and does not wait for ever."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from typing import Any, Final

import pytest

from deploy.connections import Addresses
from deploy.edge_protocol import edge_protocol
from deploy.unsent_answers import BYTES_PER_SECOND_MIN, UnsentAnswers
from schemas.edge.proxy import TrustedProxies
from tests.deploy.raw_http import exchange, served

MIB: Final = 1024 * 1024
ANSWER_BYTES: Final = 16 * MIB
"""More than the kernel keeps for a connection."""
GET: Final = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


class Large:
    """An application whose answers are too large for the kernel."""

    def __init__(self) -> None:
        self.answered = 0
        """Answers that are written: what is held back of them is counted."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        headers = [(b"content-length", b"%d" % ANSWER_BYTES)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self.answered += 1  # nothing else is done between this and the write
        await send({"type": "http.response.body", "body": bytes(ANSWER_BYTES)})

    async def until_answered(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self.answered < count:  # noqa: ASYNC110 - it tells no one
                await asyncio.sleep(0.01)


def asking(stack: ExitStack, port: int, source: str = "127.0.0.1") -> socket.socket:
    """A client that has asked and reads nothing."""
    client = stack.enter_context(socket.create_connection(("127.0.0.1", port), source_address=(source, 0)))
    client.sendall(GET)
    return client


async def until_held(unsent: UnsentAnswers, at_least: int, at_most: int) -> None:
    async with asyncio.timeout(60):
        while not at_least <= unsent.held_bytes <= at_most:  # noqa: ASYNC110 - it tells no one
            await asyncio.sleep(0.01)


def received(client: socket.socket) -> int:
    """How many bytes come before the end of the connection."""
    client.settimeout(60)
    count = 0
    try:
        while piece := client.recv(MIB):
            count += len(piece)
    except ConnectionResetError:
        pass
    return count


async def test_what_readers_have_not_taken_is_bounded_by_address_and_in_all() -> None:
    unsent, large = UnsentAnswers(4 * ANSWER_BYTES), Large()
    async with served(large, edge_protocol(Addresses(), unsent)) as port:
        with ExitStack() as stack:
            first = asking(stack, port)
            await large.until_answered(1)
            assert 0 < unsent.held_bytes < ANSWER_BYTES
            second = asking(stack, port)
            assert await asyncio.to_thread(received, second) < ANSWER_BYTES  # ended: it has its quarter
            for number in range(2, 12):  # the kernel takes a few MiB of each
                asking(stack, port, f"127.0.0.{number}")
            await large.until_answered(12)
            assert 3 * ANSWER_BYTES < unsent.held_bytes <= unsent.limit_bytes
            assert await asyncio.to_thread(received, first) > ANSWER_BYTES  # whole, with its head
        await until_held(unsent, 0, 0)
        assert len(await exchange(port, GET)) > ANSWER_BYTES  # there is room again
        await until_held(unsent, 0, 0)


async def test_a_reader_who_takes_too_long_is_ended() -> None:
    unsent = UnsentAnswers(grace_seconds=-ANSWER_BYTES / BYTES_PER_SECOND_MIN)
    async with served(Large(), edge_protocol(Addresses(), unsent)) as port:
        with ExitStack() as stack:
            slow = asking(stack, port)
            assert await asyncio.to_thread(received, slow) < ANSWER_BYTES
        await until_held(unsent, 0, 0)


def test_limits_are_exact_and_free_again() -> None:
    unsent = UnsentAnswers(400, TrustedProxies(("10.0.0.1/32",)))
    assert unsent.hold("2001:db8::1", 100)
    assert not unsent.hold("2001:db8::2", 1)  # of the same /64
    assert unsent.hold("10.0.0.1", 300)
    assert not unsent.hold("192.0.2.1", 1)
    unsent.release("10.0.0.1", 300)
    assert unsent.hold("192.0.2.1", 100)
    unsent.release("2001:db8::1", 100)
    unsent.release("192.0.2.1", 100)
    assert unsent.held_bytes == 0
    assert not unsent._of_address


def test_a_slow_line_has_time() -> None:
    assert UnsentAnswers().seconds_to_send(0) == 30
    assert UnsentAnswers().seconds_to_send(300 * 1024) == pytest.approx(48.75)
