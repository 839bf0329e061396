"""Rebuilds every noun's Redis projection from the log, beside the live one: `questlog rebuild redis`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.brokers import brokers_of
from deploy.clock import now_ms
from deploy.nouns import deciding
from projections.redis.client import connect
from projections.redis.rebuild import Rebuilt, forget, rebuild, stored_outcomes
from streams.runtime.partition_reads import KafkaTail

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.settings import Settings


async def rebuild_redis(
    settings: Settings,
    *,
    verify: bool = False,
    discard: bool = False,
    progress: Callable[[str, int, int], None],
    forgotten: Callable[[set[bytes]], None] = lambda _keys: None,
) -> list[Rebuilt]:
    """Rebuild and swap each noun, or with `verify` build, compare with the live one and swap nothing.

    `progress(noun, done, total)` in records. `discard` replaces positions of another or a shortened log, and
    then forgets outcomes of commands that the log does not hold, so that a retry is decided anew; `forgotten`
    is told their keys.
    Raises RebuildFailed, LogUnavailable or a Redis error; nouns done before it stay swapped.
    """
    redis = connect(settings.redis_url, timeout_s=30.0)
    tail = KafkaTail(brokers_of(settings), client_id="questlog-rebuild-redis")
    begun_at_ms = now_ms()
    unseen: set[bytes] = set()
    try:
        if discard:
            unseen = await stored_outcomes(redis)
        done = [
            await rebuild(
                redis,
                noun.projection,
                log=tail,
                generation=f"{now_ms()}",
                now_ms=begun_at_ms,
                unseen=unseen,
                progress=lambda done, total, name=noun.name: progress(name, done, total),
                verify=verify,
                discard=discard,
            )
            for noun in deciding(settings)
        ]
        await forget(redis, unseen)
        forgotten(unseen)
        return done
    finally:
        await tail.stop()
        await redis.aclose()
