"""The project's own tables move out of the database of facts, whichever release made them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest

from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.errors import ClickHouseRefused
from projections.clickhouse.positions import Positions, StoredPosition
from projections.clickhouse.system_tables import TABLES, drop_databases, tables_of
from schemas.log_positions import Position

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.stack

LAST_OF_ONE_DATABASE: Final = 13
UNKNOWN_TABLE: Final = 60
_MIGRATIONS: Final = (
    "CREATE TABLE migrations (number UInt32, name String, digest String, applied_at DateTime64(3, 'UTC')"
    " DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY number"
)
_ROWS: Final = (
    "INSERT INTO events (studio_id, _offset) VALUES ('a', 5), ('b', 6)",
    "INSERT INTO holds (topic, holder, until, _version) VALUES ('telemetry', 'me', '2100-01-01 00:00:00', 1)",
    "INSERT INTO hold_answers (topic, partition, holder) VALUES ('telemetry', 2, 'me')",
    "INSERT INTO log_skips (topic, partition, offset, part, sha256) VALUES ('telemetry', 0, 3, -1, 'ab')",
)
_POSITIONS: Final = {
    11: "INSERT INTO reader_positions (topic, partition, next_offset, src, mark, log_id, log_time)"
    " VALUES ('telemetry', 0, 7, -1, 'a-c', 'log-1', '2026-01-01 00:00:00.006')",
    10: "INSERT INTO log_positions (topic, partition, next_offset, log_id, log_time, mark)"
    " VALUES ('telemetry', 0, 7, 'log-1', '2026-01-01 00:00:00.006', 'a-c')",
}


@pytest.fixture
async def client(clickhouse_url: str) -> AsyncIterator[ClickHouse]:
    own = ClickHouse(clickhouse_url, f"test_{uuid4().hex[:12]}")
    yield own
    await drop_databases(own)
    await own.close()


async def fill(client: ClickHouse, last: int = LAST_OF_ONE_DATABASE) -> str:
    """A database as a release left it that had one only, with rows in every table; its tables' name."""
    await client.command(f"CREATE DATABASE {client.database}", in_database=False)
    await client.command(_MIGRATIONS)
    for migration in migrations.read()[:last]:
        for statement in migration.statements:
            await client.command(statement)
        values = f"{migration.number}, '{migration.name}', '{migration.digest}'"
        await client.command(f"INSERT INTO migrations (number, name, digest) VALUES ({values})")
    for statement in (*_ROWS, _POSITIONS[11 if last >= 11 else 10]):
        await client.command(statement)
    return str((await client.rows("SELECT generation FROM generations"))[0][0])


async def check(client: ClickHouse, generation: str) -> None:
    """Everything is in its place, and nothing was lost."""
    assert await tables_of(client) & set(TABLES) == set()
    assert await client.rows("SELECT studio_id FROM events ORDER BY _offset") == [["a"], ["b"]]
    positions = Positions(client, "telemetry")
    assert await positions.all() == {0: StoredPosition(0, Position(7, -1, "a-c", "log-1"), 1_767_225_600_006)}
    assert await positions.generation() == generation
    assert (await positions.held(0), await positions.waiting("me")) == ("me", {2})
    skips = await client.system.rows("SELECT offset, part, sha256 FROM log_skips FINAL")
    assert skips == [[3, -1, "ab"]]


@pytest.mark.parametrize("last", [10, 11, LAST_OF_ONE_DATABASE])
async def test_a_store_of_an_older_release_is_moved_with_all_its_rows(client: ClickHouse, last: int) -> None:
    generation = await fill(client, last)
    newer = [migration.number for migration in migrations.read()[last:]]
    assert await migrations.apply(client) == newer
    await check(client, generation)
    assert await migrations.apply(client) == []
    await check(client, generation)


class Killed(BaseException):
    """As a killed process: no code of its own runs after it."""


class KilledClickHouse(ClickHouse):
    """The real client of a process that is killed after so many statements that change something."""

    def __init__(self, url: str, database: str, *, after: int) -> None:
        super().__init__(url, database)
        self._left = [after]

    async def command(self, sql: str, *arguments: Any, **more: Any) -> None:
        self._left[0] -= 1
        if self._left[0] < 0:
            raise Killed
        await super().command(sql, *arguments, **more)


@pytest.mark.parametrize("last", [11, LAST_OF_ONE_DATABASE])
async def test_killed_after_any_statement_the_next_start_moves_the_rest(
    client: ClickHouse, clickhouse_url: str, last: int
) -> None:
    generation = await fill(client, last)
    deaths = 0
    for after in range(1, 40):
        killed = KilledClickHouse(clickhouse_url, client.database, after=after)
        try:
            await migrations.apply(killed)
        except Killed:
            deaths += 1
        finally:
            await killed.close()
    assert deaths >= 3
    await check(client, generation)


async def test_many_may_move_at_once(client: ClickHouse, clickhouse_url: str) -> None:
    generation = await fill(client)
    others = [ClickHouse(clickhouse_url, client.database) for _ in range(4)]
    await asyncio.gather(*(migrations.apply(other) for other in others))
    for other in others:
        await other.close()
    await check(client, generation)


@pytest.mark.parametrize("old", [False, True])
async def test_a_release_that_knows_one_database_is_refused(
    client: ClickHouse,
    old: bool,  # noqa: FBT001 - pytest gives parameters by name
) -> None:
    if old:
        await fill(client)
    await migrations.apply(client)
    await client.command(_MIGRATIONS.replace("TABLE", "TABLE IF NOT EXISTS"))  # its first statement
    assert "migrations" not in await tables_of(client)
    with pytest.raises(ClickHouseRefused) as refused:
        await client.rows("SELECT number, digest FROM migrations FINAL ORDER BY number")
    assert refused.value.code == UNKNOWN_TABLE


async def test_positions_without_facts_are_refused_with_what_to_do(client: ClickHouse) -> None:
    await migrations.apply(client)
    await client.command(f"DROP DATABASE {client.database}", in_database=False)
    with pytest.raises(migrations.MigrationError, match=r"_system says how far.*restore .*, or drop both"):
        await migrations.apply(client)
    await drop_databases(client)
    assert len(await migrations.apply(client)) == len(migrations.read())
