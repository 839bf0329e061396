"""Builds the live-ops tables again: what `projections.clickhouse.rebuilding` needs to know of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from projections.clickhouse.rebuilding import Plan, Progress, Rebuilt, TableSum, checksum, rebuild_tables
from projections.liveops.table_rows import POSITIONS, TABLES
from projections.liveops.tables import LiveopsTables, stored_positions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogTail


async def rebuild_liveops(
    live: ClickHouse,
    built: ClickHouse,
    *,
    topic: str,
    partitions: int,
    tail: LogTail,
    progress: Progress,
    clock_ms: Callable[[], int],
    verify: bool = False,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Rebuilt:
    """Build in the database of `built` and swap, or with `verify` compare and keep the live ones.

    The tables of a stack from before they existed are filled by this. Afterwards the database of `built` is
    gone. Raises RebuildFailed, LogUnavailable or a ClickHouseError.
    """

    async def positions(log_id: str) -> dict[int, int]:
        found = await stored_positions(live, log_id)
        return {partition: next_offset for partition, (next_offset, _) in found.items()}

    plan = Plan(
        topic=topic,
        partitions=partitions,
        builder=LiveopsTables(built, topic=topic, tail=tail, clock_ms=clock_ms),
        positions=positions,
        tables=(*TABLES, POSITIONS),
        sums=_sums,
    )
    return await rebuild_tables(
        live, built, plan, tail=tail, progress=progress, clock_ms=clock_ms, verify=verify, sleep=sleep
    )


async def _sums(client: ClickHouse, positions: dict[int, int]) -> dict[str, TableSum]:
    """Both databases stand exactly at these positions: their tables are compared whole."""
    del positions
    return {table: await checksum(client, f"{table} FINAL") for table in TABLES}
