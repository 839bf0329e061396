"""A database made from statements is as a migrated one: every table, column, setting and record."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

import pytest

from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.errors import ClickHouseRefused
from projections.clickhouse.system_tables import drop_databases
from tests.migrated import RECORDED, migrated

SIZES: Final = "database, data_compressed_bytes, data_uncompressed_bytes, marks_bytes"
SEEN: Final = (
    "SELECT name, engine_full, create_table_query, as_select, comment, total_rows FROM system.tables",
    f"SELECT * EXCEPT ({SIZES}) FROM system.columns",
    f"SELECT * EXCEPT ({SIZES}) FROM system.data_skipping_indices",
    "SELECT * EXCEPT (database) FROM system.projections",
)


async def seen(client: ClickHouse) -> list[Any]:
    """All that ClickHouse says of the two databases, and what the migrations have recorded."""
    found: list[Any] = [await client.system.rows(RECORDED)]
    for database in (client.database, client.system.database):
        for statement in SEEN:
            sql = f"{statement} WHERE database = {{name:String}} ORDER BY ALL"
            rows = await client.rows(sql, {"name": database})
            found.append([[_anonymous(value, client) for value in row] for row in rows])
    return found


def _anonymous(value: Any, client: ClickHouse) -> Any:
    return value.replace(client.database, "the_database") if isinstance(value, str) else value


@pytest.mark.stack
async def test_it_is_as_migrations_leave_it(clickhouse_url: str) -> None:
    clients = [ClickHouse(clickhouse_url, f"test_{uuid4().hex[:12]}")]
    assert await migrations.apply(clients[0])
    clients += [await migrated(clickhouse_url, f"test_{uuid4().hex[:12]}") for _ in range(2)]
    first, *others = [await seen(client) for client in clients]
    assert all(first[n] for n in (0, 1, 2, 5, 6))
    assert others == [first, first]
    for client in clients:
        assert await migrations.apply(client) == []
        with pytest.raises(ClickHouseRefused):  # the name that older releases use is taken
            await client.command("CREATE TABLE migrations (number UInt32) ENGINE = Null")
        await drop_databases(client)
        await client.close()
