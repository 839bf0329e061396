"""What `questlog bench handles` reads: as many sessions a handle, some split; a real ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from deploy.lab.bench.handles import SPLIT_EVERY, fill
from projections.clickhouse.system_tables import drop_databases
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack

HANDLES, SESSIONS = 10, 3 * SPLIT_EVERY


@pytest.fixture
async def database(clickhouse_url: str) -> AsyncIterator[ClickHouse]:
    client = await migrated(clickhouse_url, f"test_{uuid4().hex[:12]}")
    yield client
    await drop_databases(client)
    await client.close()


@pytest.mark.parametrize(("partitions", "split"), [(1, 0), (3, 3)])
async def test_every_handle_has_as_many_sessions(database: ClickHouse, partitions: int, split: int) -> None:
    await fill(database, handles=HANDLES, sessions=SESSIONS, partitions=partitions)
    each = await database.rows(
        "SELECT handle, uniqExact(session_id) FROM session_parts AS p"
        " INNER JOIN tester_links AS l ON p.player_id = l.device_id GROUP BY handle"
    )
    assert [count for _, count in each] == [SESSIONS // HANDLES] * HANDLES
    parts = await database.rows("SELECT uniqExact(_partition) FROM session_parts GROUP BY session_id")
    assert sum(count > 1 for (count,) in parts) == split
