"""What ClickHouse still holds of records that the log has lost: the last copy, kept before a rebuild."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.clickhouse_clients import clickhouse_of
from deploy.nouns import tables_of

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.repair.positions import Ahead
    from deploy.settings import Settings

ROWS_MAX: Final = 1_000_000
"""Of one table; what is lost beyond it is not in the file."""


async def write_lost_rows(configured: Settings, beyond: list[Ahead], folder: Path) -> dict[str, int]:
    """One NDJSON file for each table that has rows of records beyond the log's end; rows by table."""
    client = clickhouse_of(configured, answer_seconds=600)
    found: dict[str, int] = {}
    try:
        for _, topic, tables in tables_of(configured):
            lost = " OR ".join(
                f"(_partition = {one.partition} AND _offset >= {one.log_end})"
                for one in beyond
                if one.topic == topic.name
            )
            for table in tables.kept if lost else ():
                rows = await client.raw(
                    f"SELECT * FROM {table} WHERE {lost} ORDER BY _partition, _offset"  # noqa: S608 - numbers and constants
                    f" LIMIT {ROWS_MAX} FORMAT JSONEachRow"
                )
                if rows.strip():
                    (folder / f"{table}.ndjson").write_bytes(rows)
                    found[table] = len(rows.splitlines())
    finally:
        await client.close()
    return found
