"""Playtests in a real Redis of the test's own database, fed with what the real decider says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from projections.redis.client import connect
from tests.projections.playtests.support import Projected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def projected(redis_url: str) -> AsyncIterator[Projected]:
    """An empty projection; the database is emptied before and after."""
    redis = connect(redis_url.rsplit("/", 1)[0] + "/8")
    await redis.flushdb()
    yield await Projected(redis).open()
    await redis.flushdb()
    await redis.aclose()
