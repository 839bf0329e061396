"""Numbered SQL files, applied once each and recorded in the table `migrations` of the system database.

A file holds statements separated by a line that holds only `;;`, so that no parser of ours has to know SQL.
A crash in between is harmless: a file's statements are written to be repeatable (IF NOT EXISTS, OR REPLACE).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from projections.clickhouse.cluster import placed
from projections.clickhouse.sql_tokens import SqlUnreadable
from projections.clickhouse.system_tables import create_databases, engines_of, tables_of, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from projections.clickhouse.client import ClickHouse

FOLDER: Final = Path(__file__).parent
_TABLE: Final = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")
_STUDIO: Final = re.compile(r"^\s*\(?\s*studio_id\b", re.MULTILINE)
_FILE: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql\Z")


class MigrationError(Exception):
    """The recorded migrations and the files differ; the message names the file."""


class Migration(msgspec.Struct, frozen=True):
    """One file. `digest` leaves comments and blank lines out: those may still be edited."""

    number: int
    name: str
    statements: tuple[str, ...]
    digest: str
    lines: tuple[int, ...] = ()
    """Where in the file each statement begins, from 1."""

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.number:04}_{self.name}.sql"


def read(folder: Path = FOLDER) -> list[Migration]:
    """All migrations of a folder in order. Raises MigrationError where numbers have gaps or repeat."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        named = _FILE.match(path.name)
        if named is None:
            raise MigrationError(f"{path.name} is not named NNNN_what.sql")
        by_line = split_by_line(path.read_text())
        statements = tuple(by_line.values())
        digest = hashlib.sha256("\n;;\n".join(statements).encode()).hexdigest()
        found.append(Migration(int(named[1]), named[2], statements, digest, tuple(by_line)))
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise MigrationError(f"migrations must be numbered 1, 2, 3…: {numbers}")
    return found


def split(text: str) -> tuple[str, ...]:
    """The statements of a file, without whole-line comments and blank lines."""
    return tuple(split_by_line(text).values())


def split_by_line(text: str) -> dict[int, str]:
    """As `split`, by the line of the file that each begins in, from 1."""
    statements = [[]]  # type: list[list[tuple[int, str]]]
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("--"):
            continue
        if line.strip() == ";;":
            statements.append([])
        else:
            statements[-1].append((number, line))
    return {own[0][0]: "\n".join(line for _, line in own) for own in statements if own}


def tenant_tables(migrations: Iterable[Migration]) -> tuple[str, ...]:
    """The tables whose rows belong to a studio: those that are created with a column `studio_id`."""
    return tuple(
        created[1]
        for migration in migrations
        for statement in migration.statements
        if (created := _TABLE.match(statement)) and _STUDIO.search(statement)
    )


async def apply(client: ClickHouse, folder: Path = FOLDER) -> list[int]:
    """Bring the client's databases up to date; return the numbers applied now. Called twice: nothing happens.

    Raises MigrationError where a file differs from what was applied under its number, or is missing; where
    a statement has no place in the client's cluster; and where the tables are not of the client's kind.
    """
    system = client.system
    migrations = read(folder)
    check_places(client, migrations)
    await make_places(client)
    recorded = {
        int(number): str(digest)
        for number, digest in await system.rows("SELECT number, digest FROM migrations FINAL ORDER BY number")
    }
    if recorded and not await tables_of(client):
        raise MigrationError(
            f"the database {client.database} has no tables, but {system.database} says how far they had come:"
            f" restore {client.database}, or drop both, and everything is built again from the log"
        )
    unknown = sorted(set(recorded) - {migration.number for migration in migrations})
    if unknown:
        raise MigrationError(f"the database {client.database} is newer than this build: it has {unknown}")
    applied = []
    for migration in migrations:
        if migration.number in recorded:
            if recorded[migration.number] != migration.digest:
                raise MigrationError(
                    f"{migration.file} was edited after it had been applied to"
                    f" {client.database}: add a new file instead, or rebuild into a new database"
                )
            continue
        for statement in migration.statements:
            await target_of(client, statement).command(statement)
        await system.command(
            "INSERT INTO migrations (number, name, digest)"
            " SELECT {number:UInt32}, {name:String}, {digest:String}",
            {"number": migration.number, "name": migration.name, "digest": migration.digest},
        )
        applied.append(migration.number)
    return applied


async def make_places(client: ClickHouse) -> None:
    """Create the client's databases and the table `migrations`.

    In a cluster not where the asked server has them: a statement for all servers fails while one of them is
    away, and a process that starts then has nothing to create. `deploy.prepare` asks all of them. Raises
    MigrationError where tables are not of the client's kind.
    """
    system = client.system
    there = client.cluster is not None and "migrations" in await tables_of(system)
    if not there:
        await create_databases(client)
    await _refuse_other_kind(client)
    if there:
        return
    await system.command(
        "CREATE TABLE IF NOT EXISTS migrations (number UInt32 COMMENT 'Number of the file',"
        " name String COMMENT 'Name of the file', digest String COMMENT 'SHA-256 of its statements',"
        " applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When')"
        " ENGINE = ReplacingMergeTree ORDER BY number"
        " COMMENT 'Which numbered SQL files have been applied. Read with FINAL.'"
    )


def check_places(client: ClickHouse, migrations: Iterable[Migration]) -> None:
    """Raise MigrationError, with file and line, for a statement that has no place in the client's cluster."""
    for migration in migrations:
        for line, statement in zip(migration.lines, migration.statements, strict=True):
            try:
                placed(statement, target_of(client, statement).database, client.cluster)
            except SqlUnreadable as unreadable:
                raise MigrationError(
                    f"{migration.file}, line {line}, has no place in a cluster: {unreadable}"
                ) from None


async def _refuse_other_kind(client: ClickHouse) -> None:
    """Raise MigrationError where tables are of a single server, and the client's are of a cluster, or so."""
    for own in (client.system, client):
        for table, engine in (await engines_of(own)).items():
            if engine.endswith("MergeTree") and engine.startswith("Replicated") != (own.cluster is not None):
                kinds = ("a cluster", "a single server")
                there, here = kinds if own.cluster is None else reversed(kinds)
                raise MigrationError(
                    f"{own.database}.{table} is a table of {there} ({engine}), and the settings are of"
                    f" {here}: change QUESTLOG_CLICKHOUSE_CLUSTER, or set another"
                    " QUESTLOG_CLICKHOUSE_DATABASE, which is built from the log"
                )
