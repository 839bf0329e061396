"""Builds a noun's tables again: what `projections.clickhouse.rebuilding` needs to know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.clickhouse.noun_tables import NounTables, TableSet
from projections.clickhouse.rebuild_plan import Plan
from projections.clickhouse.table_sums import TableSum, checksum

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogTail


def tables_plan(
    built: ClickHouse, tables: TableSet, *, partitions: int, tail: LogTail, clock_ms: Callable[[], int]
) -> Plan:
    """How the tables are built in `built`; those of a stack from before they existed are filled."""

    async def sums(live_database: str, client: ClickHouse, positions: dict[int, int]) -> dict[str, TableSum]:
        """Both databases are exactly at these positions: their tables are compared whole."""
        del live_database, positions
        return {
            table: await checksum(
                client, f"{table} FINAL", tables.compared(table), tables.compared_where(table)
            )
            for table in tables.tables
        }

    keep = tables.keep_forgotten

    async def copy(live: ClickHouse, begins: Mapping[int, int]) -> None:
        if keep is not None:
            await keep(live, built, tail, tables.topic, begins)

    return Plan(
        topic=tables.topic,
        partitions=partitions,
        builder=NounTables(built, tables, tail=tail, clock_ms=clock_ms),
        tables=tables.tables,
        sums=sums,
        keep_forgotten=copy if keep is not None else None,
    )
