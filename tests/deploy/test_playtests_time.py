"""Deadlines on the real stack: the timer asks for what is due, and what it asks too early changes nothing.

No test can wait for a deadline, nor move the log's clock: the list of what is due is moved instead.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest
from redis.asyncio import Redis

from projections.clickhouse.client import ClickHouse
from projections.playtests import keys
from projections.playtests.queries import PlaytestQueries
from projections.playtests.tables import ClickHouseLedgers
from projections.redis.client import connect
from projections.redis.outcomes import RedisOutcomes
from projections.redis.state import state_of
from projections.redis.stores import NounStores
from projections.telemetry.queries.client import ClickHouseQueries
from schemas.envelope import EventsRecord
from schemas.identifiers import partition_of
from schemas.playtests import account_commands, names, slot_commands
from schemas.playtests.answers import OrderAnswer
from schemas.playtests.commands import COMMANDS
from schemas.playtests.noun import PLAYTESTS_COMMANDS, PLAYTESTS_EVENTS
from streams.asking import Asker
from streams.gateway.commands import CommandClient
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from tests.streams.deciders.playtests.given import order

if TYPE_CHECKING:
    from schemas.codec import Message
    from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

GAME_ID = "game_deadlines"
SLOTS = 20


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class World:
    """A gateway's view of a studio of its own."""

    def __init__(self, asker: Asker, reads: PlaytestQueries, redis: Redis, tail: KafkaTail) -> None:
        self.studio_id = f"user_{uuid.uuid4().hex[:12]}"
        self.reads = reads
        self._asker = asker
        self._redis = redis
        self._tail = tail

    async def ask(self, body: Message, aggregate_id: str) -> bytes:
        outcome = await self._asker.ask(
            body, aggregate_id=aggregate_id, studio_id=self.studio_id, game_id=GAME_ID
        )
        return outcome.body

    async def claimed(self, orders: int, slots: int) -> None:
        """Orders whose slots are all reserved."""
        credit = account_commands.AdjustAccount(amount_cents=10**10, reason="test")
        await self.ask(credit, names.account_aggregate(self.studio_id))
        for _ in range(orders):
            about = names.order_aggregate(self.studio_id, "new")
            body = await self.ask(order(slots, pay_from_credit=True), about)
            order_id = msgspec.msgpack.decode(body, type=OrderAnswer).order.id
            about = names.order_aggregate(self.studio_id, order_id)
            claims = (
                slot_commands.ClaimSlot(order_id=order_id, playtester_id=f"playtester-{number}")
                for number in range(slots)
            )
            await asyncio.gather(*(self.ask(claim, about) for claim in claims))

    async def hasten(self) -> None:
        """Let the list say that everything of this studio is due."""
        generation = (await state_of(self._redis, keys.STORED, 0)).generation
        key = f"{keys.STORED}:{generation}:{keys.DUES}"
        own = [row for row in await self.reads.dues(2**52, 100_000) if row.studio_id == self.studio_id]
        moved = {keys.due_member(row.kind, row.studio_id, row.id, row.game_id): 1.0 for row in own}
        await self._redis.zadd(key, moved)

    async def end(self) -> int:
        """Where the studio's partition of events ends."""
        return await self._tail.end_offset(PLAYTESTS_EVENTS.name, self._partition)

    @property
    def _partition(self) -> int:
        return partition_of(self.studio_id, PLAYTESTS_COMMANDS.partitions)

    async def decided(self, begin: int) -> int:
        """How many commands of the studio were decided since, none of which gave an event."""
        count = 0
        async for record in self._tail.read(PLAYTESTS_EVENTS.name, self._partition, begin, await self.end()):
            for one in msgspec.msgpack.decode(record.value, type=EventsRecord).decided:
                if one.studio_id == self.studio_id:
                    assert one.events == []
                    count += 1
        return count


@asynccontextmanager
async def opened(stack: QuestlogStack) -> AsyncIterator[World]:
    demo = stack.demo
    redis = connect(demo["redis_url"])
    queries = ClickHouseQueries(demo["clickhouse_url"], "questlog")
    appender = KafkaAppender(demo["kafka"], client_id="test-deadlines")
    tail = KafkaTail(demo["kafka"], client_id="test-deadlines-tail")
    client = CommandClient(
        topic=PLAYTESTS_COMMANDS,
        appender=appender,
        answers=RedisOutcomes(NounStores(keys.STORED, [redis])),
        gateway_id=f"test-{uuid.uuid4().hex}",
        new_record_id=lambda: uuid.uuid4().hex,
    )
    try:
        await client.start()
        asker = Asker(client, COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes)
        yield World(asker, PlaytestQueries(redis, ClickHouseLedgers(queries)), redis, tail)
    finally:
        await client.stop()
        await tail.stop()
        await appender.stop()
        await queries.close()
        await redis.aclose()


async def test_the_timer_asks_for_what_is_due_and_an_early_word_changes_nothing(
    questlog_stack: QuestlogStack,
) -> None:
    async with opened(questlog_stack) as world:
        await world.claimed(1, SLOTS)
        assert await world.reads.slots_of_status(world.studio_id, "reserved") == SLOTS
        begin = await world.end()
        await world.hasten()
        deadline = time.monotonic() + 120
        while await world.decided(begin) < SLOTS:
            assert time.monotonic() < deadline, "the timer has not asked for all of them"
            await asyncio.sleep(0.1)
        assert await world.reads.slots_of_status(world.studio_id, "reserved") == SLOTS
        await in_clickhouse(questlog_stack, world.studio_id, [["reserved", SLOTS]])


async def in_clickhouse(stack: QuestlogStack, studio_id: str, wanted: list[list[object]]) -> None:
    """The tables say the same a few seconds later."""
    client = ClickHouse(stack.demo["clickhouse_url"], "questlog")
    sql = (
        "SELECT status, count() FROM playtest_slots FINAL WHERE studio_id = {studio:String}"
        " GROUP BY status ORDER BY status"
    )
    try:
        deadline = time.monotonic() + 60
        while (rows := await client.rows(sql, {"studio": studio_id})) != wanted:
            assert time.monotonic() < deadline, rows
            await asyncio.sleep(0.5)
    finally:
        await client.close()
