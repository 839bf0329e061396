"""Liveops' reads on the whole stack: commands through Kafka, answers over HTTP from Redis and ClickHouse."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from projections.redis.client import connect
from projections.redis.outcomes import RedisOutcomes
from projections.redis.stores import NounStores
from projections.studio.directory import RedisDirectory
from schemas.identifiers import key_hash
from schemas.liveops import commands as ask
from schemas.liveops.answers import StartAnswer
from schemas.liveops.commands import COMMANDS
from schemas.liveops.definitions import resolve_event
from schemas.liveops.names import player_aggregate
from schemas.liveops.noun import LIVEOPS_COMMANDS
from streams.asking import Asker
from streams.gateway.commands import CommandClient
from streams.runtime.producer import KafkaAppender
from tests import plain_http
from tests.documented import async_hook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from schemas.codec import Message
    from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack


class Play:
    """Asks the deciders as the gateway does, and reads over HTTP."""

    def __init__(self, asker: Asker, directory: RedisDirectory, demo: dict[str, Any]) -> None:
        self.asker = asker
        self.directory = directory
        self.keys = demo["keys"]
        self.studio_id: str = demo["studio"]["id"]
        self.game_id: str = demo["games"][0]["id"]
        hooks = {"response": [async_hook]}
        self.http = plain_http.async_client(base_url=demo["base_url"], timeout=30, event_hooks=hooks)

    async def ask(self, external_id: str, body: Message, **more: Any) -> Any:
        outcome = await self.asker.ask(
            body,
            aggregate_id=player_aggregate(self.game_id, external_id),
            studio_id=self.studio_id,
            game_id=self.game_id,
            **more,
        )
        return outcome.body

    async def start(self, external_id: str) -> StartAnswer:
        game = await self.directory.game(self.game_id)
        assert game is not None
        event = resolve_event(game, "weekly-frags")
        assert event is not None
        window = event.window_at(int(time.time() * 1000))
        assert window is not None
        body = await self.ask(
            external_id,
            ask.StartAttempt(event_key="weekly-frags", window_id=window.id),
            reference=event.reference,
            definition=event.encoded,
        )
        return msgspec.msgpack.decode(body, type=StartAnswer)

    async def progress(self, external_id: str, attempt_id: str, value: float) -> None:
        await self.ask(
            external_id,
            ask.ReportProgress(
                event_key="weekly-frags", attempt_id=attempt_id, mode="increment", metric_value=value
            ),
        )

    async def get(self, path: str, key: str = "lo_live", **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={"x-api-key": self.keys[key], **headers})


@asynccontextmanager
async def play(stack: QuestlogStack) -> AsyncIterator[Play]:
    demo = stack.demo
    redis = connect(demo["redis_url"])
    appender = KafkaAppender(demo["kafka"], client_id="reads-test", timeout_s=6.0)
    commands = CommandClient(
        topic=LIVEOPS_COMMANDS,
        appender=appender,
        answers=RedisOutcomes(NounStores("liveops", [redis])),
        gateway_id=f"test-{uuid.uuid4().hex}",
        new_record_id=lambda: uuid.uuid4().hex,
    )
    await commands.start()
    asker = Asker(
        commands, COMMANDS, clock_ms=lambda: int(time.time() * 1000), randomness=secrets.token_bytes
    )
    playing = Play(asker, RedisDirectory(redis), demo)
    try:
        yield playing
    finally:
        await playing.http.aclose()
        await commands.stop()
        await appender.stop()
        await redis.aclose()


async def test_a_game_is_read_as_it_is_played(questlog_stack: QuestlogStack) -> None:
    async with play(questlog_stack) as playing:
        run = uuid.uuid4().hex[:8]
        ann, bob = f"ann-{run}", f"bob/{run}"
        first, second = await playing.start(ann), await playing.start(bob)
        board_id = first.attempt.board_id
        events = (await playing.get(f"/sdk/v1/players/{ann}/events")).json()["events"]
        weekly = next(event for event in events if event["eventKey"] == "weekly-frags")
        assert weekly["leaderboardId"] == board_id
        assert (weekly["attemptsUsed"], weekly["activeAttemptId"]) == (1, first.attempt.id)
        async with playing.http.stream(
            "GET",
            f"/sdk/v1/leaderboards/{board_id}/stream",
            headers={"x-api-key": playing.keys["lo_live"]},
        ) as stream:
            lines = stream.aiter_lines()
            assert await line_with(lines, "event") == "event: ready"
            await playing.progress(ann, first.attempt.id, 2)
            assert await line_with(lines, "event") == "event: score_update"
            told = msgspec.json.decode((await line_with(lines, "data")).removeprefix("data: "))
            assert (told["externalId"], told["leaderboardId"]) == (ann, board_id)
        await playing.progress(bob, second.attempt.id, 3)
        path = f"/sdk/v1/leaderboards/{board_id}?limit=200&includeSelf=true&externalId="
        own = (await playing.get(path + ann)).json()["self"]
        better = (await playing.get(path + bob.replace("/", "%2F"))).json()["self"]
        assert better["rank"] < own["rank"]
        assert own["rank"] == told["rank"] + 1
        assert (await playing.get(path + "nobody")).json()["self"] is None


async def test_secrets_wallet_and_a_ledger_longer_than_redis_keeps(questlog_stack: QuestlogStack) -> None:
    async with play(questlog_stack) as playing:
        ann = f"ann-{uuid.uuid4().hex[:8]}"
        path = f"/sdk/v1/players/{ann}"
        secret = secrets.token_hex(16)
        assert (await playing.get(f"{path}/pending-grants")).status_code == 200
        await playing.ask(ann, ask.RegisterPlayer(secret_hash=key_hash(secret)))
        for part in ("events", "pending-grants", "wallet", "inventory"):
            assert (await playing.get(f"{path}/{part}")).status_code == 401
            assert (await playing.get(f"{path}/{part}", **{"x-player-secret": secret})).status_code == 200
        count = 120
        for _ in range(count):
            await playing.ask(ann, ask.CreditWallet(economy_key="gold", amount=2))
        wallet = await playing.get(f"{path}/wallet", **{"x-player-secret": secret})
        assert wallet.json()["wallet"][0]["balance"] == 2 * count
        overview = (await playing.get(f"/server/v1/players/{ann}", key="lo_srv")).json()
        assert overview["ledger"][0]["balance"] == 2 * count
        async with asyncio.timeout(60):
            while (numbers := await whole_ledger(playing, ann)) != list(range(count, 0, -1)):
                # ClickHouse trails the log by a batch; a page is never wrong, it only ends early.
                assert numbers == list(range(count, count - len(numbers), -1))
                await asyncio.sleep(0.2)


async def whole_ledger(playing: Play, external_id: str) -> list[int]:
    numbers: list[int] = []
    cursor = ""
    while True:
        path = f"/server/v1/players/{external_id}/ledger?limit=50{cursor}"
        response = await playing.get(path, key="lo_srv")
        if response.status_code == 503:
            return numbers
        page = response.json()
        numbers += [row["number"] for row in page["ledger"]]
        assert page["ledger"]
        if page["nextCursor"] is None:
            return numbers
        cursor = f"&cursor={page['nextCursor']}"


async def line_with(lines: AsyncIterator[str], prefix: str) -> str:
    async with asyncio.timeout(60):
        async for line in lines:
            if line.startswith(prefix):
                return line
    raise EOFError
