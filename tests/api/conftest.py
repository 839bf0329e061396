"""The world of the api's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.world import World, create_database, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="session")
def database(clickhouse_url: str) -> str:
    """A migrated database; tests use studios of their own in it."""
    return create_database(clickhouse_url)


@pytest.fixture
async def world(clickhouse_url: str, database: str, redis_url: str) -> AsyncIterator[World]:
    async with open_world(clickhouse_url, database, redis_url) as opened:
        yield opened
