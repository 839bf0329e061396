"""Decides with the real deciders and applies what they say to a real Redis, one record for each command."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from redis.asyncio import Redis

from projections.liveops import keys
from projections.liveops.projection import LIVEOPS as PROJECTION
from projections.liveops.queries import LiveopsQueries
from projections.redis.reader import Projection, RedisReader
from projections.redis.stores import NounStores
from schemas.codec import Message
from schemas.envelope import Decided, Event
from schemas.log import LogRecord
from streams.deciders.liveops.noun import LIVEOPS
from tests.projections.redis.support import ListLog
from tests.streams.deciders.liveops.given import GAME_ID, Liveops, aggregate

PARTITIONS = 2
STUDIO_ID = "user_1"


class Projected:
    """One partition's decider, its log, and the projection of it."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.noun: Projection = replace(PROJECTION, topic=replace(PROJECTION.topic, partitions=PARTITIONS))
        self.log = ListLog(self.noun.topic)
        self.reader = RedisReader(redis, self.noun, log=self.log)
        self.queries = LiveopsQueries(NounStores(keys.NOUN, [redis]))
        self.liveops = Liveops()
        self.records: list[LogRecord] = []

    async def open(self) -> Projected:
        for partition in range(PARTITIONS):
            await self.reader.assigned(partition)
        return self

    async def given(self, body: Message, external_id: str = "ann", *, partition: int = 0, **more: Any) -> Any:
        """Decide, append, apply; returns the events."""
        events = self.liveops.given(body, external_id, **more)
        name = aggregate(body, external_id)
        decided = Decided(
            command_id=f"command-{len(self.records)}",
            studio_id=STUDIO_ID,
            game_id=GAME_ID,
            keyed=True,
            fingerprint=b"f",
            events=[
                Event(
                    type=event.WIRE,
                    aggregate_id=name,
                    sequence=1,
                    at_ms=self.liveops.at_ms,
                    data=LIVEOPS.events.encode(event),
                )
                for event in events
            ],
        )
        record = self.log.append(decided, partition=partition)
        self.records.append(record)
        await self.reader.handle(record)
        return events
