"""The timer role: says in the log what time has brought. It reads no topic, and may fire twice."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError

from projections.redis.client import connect
from projections.telemetry.live import RedisDeadlines
from schemas.topics import TELEMETRY
from streams.timer import SessionTimer

if TYPE_CHECKING:
    from deploy.roles import Worker

TICK_SECONDS: Final = 1.0

_log: Final = logging.getLogger(__name__)


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Tick every second until `stop` is set."""
    redis = connect(worker.settings.redis_url)
    worker.stack.push_async_callback(redis.aclose)
    deadlines = RedisDeadlines(redis, partitions=worker.settings.telemetry_partitions)
    timer = SessionTimer(topic=TELEMETRY.name, source=deadlines, tail=worker.tail, appender=worker.appender)
    worker.health = lambda: {"ok": True, "lag": None}
    while not stop.is_set():
        try:
            await timer.tick(time.time_ns() // 1_000_000)
        except (RedisError, OSError) as error:
            _log.warning("the timer waits: %s", error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_SECONDS)
