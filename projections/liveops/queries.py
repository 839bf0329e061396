"""What is read of liveops in Redis: PlayerReads, BoardReads and DueReads of `schemas.liveops.ports`.

What is asked in one turn of the event loop goes to Redis in one call. Raises StoreUnavailable.
"""

from __future__ import annotations

from redis.asyncio import Redis

from projections.liveops import keys
from projections.liveops.boards import BoardQueries
from projections.liveops.due_reads import DueQueries
from projections.liveops.player_reads import PlayerQueries
from projections.redis.read_batches import ReadBatches


class LiveopsQueries(PlayerQueries, BoardQueries, DueQueries):
    """One per event loop."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(ReadBatches(redis, keys.NOUN))
