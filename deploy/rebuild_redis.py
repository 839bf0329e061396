"""Rebuilds every noun's Redis projection from the log, beside the live one: `questlog rebuild redis`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from deploy.brokers import brokers_of
from deploy.clock import now_ms
from deploy.nouns import deciding
from deploy.redis_stores import open_stores, shares
from projections.redis.layout import held_former
from projections.redis.rebuild import RebuildFailed, Rebuilt, forget, rebuild, stored_outcomes
from streams.runtime.partition_reads import KafkaTail

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

    from deploy.settings import Settings


async def rebuild_redis(
    settings: Settings,
    *,
    verify: bool = False,
    discard: bool = False,
    group: int | None = None,
    newer_layouts: bool = False,
    progress: Callable[[str, int, int], None],
    forgotten: Callable[[set[bytes]], None] = lambda _keys: None,
) -> list[Rebuilt]:
    """Rebuild and swap each noun, or with `verify` build, compare with the live one and swap nothing.

    `progress(noun, done, total)` in records. `discard` replaces positions of another or a shortened log, and
    then forgets outcomes of commands that the log does not hold, so that a retry is decided anew; `forgotten`
    is told their keys. With `group` only the share of that group of `QUESTLOG_REDIS_GROUPS` (from 0), with
    `newer_layouts` only what Redis holds in a layout of an older release.
    Raises RebuildFailed, LogUnavailable or a Redis error; nouns done before it stay swapped.
    """
    _check_group(settings, group, discard=discard)
    stores = open_stores(settings, timeout_s=30.0)
    tail = KafkaTail(brokers_of(settings), client_id="questlog-rebuild-redis")
    begun_at_ms = now_ms()
    unseen: dict[Redis, set[bytes]] = {}
    try:
        wanted = [
            (redis, share)
            for noun in deciding(settings)
            for redis, share in shares(stores, noun.projection)
            if group is None or (share.spread and share.group.index == group)
        ]
        if newer_layouts:
            wanted = [(redis, share) for redis, share in wanted if await held_former(redis, share.former)]
        if discard:
            unseen = {
                redis: await stored_outcomes(redis) for redis in dict.fromkeys(own for own, _ in wanted)
            }
        done = [
            await rebuild(
                redis,
                share,
                log=tail,
                generation=f"{now_ms()}",
                now_ms=begun_at_ms,
                unseen=unseen.get(redis),
                progress=partial(progress, share.shown),
                verify=verify,
                discard=discard,
            )
            for redis, share in wanted
        ]
        for redis, keys in unseen.items():
            await forget(redis, keys)
        forgotten(set().union(*unseen.values()))
        return done
    finally:
        await tail.stop()
        await stores.aclose()


def _check_group(settings: Settings, group: int | None, *, discard: bool) -> None:
    if group is None:
        return
    if not 0 <= group < len(settings.redis_groups):
        raise RebuildFailed(f"QUESTLOG_REDIS_GROUPS names no group {group}")
    if discard and settings.redis_groups[group] == settings.redis_url:
        raise RebuildFailed(
            f"group {group} is in the common Redis, whose stored answers are of all nouns: leave --group out"
        )
