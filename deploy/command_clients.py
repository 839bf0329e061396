"""Command clients whose outcomes come back over Redis, closed with their owner's stack."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING

from deploy.clock import now_ms
from deploy.noun import Acting
from projections.redis.outcomes import RedisOutcomes
from projections.redis.stores import NounStores
from projections.studio.queries import StudioQueries
from schemas.studio.commands import COMMANDS
from schemas.studio.noun import NOUN as STUDIO
from schemas.studio.noun import STUDIO_COMMANDS
from schemas.telemetry.noun import TELEMETRY
from streams.ai.asking import AiAsking
from streams.asking import Asker
from streams.gateway.commands import CommandClient

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from redis.asyncio import Redis

    from deploy.nouns import Deciding
    from deploy.roles import Worker
    from projections.redis.stores import RedisStores
    from schemas.log import Appender
    from schemas.topics import Topic


async def open_commands(
    stack: AsyncExitStack, topic: Topic, stores: NounStores, *, appender: Appender, client: str
) -> CommandClient:
    """A started client of the noun whose `stores` these are. `client` names the process in its gateway id."""
    commands = CommandClient(
        topic=topic,
        appender=appender,
        answers=RedisOutcomes(stores),
        gateway_id=f"{client}-{uuid.uuid4().hex}",
        new_record_id=lambda: uuid.uuid4().hex,
    )
    stack.push_async_callback(commands.stop)
    await commands.start()
    return commands


async def open_ai(stack: AsyncExitStack, appender: Appender, redis: Redis) -> AiAsking:
    """What the reads ask of studios' AI."""
    stores = NounStores(STUDIO.name, [redis])
    commands = await open_commands(stack, STUDIO_COMMANDS, stores, appender=appender, client="ai")
    asker = Asker(commands, COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes)
    return AiAsking(StudioQueries(redis), asker, clock_ms=now_ms)


async def open_acting(worker: Worker, stores: RedisStores, noun: Deciding) -> Acting:
    """What a role's process managers and effects of a noun need."""
    commands = await open_commands(
        worker.stack,
        noun.commands,
        stores.of(noun.projection),
        appender=worker.appender,
        client=worker.role,
    )
    return Acting(
        settings=worker.settings,
        stores=stores,
        tail=worker.tail,
        asker=Asker(commands, noun.decider.commands, clock_ms=now_ms, randomness=secrets.token_bytes),
        events=noun.events,
        appender=worker.appender,
        telemetry=worker.topic(TELEMETRY),
        stack=worker.stack,
    )
