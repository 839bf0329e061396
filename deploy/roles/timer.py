"""The timer role: says in the log what time has brought (sessions, windows, lobbies), and runs exports.

It may fire twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import RedisError

from deploy.clock import now_ms
from deploy.command_clients import open_asker
from deploy.object_store import open_objects
from projections.liveops.queries import LiveopsQueries
from projections.redis.client import connect
from projections.redis.export_register import RedisExportRegister
from projections.telemetry.live_counters import RedisDeadlines
from schemas.edge.ports import StoreUnavailable
from schemas.liveops.noun import LIVEOPS_COMMANDS
from schemas.log import LogUnavailable
from schemas.log_positions import PositionRefused
from schemas.objects import ObjectStoreError
from schemas.telemetry.noun import TELEMETRY
from streams.exports import ExportRunner
from streams.liveops.lobbies import LobbyManager
from streams.liveops.windows import WindowManager
from streams.timer import SessionTimer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deploy.roles import Worker

TICK_SECONDS: Final = 1.0
AWAY: Final = (RedisError, OSError, StoreUnavailable, LogUnavailable, ObjectStoreError, PositionRefused)
"""What waits: a store that is away, an export whose position the log lost. Anything else ends the process."""

_log: Final = logging.getLogger(__name__)


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Tick each every second until `stop` is set; a long one (an export, a large board) holds no other."""
    configured = worker.settings
    redis = connect(configured.redis_url)
    worker.stack.push_async_callback(redis.aclose)
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
    )
    asker = await open_asker(worker, redis)
    dues = LiveopsQueries(redis)
    windows = WindowManager(asker, dues, partitions=worker.topic(LIVEOPS_COMMANDS).partitions)
    lobbies = LobbyManager(asker, dues)
    worker.health = lambda: {"ok": True, "lag": None}
    async with asyncio.TaskGroup() as group:
        group.create_task(_every_second("sessions", lambda: timer.tick(now_ms()), stop))
        ending = group.create_task(_every_second("windows", lambda: windows.tick(now_ms()), stop))
        filling = group.create_task(_every_second("lobbies", lambda: lobbies.tick(now_ms()), stop))
        exporting = group.create_task(_every_second("exports", exports.tick, stop))
        await stop.wait()
        for task in (exporting, ending, filling):
            task.cancel()  # what they began is begun again, or is done when they look next


async def _every_second(what: str, tick: Callable[[], Awaitable[Any]], stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await tick()
        except AWAY as error:
            _log.warning("%s wait: %s", what, error)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS):
                await stop.wait()
