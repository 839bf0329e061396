"""Opens the administration of playtests on a running stack, for the command line."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from deploy.brokers import brokers_of
from deploy.clock import now_ms
from deploy.command_clients import open_commands
from deploy.no_ledgers import NoLedgers
from deploy.nouns import topic_of
from deploy.object_store import open_objects
from deploy.operations import operator
from deploy.redis_server import open_redis
from deploy.sealing import open_sealer
from projections.playtests.keys import STORED
from projections.playtests.queries import PlaytestQueries
from projections.redis.stores import NounStores
from projections.studio.queries import StudioQueries
from schemas.playtests.noun import PLAYTESTS_COMMANDS
from streams.asking import CommandRefused
from streams.playtests.administration import PlaytestAdministration
from streams.playtests.batch_definitions import commands_for, fixed_changes
from streams.playtests.operation import PlaytestOperation
from streams.runtime.producer import KafkaAppender

BATCHES_S: Final = 30.0
"""How long an effect may take to carry batches to their decider."""

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
            by=operator(),
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
            by=operator(),
        )


async def wait_for_batches(settings: Settings, studio_id: str, seconds: float = BATCHES_S) -> None:
    """Return once the key batches of a studio's games are as their definitions declare.

    Raises CommandRefused where they can't be, or are not in time: the definition itself is applied.
    """
    sealer = open_sealer(settings)
    deadline = asyncio.get_running_loop().time() + seconds
    async with open_redis(settings) as redis:
        studios, playtests = StudioQueries(redis), PlaytestQueries(redis, NoLedgers())
        while True:
            left = 0
            for game in await studios.games(studio_id):
                rows = await playtests.batches(studio_id, game.id)
                if fixed := fixed_changes(game, rows):
                    raise CommandRefused(f"{game.slug}: {fixed[0]}", status=409, code="fixed")
                left += len(commands_for(game, rows, sealer))
            if not left:
                return
            if asyncio.get_running_loop().time() > deadline:
                unknown = f"the definition is applied, {left} of its key batches are not: do effects run?"
                raise CommandRefused(unknown, status=503, code="unavailable")
            await asyncio.sleep(0.1)  # an effect carries them: there is nothing to be told by


@asynccontextmanager
async def _commands(settings: Settings) -> AsyncIterator[tuple[CommandClient, Redis]]:
    async with AsyncExitStack() as stack:
        redis = open_redis(settings)
        stack.push_async_callback(redis.aclose)
        appender = KafkaAppender(brokers_of(settings), client_id="questlog-cli")
        stack.push_async_callback(appender.stop)
        topic = topic_of(settings, PLAYTESTS_COMMANDS)
        stores = NounStores(STORED, [redis])
        yield await open_commands(stack, topic, stores, appender=appender, client="cli"), redis
