"""How the roles that are consumer groups follow the log: Faust's app, the readers, what is known of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from deploy.brokers import brokers_of
from deploy.failure_policy import ELSEWHERE, advice
from deploy.redis_server import open_redis
from projections.redis.failures import RedisFailures
from streams.runtime.application import SESSION_SECONDS, create_application
from streams.runtime.failures import Failures
from streams.runtime.reader import Role

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    import faust

    from deploy.roles import Worker
    from schemas.log import LogReader
    from schemas.topics import Topic

BULK_BYTES: Final = 128 * 1024
"""What the broker gathers for a role that no client waits for, unless a quarter of a second passes first."""
HEARTBEAT_MS_MAX: Final = 2 * SESSION_SECONDS * 1000


def application(worker: Worker, *, in_bulk: bool = False) -> faust.App:
    """The role's Faust app: one consumer group. Make it once, in the running loop.

    `in_bulk` is for roles that no client waits for: fewer, larger fetches.
    """
    return create_application(
        worker.role,
        instance=str(worker.settings.instance),
        bootstrap=brokers_of(worker.settings),
        data_dir=worker.settings.home,
        fetch_min_bytes=BULK_BYTES if in_bulk else 1,
    )


async def follow(
    worker: Worker,
    app: faust.App,
    bindings: Sequence[tuple[Topic, LogReader]],
    stop: asyncio.Event,
    *,
    lanes: bool = False,
) -> None:
    """Let the readers take effect of their topics until `stop` is set, with `lanes` as `Role` says."""
    redis = open_redis(worker.settings, connections=2)
    worker.stack.push_async_callback(redis.aclose)
    failures = Failures(worker.role, RedisFailures(redis), elsewhere=ELSEWHERE, advice=advice)
    role = Role(app, bindings, tail=worker.tail, lanes=lanes, failures=failures)
    worker.health = lambda: _health_of(role)
    await role.run(stop)


def _health_of(role: Role) -> dict[str, Any]:
    """`ok` while the group knows this worker; `lag` over all of its partitions."""
    health = role.health()
    lags = [partition["lag"] for partition in health["partitions"] if partition["lag"] is not None]
    ok = health["heartbeat_age_ms"] < HEARTBEAT_MS_MAX
    return {"ok": ok, "lag": sum(lags) if lags else None, **health}
