"""What a server may say on its own localhost, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from streams.fleet.host.launch import Port
from streams.fleet.host.ready import Verdict, Watched, look, verdict
from streams.fleet.host.sdk import CONNECTIONS_MAX, Said, Sdk


class Heard:
    def __init__(self) -> None:
        self.said: list[Said] = []
        self.custom_data: list[str] = []
        self.shown: dict[str, Any] = {
            "instance_id": "i",
            "status": "launching",
            "region": "eu-west",
            "network_ports": [{"name": "game", "external_port": 31_000, "host": "example.org"}],
        }


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Heard, Sdk, str, int]]:
    heard = Heard()
    sdk = Sdk(said=heard.said.append, custom_data=heard.custom_data.append, shown=lambda: heard.shown)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    await sdk.open(listener)
    try:
        yield heard, sdk, f"http://127.0.0.1:{port}", port
    finally:
        await sdk.close()


async def test_what_it_says_is_heard() -> None:
    async with serving() as (heard, _, url, _), aiohttp.ClientSession() as client:
        for path in ("ready", "health", "shutdown", "allocate", "reserve"):
            async with client.post(f"{url}/{path}", json={}) as answer:
                assert (answer.status, await answer.json()) == (200, {})
        assert heard.said == ["ready", "health", "shutdown"]
        async with client.post(f"{url}/custom_data", json={"mode": "ü", "n": 1.5}) as answer:
            assert answer.status == 200
        assert heard.custom_data == ['{"mode":"ü","n":1.5}']


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[1]", 400),
        (b"NaN", 400),
        (b'{"a":"' + b"x" * 17_000 + b'"}', 413),
        (b"x" * 100_000, 413),
        (b'{"a":' * 20 + b"1" + b"}" * 20, 413),
        (b'{"a":' * 30_000, 413),
    ],
)
async def test_custom_data_that_is_no_small_object_is_refused(body: bytes, status: int) -> None:
    async with serving() as (heard, _, url, _), aiohttp.ClientSession() as client:
        async with client.post(f"{url}/custom_data", data=body) as answer:
            assert answer.status == status
        assert heard.custom_data == []


async def test_it_is_shown_itself_and_told_of_changes() -> None:
    async with serving() as (heard, sdk, url, _), aiohttp.ClientSession() as client:
        async with client.get(f"{url}/gameserver") as answer:
            shown = await answer.json()
        assert shown["status"]["state"] == "Starting"
        assert shown["status"]["ports"] == [{"name": "game", "port": 31_000}]
        async with client.get(f"{url}/watch/gameserver") as watching:
            first = json.loads(await watching.content.readline())
            heard.shown = {**heard.shown, "status": "running"}
            sdk.changed()
            second = json.loads(await watching.content.readline())
        states = [line["result"]["status"]["state"] for line in (first, second)]
        assert states == ["Starting", "Ready"]
        async with client.get(f"{url}/other") as answer:
            assert answer.status == 404


async def test_more_connections_than_one_server_may_have_are_closed() -> None:
    async with serving() as (_, _, url, port):
        open_ones = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS_MAX)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read(10) == b""
        writer.close()
        for _, other in open_ones:
            other.close()
            await other.wait_closed()
        async with aiohttp.ClientSession() as client, client.get(f"{url}/gameserver") as answer:
            assert answer.status == 200


PORTS = (Port("game", 7777, 31_000, "udp"), Port("rcon", 7778, 31_001, "tcp"))


@pytest.mark.parametrize(
    ("fields", "bound", "now_s", "expected"),
    [
        ({}, {("udp", 7777)}, 5, "wait"),
        ({}, {("udp", 7777), ("tcp", 7778)}, 5, "ready"),
        ({}, {("udp", 7777), ("udp", 7778)}, 5, "wait"),
        ({}, set(), 121, "late"),
        ({"ready": True}, set(), 121, "wait"),
        ({"ports": ()}, set(), 1.9, "wait"),
        ({"ports": ()}, set(), 2, "ready"),
        ({"readiness": "sdk", "ports": ()}, set(), 5, "wait"),
        ({"readiness": "sdk", "sdk_ready": True}, set(), 5, "ready"),
        ({"ready": True, "healthy_s": 100.0}, set(), 130, "wait"),
        ({"ready": True, "healthy_s": 100.0}, set(), 131, "unhealthy"),
        ({"healthy_s": 0.0}, set(), 31, "unhealthy"),
    ],
)
def test_ready_late_and_unhealthy(
    fields: dict[str, Any], bound: set[tuple[str, int]], now_s: float, expected: Verdict
) -> None:
    given = {"readiness": "ports", "ports": PORTS, "started_s": 0.0, "startup_timeout_s": 120.0, **fields}
    assert verdict(Watched(**given), bound, now_s) == expected


def test_time_in_which_nobody_could_hear_a_server_does_not_count() -> None:
    """The agent was stopped for 29 s: what the server said meanwhile is heard after the first look."""
    given: dict[str, Any] = {"readiness": "ports", "ports": PORTS, "startup_timeout_s": 30.0}
    healthy = Watched(**given, started_s=0.0, ready=True, healthy_s=100.0)
    assert look(healthy, set(), 103.0) == "wait"
    assert look(healthy, set(), 132.0) == "wait"
    assert [look(healthy, set(), 132.0 + second) for second in range(1, 28)] == ["wait"] * 27
    assert look(healthy, set(), 160.0) == "unhealthy"
    starting = Watched(**given, started_s=0.0)
    assert look(starting, set(), 10.0) == "wait"
    assert look(starting, set(), 39.0) == "wait"
    assert [look(starting, set(), 39.0 + second) for second in range(1, 21)] == ["wait"] * 20
    assert look(starting, set(), 60.0) == "late"
