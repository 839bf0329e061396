"""What is read of playtests: all Protocols of `schemas.playtests.ports` but that of older ledger rows.

What is asked in one turn of the event loop goes to Redis in one call. Raises StoreUnavailable.
"""

from __future__ import annotations

from redis.asyncio import Redis

from projections.playtests import keys
from projections.playtests.batch_reads import BatchQueries
from projections.playtests.due_reads import DueQueries
from projections.playtests.playtester_reads import PlaytesterQueries
from projections.redis.read_batches import ReadBatches
from schemas.playtests.ports import PlaytestLedgers


class PlaytestQueries(PlaytesterQueries, DueQueries, BatchQueries):
    """One per event loop."""

    def __init__(self, redis: Redis, older: PlaytestLedgers) -> None:
        super().__init__(ReadBatches(redis, keys.STORED), older)
