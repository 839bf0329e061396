"""A studio of its own with key batches, people who follow links, and games that claim handles."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any, get_args

import httpx
from typer.testing import CliRunner

from deploy.cli import app
from schemas.playtests.webhooks import PlaytestWebhookType
from tests.documented import hook
from tests.outside.world import Json, World, eventually, unique
from tests.plain_http import NO_AUTHORITIES
from tests.stack import QuestlogStack

STUDIO = """
studio: {{name: Batch Studio, slug: {slug}, plan: studio}}
games:
  - slug: arena
    name: Arena
    limits: {{telemetryPerMinute: null}}
    webhooks: {webhooks}
    batches:
{batches}
"""
PRESS: Json = {
    "id": "ptb_press",
    "name": "Press",
    "distributionTarget": "steam",
    "fulfillmentSource": "studio-uploaded",
    "redemptionMode": "invite",
    "identityMode": "handle+email",
    "instructions": "# Hi\n\nHave **fun**.",
}
OPEN: Json = {
    "id": "ptb_open",
    "name": "Open weekend",
    "distributionTarget": "itch",
    "fulfillmentSource": "generated",
    "redemptionMode": "public",
    "identityMode": "handle",
}
_addresses = itertools.count(2)


class Person:
    """Somebody who follows links, at an address of their own: calls are counted by address."""

    def __init__(self, **headers: str) -> None:
        number = next(_addresses)
        address = f"127.0.{number // 250 + 7}.{number % 250 + 1}"
        self.http = httpx.Client(
            transport=httpx.HTTPTransport(
                verify=NO_AUTHORITIES,
                local_address=address,
                limits=httpx.Limits(max_keepalive_connections=0),
            ),
            headers=headers,
            timeout=30,
            event_hooks={"response": [hook]},
        )

    def redeem(self, link: str, *, key: str | None = None, **fields: str) -> httpx.Response:
        """Ask for a key as a program does."""
        headers = {} if key is None else {"idempotency-key": key}
        return self.http.post(link, json=fields, headers=headers)


class BatchStudio:
    """Batches are `PRESS` and `OPEN` unless others are defined. A webhook gets every event of playtests."""

    def __init__(self, world: World, stack: QuestlogStack, folder: Path, *, webhook: str = "") -> None:
        self.world = world
        self.stack = stack
        self.folder = folder
        self.slug = unique("batches-")
        target = {"id": "main", "url": webhook, "events": [*get_args(PlaytestWebhookType)]}
        self._webhooks = json.dumps([target] if webhook else [])
        self.define(PRESS, OPEN)
        self.management = self.new_key("pl_mgmt")
        self.ingest_key = self.new_key("pl_ik")
        self.game: Json = self.get("/games/arena")["game"]
        eventually(lambda: self.get("/batches/arena")["total"], lambda total: total == 2)

    def define(self, *batches: Json) -> None:
        """Apply the studio's definition."""
        path = self.folder / "studio.yaml"
        lines = "\n".join(f"      - {json.dumps(batch)}" for batch in batches)
        text = STUDIO.format(slug=self.slug, webhooks=self._webhooks, batches=lines or "      []")
        path.write_text(text)
        self.say("apply", str(path), "--yes")

    def new_key(self, kind: str, *more: str) -> str:
        """A key of the studio."""
        made = json.loads(self.say("keys", "create", kind, "--studio", self.slug, "--json", *more))
        value: str = made["value"]
        return value

    def keys(self, *words: str) -> str:
        """What `questlog playtests keys` prints."""
        return self.say("playtests", "keys", *words, "--studio", self.slug)

    def say(self, *words: str, given: str | None = None) -> str:
        """What a command prints; it must succeed. It runs in this process, and in no event loop.

        `given` is its standard input.
        """
        said = CliRunner().invoke(app, [*words, "--home", str(self.stack.home)], input=given)
        assert said.exit_code == 0, said.output + repr(said.exception)
        return said.stdout

    def add(self, batch: str, *codes: str) -> None:
        """Import codes."""
        path = self.folder / "codes.txt"
        path.write_text("\n".join(codes))
        self.keys("import", "arena", batch, str(path))

    def invite(self, batch: str, *emails: str, note: str = "Come and play") -> dict[str, str]:
        """Links by e-mail."""
        path = self.folder / "invited.csv"
        path.write_text("".join(f"{email},{note}\n" for email in emails))
        links: dict[str, str] = json.loads(self.keys("invite", "arena", batch, str(path), "--json"))
        return links

    def share(self, batch: str = "ptb_open") -> str:
        """The public link."""
        return self.keys("share", "arena", batch).strip()

    def read(self, path: str, **params: object) -> httpx.Response:
        """Read of S1 with the studio's key."""
        return self.world.read(f"/api/v1{path}", key=self.management, **params)

    def get(self, path: str, **params: object) -> Json:
        """What a read that succeeds answers."""
        response = self.read(path, **params)
        assert response.status_code == 200, response.text
        found: Json = response.json()
        return found

    def claim(self, token: str, device: str, *, method: str = "POST") -> httpx.Response:
        """Link or unlink a device."""
        body = {"claimToken": token, "gameId": self.game["id"], "deviceId": device}
        return Person().http.request(method, f"{self.world.demo['base_url']}/api/telemetry/claim", json=body)

    def linked(self, handle: str, device: str) -> Json:
        """What the claim of a handle by a device answers, with the `token` that it was made by."""
        redeemed = Person().redeem(self.share(), handle=handle)
        assert redeemed.status_code == 200, redeemed.text
        token = redeemed.json()["claimToken"]
        answer = self.claim(token, device)
        assert answer.status_code == 200, answer.text
        return {**answer.json(), "token": token}

    def play(self, session: str, device: str, *times_ms: int, **fields: Any) -> None:
        """Telemetry of a session, an event at each time."""
        body: Json = {
            "gameId": "arena",
            "sessionId": session,
            "deviceId": device,
            "source": "unity-telemetry",
            "metadata": {"gameVersion": "1"},
            "events": [{"name": "click", "t": at_ms} for at_ms in times_ms],
            **fields,
        }
        response = self.world.ingest(body, key=self.ingest_key)
        assert response.status_code == 202, response.text
