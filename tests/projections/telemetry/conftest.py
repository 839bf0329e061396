from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from projections.clickhouse.system_tables import drop_databases
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from projections.clickhouse.client import ClickHouse


@pytest.fixture
async def database(clickhouse_url: str) -> AsyncIterator[ClickHouse]:
    """A database of the test's own, with all tables."""
    client = await migrated(clickhouse_url, f"test_{uuid4().hex[:12]}")
    yield client
    await drop_databases(client)
    await client.close()
