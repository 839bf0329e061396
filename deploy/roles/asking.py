"""How roles ask liveops: a command client of their own, closed at the role's end."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import TYPE_CHECKING

from projections.redis.outcomes import RedisOutcomes
from schemas.topics import LIVEOPS_COMMANDS
from streams.gateway.commands import CommandClient
from streams.liveops.asking import Asker

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from deploy.roles import Worker


async def open_asker(worker: Worker, redis: Redis) -> Asker:
    """An asker whose answers come back over Redis."""
    commands = CommandClient(
        topic=worker.topic(LIVEOPS_COMMANDS),
        appender=worker.appender,
        answers=RedisOutcomes(redis, "liveops"),
        gateway_id=f"{worker.role}-{uuid.uuid4().hex}",
        new_record_id=lambda: uuid.uuid4().hex,
    )
    await commands.start()
    worker.stack.push_async_callback(commands.stop)
    return Asker(commands, clock_ms=now_ms, randomness=secrets.token_bytes)


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000
