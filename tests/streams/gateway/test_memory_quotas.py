"""Bodies that are not answered yet: what they may hold, and that all of it is given back."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from schemas.edge.errors import Refused
from streams.gateway.memory_quotas import SMALL_BYTES, BodiesInFlight, Reservation
from tests.schemas.telemetry.s4_samples import GAMEPLAY, pack
from tests.streams.gateway.test_over_the_wire import BODY, GOOD, HEAD, read_answer, served
from tests.streams.gateway.world import World

LIMIT_BYTES = 4 * 1024 * 1024
PIECE = b"40000\r\n" + b"\0" * 0x40000 + b"\r\n"
UNFINISHED = HEAD + b"transfer-encoding: chunked\r\n\r\n" + PIECE * 3


def test_a_key_has_half_and_an_address_a_quarter() -> None:
    bodies = BodiesInFlight(1_000_000)
    first = Reservation(bodies, "key", "a")
    first.take(250_000)
    with pytest.raises(Refused, match="this address"):
        first.take(1)
    second = Reservation(bodies, "key", "b")
    second.take(250_000)
    with pytest.raises(Refused, match="this key"):
        Reservation(bodies, "key", "c").take(1)
    third, fourth = Reservation(bodies, "other", "c"), Reservation(bodies, "other", "d")
    third.take_whole(250_000)
    fourth.take_whole(200_000)
    fourth.take_whole(SMALL_BYTES - 20_000)
    with pytest.raises(Refused, match="this server") as refused:
        Reservation(bodies, "another", "e").take_whole(10_000)
    assert (refused.value.status, refused.value.headers) == (503, ((b"retry-after", b"2"),))
    for reservation in (first, second, third, fourth, first):
        reservation.release()
    assert bodies.held_bytes == 0
    Reservation(bodies, "another", "e").take(250_000)


@asynccontextmanager
async def sending(port: int, data: bytes) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        yield reader
    finally:
        writer.close()


async def held(world: World, holds: int) -> None:
    async with asyncio.timeout(10):
        while world.app._services.in_flight.held_bytes != holds:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.01)


async def test_unfinished_bodies_beyond_the_limit_are_503_and_small_ones_go_on() -> None:
    async with served(bodies_in_flight_bytes=LIMIT_BYTES) as (world, port):
        async with sending(port, UNFINISHED):
            await held(world, 3 * 0x40000)
            async with sending(port, UNFINISHED) as refused:
                answer = await read_answer(refused)
                assert answer.startswith(b"HTTP/1.1 503")
                assert b"retry-after: 2" in answer
                assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "unavailable"
            await held(world, 3 * 0x40000)
            async with sending(port, GOOD) as taken:
                assert (await read_answer(taken)).startswith(b"HTTP/1.1 200")
        await held(world, 0)
        async with sending(port, UNFINISHED):  # the place is free again
            await held(world, 3 * 0x40000)


async def test_a_body_counts_until_it_is_answered_and_as_what_it_inflates_to() -> None:
    async with served(bodies_in_flight_bytes=LIMIT_BYTES) as (world, port):
        world.log.gate.clear()
        async with sending(port, GOOD) as waiting:
            await held(world, len(BODY))
            large = pack([GAMEPLAY] * 8_000)
            body = gzip.compress(large)
            head = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
            async with sending(port, head + body) as refused:
                assert (await read_answer(refused)).startswith(b"HTTP/1.1 503")
            await held(world, len(BODY))
            world.log.gate.set()
            assert (await read_answer(waiting)).startswith(b"HTTP/1.1 200")
        await held(world, 0)
