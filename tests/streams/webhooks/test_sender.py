"""What the sender connects to: a real receiver on loopback, which no delivery reaches unless allowed."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from msgspec.structs import replace

from schemas.playtests.webhooks import signature_headers
from schemas.webhooks import SIGNATURE_HEADER, Delivery, signature
from streams.webhooks.sender import WebhookSender

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
DELIVERY = Delivery(
    id="evt_1",
    type="grant.created",
    game_id="game_1",
    target_id="main",
    line="game_1/main/p/ann",
    sequence=1,
    queued_at_ms=0,
    body=b"{}",
)


class Receiver:
    def __init__(self) -> None:
        self.got: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0

    async def post(self, request: web.Request) -> web.Response:
        self.got.append(f"{request.host}{request.path_qs}")
        self.headers.append(dict(request.headers))
        return web.Response()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/{rest:.*}", made.post)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "localhost",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.0.0.1.",
            "017700000001",
        ),
        *("①②⑦.0.0.1", "①②⑦.①", "127。0。0。1", "%31%32%37.0.0.1", "loc%61lhost", "\uff4c\uff4fcalhost"),
        *(
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[::127.0.0.1]",
            "example.org@127.0.0.1",
        ),
        *("127.0.0.1#@example.org", "example.org\\@127.0.0.1", "127.0.0.1\\.example.org", "0", "0.0.0.0"),  # noqa: S104
    ],
)
async def test_no_way_of_writing_loopback_reaches_it(receiver: Receiver, host: str) -> None:
    sender = WebhookSender([])
    try:
        for url in (f"http://{host}:{receiver.port}/hook", f"http://{host}/hook"):
            assert (await sender.send(DELIVERY, url, "whsec_x", 1)).startswith("refused: ")
    finally:
        await sender.close()
    assert receiver.got == []


async def test_an_allowed_network_is_reached_with_path_and_query_as_declared(receiver: Receiver) -> None:
    sender = WebhookSender(LOOPBACK)
    try:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            url = f"http://{host}:{receiver.port}/a%2Fb?x=%31&y"
            assert await sender.send(DELIVERY, url, "whsec_x", 1) == ""
    finally:
        await sender.close()
    assert [got.partition("/")[2] for got in receiver.got] == ["a%2Fb?x=%31&y"] * 3


async def test_the_address_is_checked_at_the_connection_itself(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a resolver says: it may know a name differently from one moment to the next."""
    sender = WebhookSender([])
    monkeypatch.setattr("streams.webhooks.addresses.CheckedResolver.resolve", _loopback)
    try:
        said = await sender.send(DELIVERY, f"http://example.org:{receiver.port}/", "whsec_x", 1)
    finally:
        await sender.close()
    assert said.startswith("refused: 127.0.0.1")
    assert receiver.got == []


async def _loopback(_: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
    del family
    return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 6, "flags": 4}]


async def test_a_playtests_delivery_is_signed_in_both_header_sets_and_another_in_ours(
    receiver: Receiver,
) -> None:
    sender = WebhookSender(LOOPBACK)
    url = f"http://127.0.0.1:{receiver.port}/"
    try:
        assert await sender.send(replace(DELIVERY, type="slot.accepted"), url, "whsec_x", 7) == ""
        assert await sender.send(DELIVERY, url, "whsec_x", 7) == ""
    finally:
        await sender.close()
    told, other = receiver.headers
    assert told[SIGNATURE_HEADER] == other[SIGNATURE_HEADER] == signature("whsec_x", 7, b"{}")
    signed = signature_headers("whsec_x", 7, b"{}")
    assert {name: told[name] for name in signed} == signed
    assert not signed.keys() & other.keys()
