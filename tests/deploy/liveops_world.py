"""A gateway's view of a running stack's live-ops: asks for what players do, and counts in the log."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from projections.liveops.queries import LiveopsQueries
from projections.redis.client import connect
from projections.redis.outcomes import RedisOutcomes
from projections.redis.stores import NounStores
from projections.webhooks.queue import WebhookQueue
from schemas.edge.ports import Game, Limits
from schemas.envelope import EventsRecord
from schemas.liveops.answers import StartAnswer
from schemas.liveops.commands import COMMANDS, ReportProgress, StartAttempt
from schemas.liveops.definitions import ResolvedEvent, resolve_event
from schemas.liveops.event_windows import BoardFinalized
from schemas.liveops.events import EVENTS, GrantCreated
from schemas.liveops.names import player_aggregate
from schemas.liveops.noun import LIVEOPS_COMMANDS, LIVEOPS_EVENTS
from streams.asking import Asker
from streams.gateway.commands import CommandClient
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from tests.stack import QuestlogStack

GAME_ID = "game_shortwindow"
GOLD = {"type": "currency", "key": "gold", "quantity": 5}
FRAGS = {
    "eventKey": "short",
    "name": "Short",
    "mode": "global",
    "metrics": {"frags": {}},
    "scoreFormula": "frags",
    "rewards": [
        {"trigger": "rank <= 1", "entries": [GOLD]},
        {"trigger": "rank <= 10", "entries": [GOLD]},
        {"trigger": "score >= 1000", "entries": [GOLD]},
    ],
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def define(stack: QuestlogStack, folder: Path, url: str, game_id: str = GAME_ID) -> None:
    """Declare the game with a webhook, as a studio does."""
    file = folder / "short.yaml"
    told = ["attempt.completed", "grant.created", "grant.claimed", "leaderboard.finalized"]
    webhook = {"id": "main", "url": url, "events": told}
    game = {"id": game_id, "slug": "short", "name": "Short", "webhooks": [webhook]}
    slug = game_id.removeprefix("game_")
    file.write_text(json.dumps({"studio": {"name": "Short", "slug": slug}, "games": [game]}))
    command = (sys.executable, "-m", "deploy.cli", "apply", str(file), "--home", str(stack.home))
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


def resolved(game_id: str, window: dict[str, Any]) -> ResolvedEvent:
    game = Game(
        id=game_id,
        studio_id="user_1",
        slug="short",
        name="Short",
        created_at_ms=0,
        limits=Limits(),
        definition={"events": [FRAGS | {"window": window}]},
    )
    event = resolve_event(game, "short")
    assert event is not None
    return event


class World:
    """A gateway's view of the stack."""

    def __init__(
        self,
        stack: QuestlogStack,
        game_id: str,
        event: ResolvedEvent,
        *,
        redis: Redis,
        appender: KafkaAppender,
        tail: KafkaTail,
    ) -> None:
        self.stack = stack
        self.game_id = game_id
        self.event = event
        stores = NounStores("liveops", [redis])
        self.reads = LiveopsQueries(stores)
        self.queue = WebhookQueue(redis)
        self.tail = tail
        self.client = CommandClient(
            topic=LIVEOPS_COMMANDS,
            appender=appender,
            answers=RedisOutcomes(stores),
            gateway_id=f"test-{uuid.uuid4().hex}",
            new_record_id=lambda: uuid.uuid4().hex,
        )
        self.asker = Asker(self.client, COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes)

    async def play(self, external_id: str, window_id: str, frags: float) -> None:
        aggregate_id = player_aggregate(self.game_id, external_id)
        started = await self.asker.ask(
            StartAttempt(event_key="short", window_id=window_id),
            aggregate_id=aggregate_id,
            studio_id="user_1",
            game_id=self.game_id,
            reference=self.event.reference,
            definition=self.event.encoded,
        )
        attempt = msgspec.msgpack.decode(started.body, type=StartAnswer).attempt
        await self.asker.ask(
            ReportProgress(event_key="short", attempt_id=attempt.id, mode="increment", metric_value=frags),
            aggregate_id=aggregate_id,
            studio_id="user_1",
            game_id=self.game_id,
        )

    def kill(self, *parts: str) -> None:
        for name in parts:
            os.kill(self.stack.parts()[name]["pid"], signal.SIGKILL)

    async def counted(self, board: str) -> tuple[Counter[tuple[str, str]], int]:
        """Rank grants of a board by (player, trigger), and its finalizations, from the log itself."""
        grants: Counter[tuple[str, str]] = Counter()
        finalized = 0
        for partition in range(LIVEOPS_EVENTS.partitions):
            async for record in self.tail.read(LIVEOPS_EVENTS.name, partition, 0):
                for decided in msgspec.msgpack.decode(record.value, type=EventsRecord).decided:
                    for event in decided.events:
                        if event.type == GrantCreated.WIRE:
                            created = EVENTS.decode(event.type, event.data)
                            assert isinstance(created, GrantCreated)
                            if created.grant.board_id == board:
                                grants[created.external_id, created.grant.trigger] += 1
                        elif event.type == BoardFinalized.WIRE:
                            done = EVENTS.decode(event.type, event.data)
                            assert isinstance(done, BoardFinalized)
                            finalized += done.board_id == board
        return grants, finalized


@asynccontextmanager
async def opened(
    stack: QuestlogStack, game_id: str = GAME_ID, *, window: dict[str, Any]
) -> AsyncIterator[World]:
    """A world on a stack, whose event has windows of this kind; closed afterwards."""
    redis = connect(stack.demo["redis_url"])
    appender = KafkaAppender(stack.demo["kafka"], client_id="test-time")
    tail = KafkaTail(stack.demo["kafka"], client_id="test-time-tail")
    event = resolved(game_id, window)
    made = World(stack, game_id, event, redis=redis, appender=appender, tail=tail)
    await made.client.start()
    yield made
    await made.client.stop()
    await tail.stop()
    await appender.stop()
    await redis.aclose()
