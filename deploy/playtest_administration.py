"""Opens the administration of playtests on a running stack, for the command line."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from deploy.clock import now_ms
from deploy.command_clients import open_commands
from deploy.nouns import topic_of
from deploy.object_store import open_objects
from deploy.playtests import NoLedgers
from deploy.sealing import open_sealer
from projections.playtests.keys import NOUN
from projections.playtests.queries import PlaytestQueries
from projections.redis.client import connect
from projections.studio.queries import StudioQueries
from schemas.playtests.noun import PLAYTESTS_COMMANDS
from streams.playtests.administration import PlaytestAdministration
from streams.playtests.operation import PlaytestOperation
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from deploy.settings import Settings
    from streams.gateway.commands import CommandClient


@asynccontextmanager
async def open_administration(settings: Settings) -> AsyncIterator[PlaytestAdministration]:
    """Raises SettingsError without a deployment secret."""
    sealer = open_sealer(settings)
    async with _commands(settings) as (commands, redis):
        yield PlaytestAdministration(
            commands,
            studios=StudioQueries(redis),
            reads=PlaytestQueries(redis, NoLedgers()),
            objects=open_objects(settings),
            sealer=sealer,
            base_url=settings.base_url,
            clock_ms=now_ms,
            randomness=secrets.token_bytes,
        )


@asynccontextmanager
async def open_operation(settings: Settings) -> AsyncIterator[PlaytestOperation]:
    """Raises SettingsError without a deployment secret."""
    sealer = open_sealer(settings)
    async with _commands(settings) as (commands, redis):
        yield PlaytestOperation(
            commands,
            studios=StudioQueries(redis),
            reads=PlaytestQueries(redis, NoLedgers()),
            sealer=sealer,
            clock_ms=now_ms,
            randomness=secrets.token_bytes,
        )


@asynccontextmanager
async def _commands(settings: Settings) -> AsyncIterator[tuple[CommandClient, Redis]]:
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        appender = KafkaAppender(settings.kafka, client_id="questlog-cli")
        stack.push_async_callback(appender.stop)
        topic = topic_of(settings, PLAYTESTS_COMMANDS)
        yield await open_commands(stack, topic, NOUN, appender=appender, redis=redis, client="cli"), redis
