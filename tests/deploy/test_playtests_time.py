"""Deadlines on the real stack: slots that are due together expire by the timer, and their seats reopen."""

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

from projections.clickhouse.client import ClickHouse
from projections.playtests.queries import PlaytestQueries
from projections.playtests.tables import ClickHouseLedgers
from projections.redis.client import connect
from projections.redis.outcomes import RedisOutcomes
from projections.telemetry.queries.client import ClickHouseQueries
from schemas.identifiers import partition_of
from schemas.playtests import commands as ask
from schemas.playtests import names
from schemas.playtests.answers import OrderAnswer
from schemas.playtests.commands import COMMANDS
from schemas.playtests.limits import SUBMIT_ALONE_MS
from schemas.playtests.noun import PLAYTESTS_COMMANDS
from streams.asking import Asker
from streams.gateway.commands import CommandClient
from streams.runtime.producer import KafkaAppender
from tests.streams.deciders.playtests.given import order

if TYPE_CHECKING:
    from schemas.codec import Message
    from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

GAME_ID = "game_deadlines"
ORDERS, SLOTS = 3, 40
DUE_IN_MS = 20_000
"""After the first command: by then every slot is claimed."""
ALL_MS = 10_000
"""Within which all are decided."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class World:
    """A gateway's view of a studio in a partition that nobody else uses, whose clock is a day behind."""

    def __init__(self, asker: Asker, reads: PlaytestQueries, studio_id: str) -> None:
        self.asker = asker
        self.reads = reads
        self.studio_id = studio_id

    async def ask(self, body: Message, aggregate_id: str) -> bytes:
        outcome = await self.asker.ask(
            body, aggregate_id=aggregate_id, studio_id=self.studio_id, game_id=GAME_ID
        )
        return outcome.body

    async def ordered(self, slots: int) -> str:
        body = await self.ask(
            order(slots, pay_from_credit=True), names.order_aggregate(self.studio_id, "new")
        )
        return msgspec.msgpack.decode(body, type=OrderAnswer).order.id

    async def claim(self, order_id: str, playtester_id: str) -> None:
        claim = ask.ClaimSlot(order_id=order_id, playtester_id=playtester_id)
        await self.ask(claim, names.order_aggregate(self.studio_id, order_id))


def free_studio(taken: set[int]) -> str:
    """A studio id of a partition that none of the stack's studios has."""
    partitions = PLAYTESTS_COMMANDS.partitions
    return next(
        name
        for name in (f"user_{uuid.uuid4().hex[:12]}" for _ in range(10_000))
        if partition_of(name, partitions) not in taken
    )


@asynccontextmanager
async def opened(stack: QuestlogStack, at_ms: int) -> AsyncIterator[World]:
    demo = stack.demo
    redis = connect(demo["redis_url"])
    queries = ClickHouseQueries(demo["clickhouse_url"], "questlog")
    appender = KafkaAppender(demo["kafka"], client_id="test-deadlines")
    client = CommandClient(
        topic=PLAYTESTS_COMMANDS,
        appender=appender,
        answers=RedisOutcomes(redis, "playtests"),
        gateway_id=f"test-{uuid.uuid4().hex}",
        new_record_id=lambda: uuid.uuid4().hex,
    )
    await client.start()
    studios = (demo["studio"]["id"], demo["other"]["studio"]["id"])
    taken = {partition_of(studio_id, PLAYTESTS_COMMANDS.partitions) for studio_id in studios}
    asker = Asker(client, COMMANDS, clock_ms=lambda: at_ms, randomness=secrets.token_bytes)
    yield World(asker, PlaytestQueries(redis, ClickHouseLedgers(queries)), free_studio(taken))
    await client.stop()
    await appender.stop()
    await queries.close()
    await redis.aclose()


async def test_slots_that_are_due_together_expire_and_their_seats_reopen(
    questlog_stack: QuestlogStack,
) -> None:
    due_ms = now_ms() + DUE_IN_MS
    async with opened(questlog_stack, due_ms - SUBMIT_ALONE_MS) as world:
        account = names.account_aggregate(world.studio_id)
        await world.ask(ask.AdjustAccount(amount_cents=10**9, reason="test"), account)
        orders = [await world.ordered(SLOTS) for _ in range(ORDERS)]
        people = [f"playtester-{number}" for number in range(SLOTS)]
        await asyncio.gather(*(world.claim(one, name) for one in orders for name in people))
        assert await world.reads.slots_of_status(world.studio_id, "reserved") == ORDERS * SLOTS
        assert now_ms() < due_ms, "the machine was too slow to claim them all in time"
        await asyncio.sleep((due_ms - now_ms()) / 1000)
        while await world.reads.slots_of_status(world.studio_id, "reserved"):
            assert now_ms() - due_ms < ALL_MS + 20_000, "the timer has not asked for all of them"
            await asyncio.sleep(0.1)
        assert await world.reads.slots_of_status(world.studio_id, "expired") == ORDERS * SLOTS
        assert await world.reads.slots_of_status(world.studio_id, "open") == ORDERS * SLOTS
        due = await world.reads.dues(now_ms(), 100)
        assert [row for row in due if row.studio_id == world.studio_id] == []
        await in_clickhouse(questlog_stack, world.studio_id)


async def in_clickhouse(stack: QuestlogStack, studio_id: str) -> None:
    """The tables say the same a few seconds later."""
    client = ClickHouse(stack.demo["clickhouse_url"], "questlog")
    try:
        wanted = [["expired", ORDERS * SLOTS], ["open", ORDERS * SLOTS]]
        deadline = time.monotonic() + 60
        while True:
            rows = await client.rows(
                "SELECT status, count() FROM playtest_slots FINAL WHERE studio_id = {studio:String}"
                " GROUP BY status ORDER BY status",
                {"studio": studio_id},
            )
            if rows == wanted:
                return
            assert time.monotonic() < deadline, rows
            await asyncio.sleep(0.5)
    finally:
        await client.close()
