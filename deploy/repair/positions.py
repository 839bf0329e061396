"""Which positions in the stores are not in the log: what each reader would refuse, asked of all at once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.clickhouse_clients import clickhouse_of
from deploy.clock import now_ms
from deploy.nouns import deciding, tables_of, topic_of
from deploy.redis_server import open_redis
from deploy.redis_stores import open_stores
from deploy.sealing import open_fingerprints
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.positions import Positions
from projections.redis.state import state_of
from projections.webhooks.queue import POSITIONS, WebhookQueue
from schemas.log_positions import LogTrimmed, Position, PositionRefused, begin, in_log
from schemas.telemetry.noun import TELEMETRY
from streams.exports import POSITION_KEY, ExportPosition

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from deploy.nouns import Deciding
    from deploy.settings import Settings
    from projections.redis.stores import RedisStores
    from schemas.log import LogTail
    from schemas.objects import ObjectStore

REDIS: Final = "redis"
CLICKHOUSE: Final = "clickhouse"
WEBHOOKS: Final = "webhooks"
EXPORT: Final = "export"


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """A store that holds what the log has lost."""

    store: str
    topic: str
    partition: int
    offset: int
    """Up to where it was applied."""
    log_end: int
    why: str
    trimmed: bool
    """The log begins after it: no repair can build what is between."""

    @property
    def lost(self) -> int:
        """Records beyond the log's end; 0 where it has grown again and the number is unknown."""
        return max(0, self.offset - self.log_end)


async def positions_ahead(configured: Settings, tail: LogTail, objects: ObjectStore) -> list[Ahead]:
    """Every position that is not in the log. Positions of older releases get their marks; no more changes."""
    stores = open_stores(configured, timeout_s=10.0)
    client = clickhouse_of(configured)
    try:
        return [
            *await _in_redis(configured, stores, tail),
            *await _in_clickhouse(configured, client, tail),
            *await _of_webhooks(configured, stores.common, tail),
            *await _of_export(configured, tail, objects),
        ]
    finally:
        await stores.aclose()
        await client.close()


async def known_positions(configured: Settings, tail: LogTail) -> dict[tuple[str, int], tuple[int, int]]:
    """For each partition of events, the next offset and last src that Redis holds, where the log has them.

    Of several stores' the first that the log has: all are of the same records.
    """
    found: dict[tuple[str, int], tuple[int, int]] = {}
    stores = open_stores(configured, timeout_s=10.0)
    try:
        async for noun, partition, held in _held(configured, stores):
            where = (noun.events.name, partition)
            if where not in found and held.offset and held.mark and await in_log(tail, *where, held):
                found[where] = (held.offset, held.src)
    finally:
        await stores.aclose()
    return found


async def begin_webhooks_again(configured: Settings, tail: LogTail, ahead: list[Ahead]) -> None:
    """Forget positions of webhooks: events of the last 24 hours are sent again, nothing older."""
    redis = open_redis(configured, timeout_s=10.0)
    try:
        for one in ahead:
            await redis.hdel(POSITIONS, f"{await tail.log_id(one.topic)}/{one.partition}")
    finally:
        await redis.aclose()


async def set_export_back(objects: ObjectStore, ahead: list[Ahead]) -> None:
    """The next export begins at the log's end where that was lost, at its start where it has grown again."""
    stored = await objects.read(POSITION_KEY)
    if stored is None:
        return
    position = msgspec.json.decode(stored, type=ExportPosition)
    for one in ahead:
        position.next_offsets[str(one.partition)] = one.log_end if one.lost else 0
        position.marks.pop(str(one.partition), None)
    writer = await objects.create(POSITION_KEY)
    await writer.write(msgspec.json.encode(position))
    await writer.commit()


async def _held(configured: Settings, stores: RedisStores) -> AsyncIterator[tuple[Deciding, int, Position]]:
    for noun in deciding(configured):
        for store in stores.of(noun.projection).all:
            for partition in range(noun.events.partitions):
                yield noun, partition, (await state_of(store.redis, store.name, partition)).position


async def _in_redis(configured: Settings, stores: RedisStores, tail: LogTail) -> list[Ahead]:
    found = []
    async for noun, partition, held in _held(configured, stores):
        found += await _checked(tail, REDIS, noun.events.name, partition, held)
    return found


async def _in_clickhouse(configured: Settings, client: ClickHouse, tail: LogTail) -> list[Ahead]:
    found = []
    for _, topic, tables in tables_of(configured):
        plan = tables.plan(client, topic, tail, now_ms, open_fingerprints(configured))
        reader, stored = plan.builder, Positions(client, topic.name)
        for partition in range(topic.partitions):
            try:
                await reader.assigned(partition)
            except PositionRefused as refused:
                offset = (await stored.read(partition)).position.offset
                found.append(await _ahead(tail, CLICKHOUSE, (topic.name, partition), offset, refused))
            finally:
                with contextlib.suppress(KeyError):
                    await reader.revoked(partition)
    return found


async def _of_webhooks(configured: Settings, redis: Redis, tail: LogTail) -> list[Ahead]:
    queue, found = WebhookQueue(redis), []
    for noun in deciding(configured):
        if noun.notified is not None:
            log_id = await tail.log_id(noun.events.name)
            for partition in range(noun.events.partitions):
                held = await queue.position(f"{log_id}/{partition}")
                found += await _checked(tail, WEBHOOKS, noun.events.name, partition, held)
    return found


async def _of_export(configured: Settings, tail: LogTail, objects: ObjectStore) -> list[Ahead]:
    stored = await objects.read(POSITION_KEY)
    if stored is None:
        return []
    position = msgspec.json.decode(stored, type=ExportPosition)
    if position.log_id != await tail.log_id(TELEMETRY.name):
        return []  # it begins at this log's start
    found = []
    for partition in range(topic_of(configured, TELEMETRY).partitions):
        mark = position.marks.get(str(partition), "")
        held = Position(position.next_offsets.get(str(partition), 0), -1, mark)
        if held.offset >= await tail.begin_offset(TELEMETRY.name, partition):  # else it begins there
            found += await _checked(tail, EXPORT, TELEMETRY.name, partition, held)
    return found


async def _checked(tail: LogTail, store: str, topic: str, partition: int, held: Position) -> list[Ahead]:
    try:
        await begin(tail, topic, partition, held, where=store, repair="")
    except PositionRefused as refused:
        return [await _ahead(tail, store, (topic, partition), held.offset, refused)]
    return []


async def _ahead(
    tail: LogTail, store: str, where: tuple[str, int], offset: int, refused: PositionRefused
) -> Ahead:
    topic, partition = where
    return Ahead(
        store=store,
        topic=topic,
        partition=partition,
        offset=offset,
        log_end=await tail.end_offset(topic, partition),
        why=str(refused),
        trimmed=isinstance(refused, LogTrimmed),
    )
