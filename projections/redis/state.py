"""A projection's position in Redis: the reply of state.lua."""

from __future__ import annotations

import msgspec
from redis.asyncio import Redis

from projections.redis.scripts import STATE
from schemas.log_positions import Position


class State(msgspec.Struct, frozen=True):
    """One partition of one generation, and which Redis it was asked of."""

    run_id: str
    generation: str
    position: Position
    ready: bool
    """Whether the noun's projection may be read in this Redis."""


async def state_of(redis: Redis, noun: str, partition: int, generation: str = "") -> State:
    """As it is now, of the live generation unless one is named. Raises redis-py's errors as they are."""
    reply = await STATE.run(redis, noun, generation, str(partition))
    run_id, live, offset, src, log_id, ready, mark = [item.decode() for item in reply]
    position = Position(int(offset or 0), int(src or -1), mark, log_id)
    return State(run_id, live, position, ready == "ready")
