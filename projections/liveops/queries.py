"""What is read of liveops in Redis: PlayerReads, BoardReads and DueReads of `schemas.liveops.ports`.

What is asked in one turn of the event loop goes to Redis in one call. Raises StoreUnavailable.
"""

from __future__ import annotations

from projections.liveops.boards import BoardQueries
from projections.liveops.due_reads import DueQueries
from projections.liveops.player_reads import PlayerQueries
from projections.redis.read_batches import GroupedBatches
from projections.redis.stores import NounStores


class LiveopsQueries(PlayerQueries, BoardQueries, DueQueries):
    """One per event loop."""

    def __init__(self, stores: NounStores) -> None:
        super().__init__(GroupedBatches(stores))
