"""Databases with all tables, made from the statements of one that has been migrated: a fifth of its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.system_tables import create_databases, drop_databases

STATEMENTS: Final = (
    "SELECT create_table_query FROM system.tables WHERE database IN ({facts:String}, {own:String})"
    " ORDER BY engine = 'View', database, name"
)
RECORDED: Final = "SELECT number, name, digest FROM migrations FINAL ORDER BY number"

NAMED: Final = tuple(
    statement
    for migration in migrations.read()
    for statement in migration.statements
    if statement.startswith("INSERT INTO generations ")
)
"""The one row that migrations put into empty tables: the set's random name."""


@dataclass(frozen=True)
class _Template:
    database: str
    statements: tuple[str, ...]
    """Views come last: they read tables."""
    recorded: tuple[tuple[int, str, str], ...]


_templates: dict[str, _Template] = {}
"""By the URL of a ClickHouse."""
_of_this_file: list[tuple[str, str]] = []
"""URL and name of those that end with the file whose tests are running."""


async def migrated(url: str, database: str, *, for_session: bool = False) -> ClickHouse:
    """A client of a new database that is as `migrations.apply` leaves it.

    It is dropped after the file's last test, or with its ClickHouse. Ten of them idle take 4 % of a core.
    """
    client = ClickHouse(url, database)
    if not for_session:
        _of_this_file.append((url, database))
    await make_tables(url, client)
    return client


async def make_tables(url: str, client: ClickHouse) -> None:
    """As `migrations.apply` does where neither of the client's databases is there."""
    template = _templates.get(url)
    if template is None:
        template = _templates[url] = await _migrate(url)
    await create_databases(client)
    for statement in template.statements:
        await client.command(statement.replace(template.database, client.database), in_database=False)
    for statement in NAMED:
        await client.system.command(statement)
    rows = ", ".join(f"({number}, '{name}', '{digest}')" for number, name, digest in template.recorded)
    await client.system.command(f"INSERT INTO migrations (number, name, digest) VALUES {rows}")


async def drop_those_of_this_file() -> None:
    """Drops what the tests of a file have left."""
    while _of_this_file:
        client = ClickHouse(*_of_this_file.pop())
        await drop_databases(client)
        await client.close()


async def _migrate(url: str) -> _Template:
    client = ClickHouse(url, f"template_{uuid4().hex}")
    try:
        await migrations.apply(client)
        of = {"facts": client.database, "own": client.system.database}
        statements = [str(statement) for (statement,) in await client.rows(STATEMENTS, of)]
        recorded = [
            (int(number), str(name), str(digest))
            for number, name, digest in await client.system.rows(RECORDED)
        ]
        return _Template(client.database, tuple(statements), tuple(recorded))
    finally:
        await drop_databases(client)
        await client.close()
