"""Tables of a test's database, built again beside it from the log."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.noun_rebuild import tables_plan
from projections.clickhouse.rebuilding import rebuild_tables, second_database
from tests.migrated import make_tables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from projections.clickhouse.noun_tables import TableSet
    from projections.clickhouse.rebuild_plan import Plan, Progress, Rebuilt
    from schemas.log import LogTail


async def at_once(_seconds: float) -> None:
    """A pause that takes no time, in which others run."""
    await asyncio.sleep(0)


async def rebuilt(
    live: ClickHouse,
    url: str,
    plan_of: Callable[[ClickHouse], Plan],
    *,
    tail: LogTail,
    clock_ms: Callable[[], int],
    verify: bool = False,
    sleep: Callable[[float], Awaitable[None]] = at_once,
    progress: Progress = lambda _done, _total: None,
) -> Rebuilt:
    """What came of a rebuild, or with `verify` of a comparison; `plan_of` is given the second database."""
    built = ClickHouse(url, f"{live.database}_rebuild")
    try:
        async with second_database(live, built, partial(make_tables, url)):
            return await rebuild_tables(
                live,
                built,
                plan_of(built),
                tail=tail,
                progress=progress,
                clock_ms=clock_ms,
                verify=verify,
                sleep=sleep,
            )
    finally:
        await built.close()


async def noun_rebuilt(
    live: ClickHouse,
    url: str,
    tables: TableSet,
    *,
    tail: LogTail,
    clock_ms: Callable[[], int],
    partitions: int = 1,
    verify: bool = False,
    sleep: Callable[[float], Awaitable[None]] = at_once,
) -> Rebuilt:
    """The same of a noun's tables."""
    plan_of = partial(tables_plan, tables=tables, partitions=partitions, tail=tail, clock_ms=clock_ms)
    return await rebuilt(live, url, plan_of, tail=tail, clock_ms=clock_ms, verify=verify, sleep=sleep)
