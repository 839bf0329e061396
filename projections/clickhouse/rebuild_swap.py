"""Exchanges the tables of a rebuild with the live ones: on one server at once, in a cluster on every server.

`EXCHANGE TABLES … ON CLUSTER` is a task of each server: one that is away carries it out when it comes back,
in the order of the tasks, and shows its old tables until then. What a projector wrote there would be lost. So
a rebuild in a cluster begins only where every server answers, each exchange is over once every server shows
the new table, and where that can't be seen projectors stay held until the rebuild is run again: all that has
been exchanged by then is equal to what was there, since both are the log up to the same positions.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from projections.clickhouse.errors import ClickHouseAway, ClickHouseError
from projections.clickhouse.positions import Positions
from projections.clickhouse.rebuild_plan import RebuildFailed
from projections.clickhouse.system_tables import database_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.projector_hold import Hold
    from projections.clickhouse.rebuild_plan import Plan

LOOKS_MAX: Final = 60
LOOK_S: Final = 1.0
_UUID: Final = (
    "SELECT toString(uuid) FROM system.tables WHERE database = {database:String} AND name = {name:String}"
)


class SwapUnfinished(RebuildFailed):
    """Some servers may show new tables and others old ones: projectors have to wait."""


async def require_every_server(client: ClickHouse) -> None:
    """Raise RebuildFailed where a server of the cluster does not answer. Without a cluster: nothing."""
    if client.cluster is None:
        return
    try:
        answered = await _count(client, f"clusterAllReplicas(`{client.cluster.name}`, system.one)", "1")
    except ClickHouseAway as away:
        raise RebuildFailed(
            "a rebuild in a cluster needs every server of it, and not all answer:"
            f" bring them back, or take them out of the cluster first ({away})"
        ) from None
    wanted = await servers_of(client)
    if answered != wanted:
        raise RebuildFailed(f"{answered} of {wanted} servers of the cluster answer: a rebuild needs all")


async def swap(
    live: ClickHouse, built: ClickHouse, plan: Plan, hold: Hold, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Exchange the plan's tables, then take the positions. Raises SwapUnfinished; the hold is kept then."""
    await require_every_server(live)
    try:
        if live.cluster is not None:
            await hold.keep()
        for table in plan.tables:
            await exchange(live, built, table, sleep=sleep)
        await Positions(live, plan.topic).replace_by(built)
    except ClickHouseError as error:
        if live.cluster is None:
            raise
        raise SwapUnfinished(
            f"the tables of {plan.topic} were not swapped to the end on every server of the cluster"
            f" ({error}). Its projectors wait. Bring all servers back and run `questlog rebuild clickhouse`"
            " again: it lets them go on."
        ) from error
    hold.kept = False


async def servers_of(client: ClickHouse) -> int:
    """How many servers the client's cluster has."""
    name = "" if client.cluster is None else client.cluster.name
    return await _count(client, "system.clusters", "cluster = {name:String}", name=name)


async def exchange(
    live: ClickHouse,
    built: ClickHouse,
    table: str,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Exchange one table of the two databases. Asking again after an unknown result would swap back.

    Raises ClickHouseAway where not all servers of a cluster show the new table in time.
    """
    live, built = database_of(live, table), database_of(built, table)
    database, other = (
        own.database if own.cluster is None else own.cluster.rows_database(own.database, table)
        for own in (live, built)
    )
    wanted = str((await built.rows(_UUID, {"database": other, "name": table}))[0][0])
    statement = f"EXCHANGE TABLES {live.database}.{table} AND {built.database}.{table}"
    if live.cluster is None:
        await live.command_once(statement, done=lambda: _shown(live, database, table, wanted))
        return
    every = f"clusterAllReplicas(`{live.cluster.name}`, system.tables)"
    where = "database = {database:String} AND name = {name:String} AND toString(uuid) = {uuid:String}"

    async def showing() -> int:
        return await _count(live, every, where, database=database, name=table, uuid=wanted)

    async def begun() -> bool:
        return await showing() > 0

    await live.command_once(statement, done=begun)
    servers = await servers_of(live)
    for _ in range(LOOKS_MAX):
        if await showing() == servers:
            return
        await sleep(LOOK_S)
    raise ClickHouseAway(f"{await showing()} of {servers} servers show the new {table}")


async def _shown(client: ClickHouse, database: str, table: str, wanted: str) -> bool:
    return bool((await client.rows(_UUID, {"database": database, "name": table}))[0][0] == wanted)


async def _count(client: ClickHouse, source: str, where: str, **parameters: str) -> int:
    rows = await client.rows(f"SELECT count() FROM {source} WHERE {where}", parameters)  # noqa: S608 - ours
    return int(rows[0][0])
