"""Tokens of an endpoint on the loopback: kept while they are fresh, and refused without showing a secret."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from deploy.stack.ports import free_port
from streams.runtime.tokens import ClientCredentials, TokenUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "a secret:of / the client"  # noqa: S105 - a test's


class Endpoint:
    """Answers as it is told, and keeps what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.body = b'{"access_token": "t1", "expires_in": 100, "token_type": "Bearer"}'
        self.authorizations: list[str] = []

    async def give(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "client_credentials"
        self.authorizations.append(request.headers["Authorization"])
        return web.Response(status=self.status, body=self.body, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def serving() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_post("/token", endpoint.give)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    endpoint.url = f"http://127.0.0.1:{port}/token"
    try:
        yield endpoint
    finally:
        await runner.cleanup()


async def test_a_token_is_kept_for_four_fifths_of_its_life() -> None:
    now = 1000.0
    async with serving() as endpoint:
        tokens = ClientCredentials(endpoint.url, client_id="me", client_secret=SECRET, clock=lambda: now)
        assert await tokens.token() == "t1"
        endpoint.body = b'{"access_token": "t2"}'
        now += 79
        assert await tokens.token() == "t1"
        now += 1
        assert await tokens.token() == "t2"
        endpoint.body = b'{"access_token": "t3"}'
        assert await tokens.token() == "t3"  # of unknown life: not kept
    words = base64.b64decode(endpoint.authorizations[0].removeprefix("Basic ")).decode()
    assert words == "me:a%20secret%3Aof%20%2F%20the%20client"
    assert len(endpoint.authorizations) == 3


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b"{}", "answers 401"),
        (302, b"{}", "answers 302"),
        (200, b"{}", "answers with no token"),
        (200, b"<html>", "answers with no token"),
        (200, b"x" * 200_000, "more than 65536 bytes"),
    ],
)
async def test_what_is_no_token_is_refused(status: int, body: bytes, message: str) -> None:
    async with serving() as endpoint:
        endpoint.status, endpoint.body = status, body
        tokens = ClientCredentials(endpoint.url, client_id="me", client_secret=SECRET)
        with pytest.raises(TokenUnavailable, match=message) as refused:
            await tokens.token()
    assert SECRET not in str(refused.value)


async def test_an_endpoint_that_is_away_is_named() -> None:
    tokens = ClientCredentials(f"http://127.0.0.1:{free_port()}/", client_id="me", client_secret=SECRET)
    with pytest.raises(TokenUnavailable, match="gives no token"):
        await tokens.token()
