"""The timer role: says in the log what time has brought. It reads no topic, and may fire twice."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError

from deploy.export_register import RedisExportRegister
from deploy.objects import open_objects
from projections.redis.client import connect
from projections.telemetry.live import RedisDeadlines
from schemas.edge.ports import StoreUnavailable
from schemas.log import LogUnavailable
from schemas.topics import TELEMETRY
from streams.exports import ExportRunner
from streams.timer import SessionTimer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deploy.roles import Worker

TICK_SECONDS: Final = 1.0

_log: Final = logging.getLogger(__name__)


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Tick every second until `stop` is set."""
    redis = connect(worker.settings.redis_url)
    worker.stack.push_async_callback(redis.aclose)
    deadlines = RedisDeadlines(redis, partitions=worker.settings.telemetry_partitions)
    timer = SessionTimer(topic=TELEMETRY.name, source=deadlines, tail=worker.tail, appender=worker.appender)
    exports = ExportRunner(
        register=RedisExportRegister(redis),
        tail=worker.tail,
        objects=open_objects(
            worker.settings.object_store_location,
            base_url=worker.settings.base_url,
            secret=worker.settings.deployment_secret(),
        ),
        partitions=worker.settings.telemetry_partitions,
    )
    worker.health = lambda: {"ok": True, "lag": None}
    # An export may take minutes: deadlines don't wait for it.
    await asyncio.gather(
        _every_second(lambda: timer.tick(time.time_ns() // 1_000_000), stop),
        _every_second(exports.tick, stop),
    )


async def _every_second(tick: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await tick()
        except (RedisError, OSError, StoreUnavailable, LogUnavailable) as error:
            _log.warning("the timer waits: %s", error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_SECONDS)
