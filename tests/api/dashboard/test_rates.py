"""The dashboard's data has a limit for each key and each address, in the dashboard's own error shape."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI

from api.dashboard.access import SessionAuthenticator
from api.dashboard.rates import Rates
from api.dashboard.responses import guarded
from api.dashboard.session import COOKIE, LIFETIME_MS, SessionSigner
from projections.redis.client import connect
from projections.redis.ended_sessions import RedisEndedSessions
from projections.redis.rate_limit import RedisRateLimiter
from schemas.edge.ports import Credential, KeyKind
from schemas.identifiers import key_hash

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import Request

pytestmark = pytest.mark.stack

SIGNER = SessionSigner(b"0123456789abcdef")
LIMIT = 5


class Keys:
    """Every key is a management key of its own."""

    async def credential_by_hash(self, held: str) -> Credential:
        return Credential(key_id=held, kind=KeyKind.MANAGEMENT, studio_id="user_1")


@pytest.fixture
async def http(redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    redis = connect(redis_url)
    directory: Any = Keys()
    authenticator = SessionAuthenticator(directory, SIGNER, RedisEndedSessions(redis), lambda: 0)
    counting = Rates(
        RedisRateLimiter(redis, prefix=uuid.uuid4().hex),
        lambda request: request.headers["x-from"],
        calls_max=LIMIT,
        period_ms=60_000,
    )

    async def answer(_: Request, __: Any) -> bytes:
        return b"{}"

    app = FastAPI()
    app.add_api_route("/data", guarded(authenticator, counting, answer), methods=["GET"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://dashboard") as client:
        yield client
    await redis.aclose()


async def ask(http: httpx.AsyncClient, key: str, address: str) -> httpx.Response:
    token = SIGNER.issue(key_hash(key), LIFETIME_MS // 2) if key else "nobody's"
    return await http.get("/data", headers={"cookie": f"{COOKIE}={token}", "x-from": address})


async def test_one_key_from_many_addresses(http: httpx.AsyncClient) -> None:
    answers = [await ask(http, "a", f"192.0.2.{number}") for number in range(LIMIT + 1)]
    assert [answer.status_code for answer in answers] == [200] * LIMIT + [429]
    refused = answers[-1]
    assert refused.json()["error"] == "rate_limited"
    assert "key" in refused.json()["message"]
    assert 1 <= int(refused.headers["retry-after"]) <= 12
    assert refused.headers["cache-control"] == "no-store"
    assert (await ask(http, "b", "192.0.2.1")).status_code == 200


async def test_one_address_with_many_keys_or_none(http: httpx.AsyncClient) -> None:
    statuses = [(await ask(http, f"k{number}", "192.0.2.1")).status_code for number in range(LIMIT + 1)]
    assert statuses == [200] * LIMIT + [429]
    nobody = [(await ask(http, "", f"2001:db8::{number}")).status_code for number in range(LIMIT + 1)]
    assert nobody == [401] * LIMIT + [429]
