"""What is published in Redis beside ClickHouse: live counters, watermarks, open sessions, how far it is.

All of it is per-partition totals that are set, never incremented, so a replay changes nothing. None of it is
needed to go on: where Redis is away or lost something, everything is set again from what the projector knows.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec
from redis.exceptions import RedisError

from projections.telemetry.session_key import SessionKey
from schemas.edge.ports import StoreUnavailable
from schemas.telemetry.deadlines import GameWatermark, OpenSession

if TYPE_CHECKING:
    from collections.abc import Collection

    from redis.asyncio import Redis

MINUTES_KEPT: Final = 120
_EXPIRE_S: Final = (MINUTES_KEPT + 10) * 60
_MEMBERS_AT_ONCE: Final = 1_000
_PATIENCE_S: Final = 2.0
"""A Redis that does not answer may not keep telemetry out of ClickHouse."""
_log: Final = logging.getLogger(__name__)


class LiveState:
    """What one partition's projector publishes, and what of it changed since it last did."""

    def __init__(self) -> None:
        self.applied = 0
        """Everything before this offset is applied, or has no effect."""
        self.log_time_ms = 0
        self.watermarks: dict[tuple[str, str], tuple[int, int]] = {}
        """(studio, game) to watermark and latest arrival."""
        self.open: dict[SessionKey, int] = {}
        """Sessions that are not closed here, and their last event."""
        self.minutes: dict[tuple[str, str], dict[int, int]] = {}
        """(studio, game) to unix minute of arrival to number of events."""
        self.changed: set[SessionKey] = set()
        self.changed_minutes: set[tuple[tuple[str, str], int]] = set()

    def advance(self, watermarks: dict[tuple[str, str], tuple[int, int]]) -> None:
        """Take in a batch's watermarks; they never go back."""
        for tenant, (watermark_ms, arrived_ms) in watermarks.items():
            before = self.watermarks.get(tenant, (0, 0))
            self.watermarks[tenant] = max(before[0], watermark_ms), max(before[1], arrived_ms)

    def count(self, per_minute: dict[tuple[str, str], dict[int, int]]) -> None:
        """Add a batch's events, and forget minutes that are too old to show."""
        newest = max((minute for minutes in per_minute.values() for minute in minutes), default=0)
        for tenant, minutes in per_minute.items():
            own = self.minutes.setdefault(tenant, {})
            for minute, events in minutes.items():
                own[minute] = own.get(minute, 0) + events
                self.changed_minutes.add((tenant, minute))
        if newest:
            for own in self.minutes.values():
                for minute in [minute for minute in own if minute < newest - MINUTES_KEPT]:
                    del own[minute]

    def put(self, key: SessionKey, last_event_at_ms: int | None) -> None:
        """A session is open with this last event, or closed (None)."""
        if last_event_at_ms is None:
            self.open.pop(key, None)
        else:
            self.open[key] = last_event_at_ms
        self.changed.add(key)


class RedisLive:
    """Publishes a partition's `LiveState`, and reads the counters back.

    Keys: `telemetry:applied:{partition}` text `offset:log time`; `telemetry:watermarks:{partition}` hash
    from JSON [studio, game] to `watermark:arrival`; `telemetry:open:{partition}:{game}` sorted set of session
    ids by last event; `live:{game}` hash from `{partition}:{unix minute}` to the events that arrived in it.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis  # redis-py types every command as sync or async
        self._published: dict[int, str] = {}

    async def publish(self, partition: int, state: LiveState) -> bool:
        """Set what changed, or all of it where Redis does not hold what was set last. False: it is away."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._publish(partition, state)
        except (RedisError, OSError) as error:
            _log.warning("live counters are not published: %r", error)
            return False
        return True

    async def _publish(self, partition: int, state: LiveState) -> None:
        mark = f"{state.applied}:{state.log_time_ms}"
        stored = await self._redis.get(_applied_key(partition))
        whole = stored is None or stored.decode() != self._published.get(partition)
        pipe = self._redis.pipeline(transaction=True)
        if whole:
            await self._forget(pipe, partition, state)
        _set_sessions(pipe, partition, state, whole=whole)
        _set_minutes(pipe, partition, state, whole=whole)
        if state.watermarks:
            marks = {
                msgspec.json.encode(tenant): f"{watermark_ms}:{arrived_ms}"
                for tenant, (watermark_ms, arrived_ms) in state.watermarks.items()
            }
            pipe.hset(_watermarks_key(partition), mapping=marks)
        pipe.set(_applied_key(partition), mark)
        await pipe.execute()
        self._published[partition] = mark
        state.changed.clear()
        state.changed_minutes.clear()

    async def events_per_minute(self, game_id: str) -> dict[int, int]:
        """Events that arrived in each of the latest minutes (unix minutes), over all partitions."""
        found: dict[int, int] = {}
        for field, events in (await self._redis.hgetall(f"live:{game_id}")).items():
            minute = int(field.partition(b":")[2])
            found[minute] = found.get(minute, 0) + int(events)
        return found

    async def _forget(self, pipe: Any, partition: int, state: LiveState) -> None:
        known = await self._redis.hkeys(_watermarks_key(partition))
        games = {msgspec.json.decode(field)[1] for field in known} | {key.game_id for key in state.open}
        pipe.delete(_watermarks_key(partition), *(_open_key(partition, game_id) for game_id in games))


