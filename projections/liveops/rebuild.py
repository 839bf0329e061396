"""Builds the live-ops tables again: what `projections.clickhouse.rebuilding` needs to know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.clickhouse.rebuilding import Plan, TableSum, checksum
from projections.liveops.table_rows import ECONOMY, TABLES
from projections.liveops.tables import LiveopsTables

if TYPE_CHECKING:
    from collections.abc import Callable

    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogTail


def liveops_plan(
    built: ClickHouse,
    *,
    topic: str,
    partitions: int,
    tail: LogTail,
    clock_ms: Callable[[], int],
) -> Plan:
    """How the tables are built in `built`; those of a stack from before they existed are filled."""
    return Plan(
        topic=topic,
        partitions=partitions,
        builder=LiveopsTables(built, topic=topic, tail=tail, clock_ms=clock_ms),
        tables=TABLES,
        sums=_sums,
    )


async def _sums(live_database: str, client: ClickHouse, positions: dict[int, int]) -> dict[str, TableSum]:
    """Both databases are exactly at these positions: their tables are compared whole."""
    del live_database, positions
    return {
        # Up to where a sum was counted when it was last written depends on the batches.
        table: await checksum(client, f"{table} FINAL", "* EXCEPT next_offset" if table == ECONOMY else "*")
        for table in TABLES
    }
