"""Opens the administration of studios and keys on a running stack, for the command line."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from deploy.brokers import brokers_of
from deploy.clock import now_ms
from deploy.command_clients import open_commands
from deploy.operations import operator
from deploy.redis_server import open_redis
from projections.redis.stores import NounStores
from projections.studio.directory import MAX_AGE_S
from projections.studio.projection import NOUN
from projections.studio.queries import StudioQueries
from schemas.edge.ports import StoreUnavailable
from schemas.studio.noun import STUDIO_COMMANDS
from streams.runtime.producer import KafkaAppender
from streams.studio_administration import StudioAdministration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from deploy.settings import Settings

Administration = StudioAdministration[StudioQueries]
CREDENTIALS_AGE_MAX_S: Final = MAX_AGE_S + 0.2
"""After this time no process can still hold a value that was rotated or revoked."""


@asynccontextmanager
async def open_administration(settings: Settings) -> AsyncIterator[Administration]:
    """Raises SettingsError without a deployment secret."""
    secret = settings.deployment_secret()
    async with AsyncExitStack() as stack:
        redis = open_redis(settings)
        stack.push_async_callback(redis.aclose)
        appender = KafkaAppender(brokers_of(settings), client_id="questlog-cli")
        stack.push_async_callback(appender.stop)
        stores = NounStores(NOUN, [redis])
        commands = await open_commands(stack, STUDIO_COMMANDS, stores, appender=appender, client="cli")
        queries = StudioQueries(redis)
        yield Administration(
            commands,
            queries,
            secret=secret,
            credentials_age_max_s=CREDENTIALS_AGE_MAX_S,
            clock_ms=now_ms,
            randomness=secrets.token_bytes,
            by=operator(),
        )


@asynccontextmanager
async def open_queries(settings: Settings) -> AsyncIterator[StudioQueries]:
    """What is read of studios and games alone."""
    async with open_redis(settings) as redis:
        yield StudioQueries(redis)


async def wait_until_ready(queries: StudioQueries, seconds: float) -> None:
    """Return once the projection can be read. Raises StoreUnavailable after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            await queries.studios()
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)  # the gate sends no notification: it is polled ten times a second
        else:
            return
