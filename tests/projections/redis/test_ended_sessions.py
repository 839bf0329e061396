"""Sessions that were signed out are remembered until they would have expired."""

from __future__ import annotations

import time
import uuid

import pytest

from projections.redis.client import connect
from projections.redis.ended_sessions import RedisEndedSessions
from schemas.edge.ports import StoreUnavailable

pytestmark = pytest.mark.stack


async def test_an_ended_session_is_remembered_until_it_would_have_expired(redis_url: str) -> None:
    redis = connect(redis_url)
    sessions, name = RedisEndedSessions(redis), uuid.uuid4().hex
    try:
        assert not await sessions.ended(name)
        expires_at_ms = int(time.time() * 1000) + 60_000
        await sessions.end(name, expires_at_ms)
        assert await sessions.ended(name)
        assert not await sessions.ended(uuid.uuid4().hex)
        assert await redis.pexpiretime(f"dashboard:ended:{name}") == expires_at_ms
    finally:
        await redis.aclose()


async def test_nothing_is_guessed_while_the_store_is_away() -> None:
    redis = connect("redis://127.0.0.1:9/0")
    sessions = RedisEndedSessions(redis)
    with pytest.raises(StoreUnavailable):
        await sessions.ended("a")
    with pytest.raises(StoreUnavailable):
        await sessions.end("a", 1)
    await redis.aclose()
