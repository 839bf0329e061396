"""`questlog webhooks` on the real stack: what was given up is listed, sent again, and its secret shown."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from pathlib import Path

import pytest

from schemas.webhooks import Delivery
from streams.runtime.producer import KafkaAppender
from streams.webhooks.undelivered import giving_up
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack


async def questlog(stack: QuestlogStack, *words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", *words, "--home", str(stack.home)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(), complained.decode()


async def test_what_was_given_up_is_listed_once_and_put_back(
    questlog_stack: QuestlogStack, tmp_path: Path
) -> None:
    game_id = "game_hooked"
    webhook = {"id": "main", "url": "http://10.0.0.1/", "events": ["grant.created"]}
    game = {"id": game_id, "slug": "hooked", "name": "Hooked", "webhooks": [webhook]}
    file = tmp_path / "hooked.yaml"
    file.write_text(json.dumps({"studio": {"name": "Hooked", "slug": "hooked"}, "games": [game]}))
    assert (await questlog(questlog_stack, "apply", str(file)))[0] == 0
    identifier = f"evt_{uuid.uuid4().hex}"
    delivery = Delivery(
        id=identifier,
        type="grant.created",
        game_id=game_id,
        target_id="main",
        line=f"{game_id}/main/p/ann",
        sequence=2,
        queued_at_ms=time.time_ns() // 1_000_000,
        body=b"{}",
    )
    appender = KafkaAppender(questlog_stack.demo["kafka"], client_id="test-webhooks")
    try:
        for _ in range(2):  # a process that died before it settled gives up again
            await giving_up(appender)(delivery, "answered 500")
    finally:
        await appender.stop()
    name = f"{game_id}/main/{identifier}"
    listed = json.loads((await questlog(questlog_stack, "webhooks", "list", "--json"))[1])
    (mine,) = [letter for letter in listed["undelivered"] if letter["name"] == name]
    assert (mine["error"], mine["replays"]) == ("answered 500", 0)
    assert (await questlog(questlog_stack, "webhooks", "replay", name))[:2] == (0, f"{name}: put back\n")
    listed = json.loads((await questlog(questlog_stack, "webhooks", "list", "--json"))[1])
    (mine,) = [letter for letter in listed["undelivered"] if letter["name"] == name]
    assert mine["replays"] == 1
    assert listed["waiting"][f"{game_id}/main"] == 1  # its address is private: it is refused, and waits
    code, _, complained = await questlog(questlog_stack, "webhooks", "replay", "nothing")
    assert (code, "no undelivered webhook nothing" in complained) == (1, True)
    code, secret, _ = await questlog(questlog_stack, "webhooks", "secret", game_id, "main")
    assert (code, secret[:6], len(secret.strip())) == (0, "whsec_", 70)
    code, _, complained = await questlog(questlog_stack, "webhooks", "secret", game_id, "other")
    assert (code, "has no webhook other" in complained) == (1, True)
