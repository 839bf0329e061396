"""What each worker role does: a module for each role, with `async def run(worker, stop)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from deploy.failure_policy import ELSEWHERE, advice
from deploy.nouns import topic_of
from projections.redis.client import connect
from projections.redis.failures import RedisFailures
from schemas.log import LogReader
from schemas.topics import Topic
from streams.runtime.application import SESSION_SECONDS, create_application
from streams.runtime.failures import Failures
from streams.runtime.reader import Role

if TYPE_CHECKING:
    import asyncio

    import faust

    from deploy.settings import Settings
    from streams.runtime.partition_reads import KafkaTail
    from streams.runtime.producer import KafkaAppender

BULK_BYTES: Final = 128 * 1024
"""What the broker gathers for a role that no client waits for, unless a quarter of a second passes first."""
HEARTBEAT_MS_MAX: Final = 2 * SESSION_SECONDS * 1000


def _starting() -> dict[str, Any]:
    return {"ok": False, "lag": None}


@dataclass(kw_only=True)
class Worker:
    """What a role is built from. What it opens it leaves to `stack`, which closes it at the role's end."""

    role: str
    settings: Settings
    stack: AsyncExitStack = field(init=False)
    tail: KafkaTail = field(init=False)
    appender: KafkaAppender = field(init=False)
    health: Callable[[], dict[str, Any]] = _starting
    """What /healthz shows: `ok`, `lag` in records, and more."""

    def topic(self, topic: Topic) -> Topic:
        """A topic with this deployment's partition count."""
        return topic_of(self.settings, topic)

    def application(self, *, in_bulk: bool = False) -> faust.App:
        """The role's Faust app: one consumer group. Make it once, in the running loop.

        `in_bulk` is for roles that no client waits for: fewer, larger fetches.
        """
        return create_application(
            self.role,
            instance=str(self.settings.instance),
            bootstrap=self.settings.kafka,
            data_dir=self.settings.home,
            fetch_min_bytes=BULK_BYTES if in_bulk else 1,
        )

    async def follow(
        self,
        app: faust.App,
        bindings: Sequence[tuple[Topic, LogReader]],
        stop: asyncio.Event,
        *,
        lanes: bool = False,
    ) -> None:
        """Let the readers take effect of their topics until `stop` is set, with `lanes` as `Role` says."""
        redis = connect(self.settings.redis_url, connections=2)
        self.stack.push_async_callback(redis.aclose)
        failures = Failures(self.role, RedisFailures(redis), elsewhere=ELSEWHERE, advice=advice)
        role = Role(app, bindings, tail=self.tail, lanes=lanes, failures=failures)
        self.health = lambda: _health_of(role)
        await role.run(stop)


def _health_of(role: Role) -> dict[str, Any]:
    """`ok` while the group knows this worker; `lag` over all of its partitions."""
    health = role.health()
    lags = [partition["lag"] for partition in health["partitions"] if partition["lag"] is not None]
    ok = health["heartbeat_age_ms"] < HEARTBEAT_MS_MAX
    return {"ok": ok, "lag": sum(lags) if lags else None, **health}