def _set_sessions(pipe: Any, partition: int, state: LiveState, *, whole: bool) -> None:
    sessions = state.open if whole else {key: state.open.get(key) for key in state.changed}
    by_game: dict[str, dict[str, int]] = {}
    gone: dict[str, list[str]] = {}
    for key, last in sessions.items():
        if last is None:
            gone.setdefault(key.game_id, []).append(key.session_id)
        else:
            by_game.setdefault(key.game_id, {})[key.session_id] = last
    for game_id, members in by_game.items():
        names = list(members)
        for first in range(0, len(names), _MEMBERS_AT_ONCE):
            some = {name: members[name] for name in names[first : first + _MEMBERS_AT_ONCE]}
            pipe.zadd(_open_key(partition, game_id), some)
    for game_id, closed in gone.items():
        for first in range(0, len(closed), _MEMBERS_AT_ONCE):
            pipe.zrem(_open_key(partition, game_id), *closed[first : first + _MEMBERS_AT_ONCE])


def _set_minutes(pipe: Any, partition: int, state: LiveState, *, whole: bool) -> None:
    for tenant, own in state.minutes.items():
        minutes = own if whole else {m: own[m] for m in own if (tenant, m) in state.changed_minutes}
        if not minutes:
            continue
        live = f"live:{tenant[1]}"
        pipe.hset(live, mapping={f"{partition}:{minute}": events for minute, events in minutes.items()})
        oldest = min(own)
        pipe.hdel(live, *(f"{partition}:{minute}" for minute in range(oldest - 30, oldest)))
        pipe.expire(live, _EXPIRE_S)


class RedisDeadlines:
    """What `RedisLive` published, as `streams.timer.DeadlineSource`. Raises StoreUnavailable."""

    def __init__(self, redis: Redis, *, partitions: int) -> None:
        self._redis: Any = redis
        self._partitions = partitions

    async def applied(self) -> dict[int, int]:
        """For each partition, the offset before which everything is applied; 0 where none was published."""
        marks = await self._ask("mget", [_applied_key(partition) for partition in range(self._partitions)])
        return {
            partition: int(mark.partition(b":")[0]) if mark else 0 for partition, mark in enumerate(marks)
        }

    async def watermarks(self) -> list[GameWatermark]:
        """Every game's watermark in every partition that has seen it."""
        found = []
        for partition in range(self._partitions):
            stored = await self._ask("hgetall", _watermarks_key(partition))
            for field, mark in stored.items():
                studio_id, game_id = msgspec.json.decode(field)
                watermark_ms, _, arrived_ms = mark.partition(b":")
                found.append(
                    GameWatermark(
                        partition=partition,
                        studio_id=studio_id,
                        game_id=game_id,
                        watermark_ms=int(watermark_ms),
                        arrived_at_ms=int(arrived_ms),
                    )
                )
        return found

    async def open_until(
        self, partition: int, game_id: str, last_event_at_ms: int, limit: int
    ) -> list[OpenSession]:
        """Open sessions of a game whose last event is at or before then, the oldest first."""
        found = await self._ask(
            "zrangebyscore",
            _open_key(partition, game_id),
            "-inf",
            last_event_at_ms,
            start=0,
            num=limit,
            withscores=True,
        )
        return [
            OpenSession(partition=partition, session_id=name.decode(), last_event_at_ms=int(last))
            for name, last in found
        ]

    async def last_events(
        self, partitions: Collection[int], game_id: str, session_ids: list[str]
    ) -> dict[str, int]:
        """The time of the last event of each open session over these partitions."""
        latest: dict[str, int] = {}
        for partition in partitions:
            scores = await self._ask("zmscore", _open_key(partition, game_id), session_ids)
            for name, score in zip(session_ids, scores, strict=True):
                if score is not None:
                    latest[name] = max(latest.get(name, 0), int(score))
        return latest

    async def _ask(self, command: str, *arguments: Any, **options: Any) -> Any:
        try:
            return await getattr(self._redis, command)(*arguments, **options)
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis did not answer: {error}") from error


def _applied_key(partition: int) -> str:
    return f"telemetry:applied:{partition}"


def _watermarks_key(partition: int) -> str:
    return f"telemetry:watermarks:{partition}"


def _open_key(partition: int, game_id: str) -> str:
    return f"telemetry:open:{partition}:{game_id}"
