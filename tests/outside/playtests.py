"""Owners and playtesters of S2 as clients: keys, uploads, and the payment provider's adapter."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import httpx

from tests import plain_http
from tests.outside.world import World, questlog
from tests.stack import QuestlogStack

Json = dict[str, Any]
VIDEO = b"a recording" * 100


def signed(body: bytes, secret: str, at_s: int) -> str:
    """The header of a provider's event."""
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


class Client:
    """Calls with one key."""

    def __init__(self, world: World, key: str, playtester_id: str = "") -> None:
        self.world = world
        self.key = key
        self.playtester_id = playtester_id

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """Ask below /api/v1. `key` is an idempotency key."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key:
            sent["authorization"] = f"Bearer {self.key}"
        if key is not None:
            sent["idempotency-key"] = key
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        return self.world.http.request(method, f"/api/v1{path}", content=content, headers=sent)

    def get(self, path: str) -> Json:
        """The `data` of a read that succeeds."""
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        data: Json = response.json()["data"]
        return data

    def post(self, path: str, body: Any = None, *, status: int = 200, key: str | None = None) -> Json:
        """The `data` of a write that succeeds."""
        response = self.call("POST", path, body, key=key)
        assert response.status_code == status, response.text
        data: Json = response.json()["data"]
        return data

    def refused(
        self, method: str, path: str, body: Any = None, *, status: int, key: str | None = None
    ) -> Json:
        """The `error` of a call that is refused."""
        response = self.call(method, path, body, key=key)
        assert response.status_code == status, response.text
        error: Json = response.json()["error"]
        return error


class Owner(Client):
    """A studio's key."""

    def top_up(self, cents: int = 1_000_000) -> None:
        """Credit, by the payment provider."""
        payment = self.post("/billing/credit", {"amountCents": cents}, status=201)["paymentId"]
        assert provider_event(self.world, payment, cents).status_code == 200

    def order(self, game: str = "relay", **fields: Any) -> Json:
        """A playtest that is paid from credit."""
        if self.get("/billing/balance")["balanceCents"] < 500_000:
            self.top_up()
        body = {"payFromCredit": True, **fields}
        order: Json = self.post(f"/games/{game}/playtests", body, status=201)["playtest"]
        return order

    def playtest(self, order_id: str) -> Json:
        """A playtest as it stands."""
        found: Json = self.get(f"/playtests/{order_id}")["playtest"]
        return found

    def slots(self, order_id: str) -> list[Json]:
        """All slots of a small order."""
        found: list[Json] = self.get(f"/playtests/{order_id}/slots?limit=100")["slots"]
        return found


class Playtester(Client):
    """A playtester's key."""

    def claim(self, order_id: str) -> Json:
        """A slot."""
        slot: Json = self.post(f"/playtests/{order_id}/claim", status=201)["slot"]
        return slot

    def upload(self, slot_id: str, content: bytes = VIDEO, content_type: str = "video/mp4") -> str:
        """An upload that is stored; its id."""
        body = {"size": len(content), "contentType": content_type}
        given = self.post(f"/playtests/slots/{slot_id}/upload-url", body)
        assert plain_http.put(given["uploadUrl"], content=content, timeout=30).status_code == 201
        upload_id: str = given["uploadId"]
        return upload_id

    def submit(self, slot_id: str, **fields: Any) -> Json:
        """A recording that is handed in; the slot."""
        body = {"uploadId": self.upload(slot_id), **fields}
        slot: Json = self.post(f"/playtests/slots/{slot_id}/submit", body)["slot"]
        return slot

    def apply(self, order_id: str, text: str = "I have a Quest 3.") -> Json:
        """An application."""
        body = {"qualificationsResponse": text}
        made: Json = self.post(f"/playtests/{order_id}/apply", body, status=201)["application"]
        return made


def provider_event(
    world: World, payment_id: str, cents: int, kind: str = "payment.completed", *, at_s: int | None = None
) -> httpx.Response:
    """What the provider's adapter posts."""
    body = json.dumps(
        {
            "id": str(uuid.uuid4()),
            "type": kind,
            "paymentId": payment_id,
            "amountCents": cents,
            "externalId": "ch_1",
        }
    ).encode()
    signature = signed(body, world.demo["payments_secret"], int(time.time()) if at_s is None else at_s)
    return world.http.post(
        "/api/v1/billing/provider-events", content=body, headers={"x-questlog-signature": signature}
    )


def new_key(stack: QuestlogStack, kind: str, studio: str, *, tester: str = "", game: str = "") -> str:
    """A key that the command line makes."""
    named = ["--tester", tester] if tester else ["--game", game] if game else []
    made = json.loads(questlog(stack, "keys", "create", kind, "--studio", studio, "--json", *named))
    value: str = made["value"]
    return value


def new_playtester(world: World, stack: QuestlogStack, studio: str = "demo") -> Playtester:
    """A playtester of a studio's panel who is in nothing yet."""
    name = str(uuid.uuid4())
    return Playtester(world, new_key(stack, "wpg_pt", studio, tester=name), name)
