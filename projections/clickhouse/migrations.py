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

from projections.clickhouse.system_tables import create_databases, tables_of, target_of

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


def read(folder: Path = FOLDER) -> list[Migration]:
    """All migrations of a folder in order. Raises MigrationError where numbers have gaps or repeat."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        named = _FILE.match(path.name)
        if named is None:
            raise MigrationError(f"{path.name} is not named NNNN_what.sql")
        statements = split(path.read_text())
        digest = hashlib.sha256("\n;;\n".join(statements).encode()).hexdigest()
        found.append(Migration(int(named[1]), named[2], statements, digest))
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise MigrationError(f"migrations must be numbered 1, 2, 3…: {numbers}")
    return found


def split(text: str) -> tuple[str, ...]:
    """The statements of a file, without whole-line comments and blank lines."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--")]
    statements = [[]]  # type: list[list[str]]
    for line in lines:
        if line.strip() == ";;":
            statements.append([])
        else:
            statements[-1].append(line)
    return tuple("\n".join(statement) for statement in statements if statement)


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

    Raises MigrationError where a file differs from what was applied under its number, or is missing.
    """
    system = client.system
    await create_databases(client)
    await system.command(
        "CREATE TABLE IF NOT EXISTS migrations (number UInt32 COMMENT 'Number of the file',"
        " name String COMMENT 'Name of the file', digest String COMMENT 'SHA-256 of its statements',"
        " applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When')"
        " ENGINE = ReplacingMergeTree ORDER BY number"
        " COMMENT 'Which numbered SQL files have been applied. Read with FINAL.'"
    )
    migrations = read(folder)
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
                    f"{migration.number:04}_{migration.name}.sql was edited after it had been applied to"
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
