"""The timer role: says in the log what time has brought (sessions, windows, lobbies), and runs exports.

It may fire twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import RedisError

from deploy.clock import now_ms
from deploy.command_clients import open_acting
from deploy.nouns import deciding
from deploy.object_store import open_objects
from deploy.redis_stores import open_stores
from deploy.sealing import open_fingerprints
from projections.redis.export_register import RedisExportRegister
from projections.telemetry.live_counters import RedisDeadlines
from schemas.edge.ports import StoreUnavailable
from schemas.log import LogUnavailable
from schemas.log_positions import PositionRefused
from schemas.objects import ObjectStoreError
from schemas.telemetry.noun import TELEMETRY
from streams.exports import ExportRunner
from streams.timer import SessionTimer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deploy.noun import Tick
    from deploy.roles import Worker

TICK_SECONDS: Final = 1.0
AWAY: Final = (RedisError, OSError, StoreUnavailable, LogUnavailable, ObjectStoreError, PositionRefused)
"""What waits: a store that is away, an export whose position the log lost. Anything else ends the process."""

_log: Final = logging.getLogger(__name__)


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Tick each every second until `stop` is set; a long one (an export, a large board) holds no other."""
    configured = worker.settings
    stores = open_stores(configured)
    worker.stack.push_async_callback(stores.aclose)
    redis = stores.common
    partitions = worker.topic(TELEMETRY).partitions
    timer = SessionTimer(
        topic=TELEMETRY.name,
        source=RedisDeadlines(redis, partitions=partitions),
        tail=worker.tail,
        appender=worker.appender,
    )
    exports = ExportRunner(
        register=RedisExportRegister(redis, configured.exports_per_day),
        tail=worker.tail,
        objects=open_objects(configured),
        partitions=partitions,
        fingerprints=open_fingerprints(configured),
    )
    ticks: dict[str, Callable[[], Awaitable[Any]]] = {"exports": exports.tick}
    for noun in deciding(configured):
        if noun.managers is not None:
            for name, tick in noun.managers(await open_acting(worker, stores, noun)).items():
                ticks[name] = partial(_now, tick)
    worker.health = lambda: {"ok": True, "lag": None}
    async with asyncio.TaskGroup() as group:
        group.create_task(_every_second("sessions", partial(_now, timer.tick), stop))
        ending = [group.create_task(_every_second(name, tick, stop)) for name, tick in ticks.items()]
        await stop.wait()
        for task in ending:
            task.cancel()  # what they began is begun again, or is done when they look next


async def _now(tick: Tick) -> None:
    await tick(now_ms())


async def _every_second(what: str, tick: Callable[[], Awaitable[Any]], stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await tick()
        except AWAY as error:
            _log.warning("%s wait: %s", what, error)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS):
                await stop.wait()
