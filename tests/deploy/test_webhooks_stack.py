"""A player's webhooks from the real stack to a real receiver, past a killed process, in order and signed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from schemas.liveops.answers import ProgressAnswer, StartAnswer
from schemas.liveops.commands import ClaimGrant, ReportProgress, StartAttempt
from schemas.liveops.names import player_aggregate
from schemas.webhooks import DELIVERY_HEADER, SIGNATURE_HEADER, signature
from tests.deploy.liveops_world import World, define, now_ms, opened
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

GAME_ID = "game_posted"


class Receiver:
    """A studio's server: keeps what it got, by delivery id, in the order of first arrival."""

    def __init__(self) -> None:
        self.got: dict[str, tuple[dict[str, Any], str, bytes]] = {}
        self.url = ""
        self.whole = asyncio.Event()
        """All of two players' have arrived."""

    def of_players(self) -> list[tuple[str, str]]:
        """Who and what, but for the window's end, which may come meanwhile."""
        found = []
        for message, _, _ in self.got.values():
            trigger = message["data"].get("grant", {}).get("source", {}).get("trigger", "")
            if "externalId" in message["data"] and not trigger.startswith("rank"):
                found.append((message["data"]["externalId"], message["type"]))
        return found

    async def post(self, request: web.Request) -> web.Response:
        body = await request.read()
        header = request.headers[SIGNATURE_HEADER]
        self.got.setdefault(request.headers[DELIVERY_HEADER], (json.loads(body), header, body))
        if len([name for name, kind in self.of_players() if kind == "grant.claimed"]) == 2:
            self.whole.set()
        return web.Response(status=200, text="thanks")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/hook", made.post)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


async def play(world: World, external_id: str) -> None:
    """An attempt that scores over a threshold, and the claim of what that gave."""
    window = world.event.window_at(now_ms())
    assert window is not None
    names: dict[str, Any] = {
        "aggregate_id": player_aggregate(GAME_ID, external_id),
        "studio_id": "user_1",
        "game_id": GAME_ID,
    }
    definition: dict[str, Any] = {"reference": world.event.reference, "definition": world.event.encoded}
    started = await world.asker.ask(
        StartAttempt(event_key="short", window_id=window.id), **names, **definition
    )
    attempt = msgspec.msgpack.decode(started.body, type=StartAnswer).attempt
    progress = ReportProgress(event_key="short", attempt_id=attempt.id, mode="set", metric_value=1000.0)
    answer = msgspec.msgpack.decode((await world.asker.ask(progress, **names)).body, type=ProgressAnswer)
    assert len(answer.grants) == 1
    await world.asker.ask(ClaimGrant(grant_id=answer.grants[0].id), **names)


async def secret_of(stack: QuestlogStack) -> str:
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "deploy.cli",
            "webhooks",
            "secret",
            GAME_ID,
            "main",
            "--home",
            str(stack.home),
        ),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return said.decode().strip()


async def test_players_webhooks_arrive_in_order_and_signed_whoever_is_killed(
    questlog_stack: QuestlogStack, receiver: Receiver, tmp_path: Path
) -> None:
    await define(questlog_stack, tmp_path, receiver.url, GAME_ID)
    async with opened(questlog_stack, GAME_ID, window={"every": "month"}) as world:
        await play(world, "ann")
        world.kill("worker-effects")
        await play(world, "bob")
        async with asyncio.timeout(120):
            await receiver.whole.wait()
    secret = await secret_of(questlog_stack)
    for player in ("ann", "bob"):
        told = [kind for name, kind in receiver.of_players() if name == player]
        assert told == ["attempt.completed", "grant.created", "grant.claimed"]
    for message, header, body in receiver.got.values():
        assert header == signature(secret, int(header.partition(",")[0][2:]), body)
        assert message["gameId"] == GAME_ID
