"""The project's own tables have a database of their own, beside that of the facts, which analysts read.

Rows and positions never share a statement: a position is written after the rows that it covers have been
acknowledged, and applying records again changes no row. So two databases keep the same order as one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from projections.clickhouse.cluster import shards_database
from projections.clickhouse.errors import ClickHouseRefused

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

TABLES: Final = (
    *("log_positions", "liveops_positions", "reader_positions", "holds", "hold_answers", "log_skips"),
    "forgotten_persons",
    *("generations", "migrations"),
)
"""Every table that holds no facts, of all releases; `migrations` last, as it says that the others exist."""
TABLE_ALREADY_EXISTS: Final = 57
_TARGET: Final = re.compile(
    r"(?:CREATE TABLE IF NOT EXISTS|INSERT INTO|ALTER TABLE|DROP TABLE IF EXISTS) (\w+)"
)


def database_of(client: ClickHouse, table: str) -> ClickHouse:
    """The client of the database that a table is in."""
    return client.system if table in TABLES else client


def target_of(client: ClickHouse, statement: str) -> ClickHouse:
    """The client of the database that a migration's statement creates, fills, changes or drops a table of."""
    target = _TARGET.match(statement)
    return client if target is None else database_of(client, target[1])


async def create_databases(client: ClickHouse) -> None:
    """Create the client's database and its system database, and move tables there that are in the first.

    Releases up to migration 13 had all tables in one database. A table moves as a whole or not at all; where
    this was ended in between, calling it again moves the rest. Several processes may do so at once.
    """
    facts, system = client.database, client.system
    for database in (facts, system.database, *_of_shards(client)):
        await client.command(f"CREATE DATABASE IF NOT EXISTS {database}", in_database=False)
    if client.cluster is not None:
        return  # no release of a cluster had one database only
    there, moved = await tables_of(client), await tables_of(system)
    for table in TABLES:
        if table in there - moved:
            await _unless_there(
                client, f"RENAME TABLE IF EXISTS {facts}.{table} TO {system.database}.{table}"
            )
    await _refuse_older_releases(client)


async def _refuse_older_releases(client: ClickHouse) -> None:
    """Take the name `migrations` in the database of facts by a table that is detached: it is not visible.

    A process of a release that knows one database only would else make its own tables there anew, as if
    nothing had been applied. So it can't make its `migrations`, and ends.
    """
    taken = f"{client.database}.migrations"
    await _unless_there(client, f"CREATE TABLE IF NOT EXISTS {taken} (number UInt32) ENGINE = Null")
    await client.command(f"DETACH TABLE IF EXISTS {taken} PERMANENTLY")


async def _unless_there(client: ClickHouse, statement: str) -> None:
    """Run a statement, whose effect another process may have had first."""
    try:
        await client.command(statement)
    except ClickHouseRefused as refused:
        if refused.code != TABLE_ALREADY_EXISTS:
            raise


async def drop_databases(client: ClickHouse) -> None:
    """Drop the client's database, its system database and its views, where they exist."""
    for database in (
        client.views.database,
        client.database,
        *_of_shards(client),
        client.system.database,
    ):
        await client.command(f"DROP DATABASE IF EXISTS {database}", in_database=False)


def _of_shards(client: ClickHouse) -> tuple[str, ...]:
    cluster = client.cluster
    return (shards_database(client.database),) if cluster is not None and cluster.sharded else ()


async def engines_of(client: ClickHouse) -> dict[str, str]:
    """The engine of each table of the client's database; empty where there is none."""
    rows = await client.rows(
        "SELECT name, engine FROM system.tables WHERE database = {database:String}",
        {"database": client.database},
        in_database=False,
    )
    return {str(name): str(engine) for name, engine in rows}


async def tables_of(client: ClickHouse) -> set[str]:
    """The names of all tables and views of the client's database; empty where there is none."""
    return {*await engines_of(client)}
