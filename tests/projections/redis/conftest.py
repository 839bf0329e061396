"""A client of the shared Redis, and a noun of the test's own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from projections.redis.client import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def noun() -> str:
    return f"noun{uuid.uuid4().hex[:8]}"
