from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import msgspec
import pytest

from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse, identifier, time_text
from projections.clickhouse.cluster import Cluster
from projections.clickhouse.errors import ClickHouseRefused
from projections.clickhouse.migrations import FOLDER, MigrationError, apply, make_places, read, split
from projections.clickhouse.positions import Positions, StoredPosition
from projections.clickhouse.system_tables import drop_databases, tables_of
from schemas.log_positions import Position

if TYPE_CHECKING:
    from pathlib import Path


def test_the_files_are_numbered_and_have_statements() -> None:
    found = read()
    assert [migration.number for migration in found] == list(range(1, len(found) + 1))
    assert all(migration.statements for migration in found)


def test_statements_are_separated_by_a_line_of_two_semicolons_only() -> None:
    text = "-- why\nSELECT ';;'\n;;\n\nSELECT 2 -- kept\n;;\n"
    assert split(text) == ("SELECT ';;'", "SELECT 2 -- kept")


def test_a_gap_or_a_bad_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0002_late.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="1, 2, 3"):
        read(tmp_path)
    (tmp_path / "extra.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="NNNN_what"):
        read(tmp_path)


def test_times_are_text_and_names_are_checked() -> None:
    assert identifier("events") == "events"
    with pytest.raises(ValueError, match="plain identifier"):
        identifier("events; DROP")
    assert time_text(1_778_714_850_007) == "1778714850.007"
    assert time_text(0) == "1970-01-01 00:00:00.000"


@pytest.mark.stack
async def test_each_file_is_applied_once_and_an_edited_or_unknown_one_is_refused(
    clickhouse_url: str, tmp_path: Path
) -> None:
    client = ClickHouse(clickhouse_url, "test_migrations")
    first = tmp_path / "0001_a.sql"
    first.write_text("CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x")
    assert await apply(client, tmp_path) == [1]
    assert await apply(client, tmp_path) == []
    first.write_text("-- a comment more\n" + first.read_text())
    assert await apply(client, tmp_path) == []
    (tmp_path / "0002_b.sql").write_text("INSERT INTO a VALUES (1)")
    assert await apply(client, tmp_path) == [2]
    assert await client.rows("SELECT count() FROM a") == [[1]]
    (tmp_path / "0002_b.sql").unlink()
    with pytest.raises(MigrationError, match="newer than this build"):
        await apply(client, tmp_path)
    (tmp_path / "0002_b.sql").write_text("INSERT INTO a VALUES (2)")
    with pytest.raises(MigrationError, match=r"0002_b\.sql was edited"):
        await apply(client, tmp_path)
    await drop_databases(client)
    await client.close()


@pytest.mark.stack
async def test_amounts_of_a_stack_from_before_become_wide_and_their_sums_exact(
    clickhouse_url: str, tmp_path: Path
) -> None:
    client = ClickHouse(clickhouse_url, "test_wide_amounts")
    for path in FOLDER.glob("*.sql"):
        if path.name < "0008":
            shutil.copy(path, tmp_path)
    await apply(client, tmp_path)
    columns = ("game_id", "external_id", "number", "amount", "balance")
    rows = [["g", "p", number, -(2**63), 2**63 - 1] for number in (1, 2)]
    body = b"\n".join(map(msgspec.json.encode, rows))
    await client.insert("liveops_ledger", columns, body, form="JSONCompactEachRow", token="a")  # noqa: S106
    assert await client.rows("SELECT sum(amount) FROM liveops_ledger FINAL") == [[0]]  # wrapped
    assert 8 in await apply(client)
    more = msgspec.json.encode(["g", "p", 3, -(2**63), -1])
    await client.insert("liveops_ledger", columns, more, form="JSONCompactEachRow", token="b")  # noqa: S106
    sums = await client.rows("SELECT sum(amount), sum(balance) FROM liveops_ledger FINAL")
    assert sums == [[-3 * 2**63, 2**64 - 3]]
    (amount,) = (await client.rows("SELECT toTypeName(amount), toTypeName(balance) FROM liveops_ledger"))[:1]
    assert amount == ["Int128", "Int128"]
    await drop_databases(client)
    await client.close()


@pytest.mark.stack
async def test_a_token_makes_a_repeated_insert_one_and_errors_are_told_apart(clickhouse_url: str) -> None:
    client = ClickHouse(clickhouse_url, "test_client", retry_seconds=1)
    await migrations.apply(client)
    body = b'["telemetry", 0, 1, "log"]'
    columns = ("topic", "partition", "next_offset", "log_id")
    await client.command(
        "CREATE TABLE deduplicated (topic String, partition UInt8, next_offset UInt8, log_id String)"
        " ENGINE = MergeTree ORDER BY topic SETTINGS non_replicated_deduplication_window = 100"
    )
    for token in ("one", "one", "two"):
        await client.insert("deduplicated", columns, body, form="JSONCompactEachRow", token=token)
    assert await client.rows("SELECT count() FROM deduplicated") == [[2]]
    with pytest.raises(ClickHouseRefused) as refused:
        await client.rows("SELECT nothing FROM nowhere")
    assert refused.value.code in {47, 60}
    assert await client.rows("SELECT {a:String}, {b:Int64}", {"a": "tab\tquote'\\", "b": -5}) == [
        ["tab\tquote'\\", -5]
    ]
    await drop_databases(client)
    await client.close()


@pytest.mark.stack
async def test_positions_of_a_stack_from_before_come_into_one_table(
    clickhouse_url: str, tmp_path: Path
) -> None:
    client = ClickHouse(clickhouse_url, "test_reader_positions")
    copies, drops = sorted(FOLDER.glob("*_reader_positions.sql")) + sorted(
        FOLDER.glob("*_one_table_of_*.sql")
    )
    for path in FOLDER.glob("*.sql"):
        if path.name < copies.name:
            shutil.copy(path, tmp_path)
    await apply(client, tmp_path)
    await client.system.command(
        "INSERT INTO log_positions (topic, partition, next_offset, log_id, log_time, mark) VALUES"
        " ('telemetry', 0, 6, 'log-1', '2026-01-01 00:00:00.005', 'a-b'),"
        " ('telemetry', 0, 7, 'log-1', '2026-01-01 00:00:00.006', 'a-c')"
    )
    await client.system.command(
        "INSERT INTO liveops_positions (partition, next_offset, src, log_id, mark) VALUES"
        " (0, 5, 3, 'log-2', ''), (3, 9, 8, 'log-2', 'b-d')"
    )
    shutil.copy(copies, tmp_path)
    for _ in range(2):  # as if it had ended before it could say that the file was applied
        await apply(client, tmp_path)
        await client.system.command(
            "ALTER TABLE migrations DELETE WHERE name = 'reader_positions' SETTINGS mutations_sync = 1"
        )
    await apply(client)
    assert await Positions(client, "telemetry").all() == {
        0: StoredPosition(0, Position(7, -1, "a-c", "log-1"), 1_767_225_600_006)
    }
    assert await Positions(client, "liveops.events").all() == {
        0: StoredPosition(0, Position(5, 3, "", "log-2")),
        3: StoredPosition(3, Position(9, 8, "b-d", "log-2")),
    }
    assert [table for table in await tables_of(client.system) if table.endswith("_positions")] == [
        "reader_positions"
    ]
    assert drops.name > copies.name
    await drop_databases(client)
    await client.close()


@pytest.mark.stack
async def test_in_a_cluster_nothing_is_asked_of_all_servers_where_the_tables_are_there(
    clickhouse_url: str,
) -> None:
    """This server is of no cluster: it refuses `ON CLUSTER`, as one does with another server away."""
    client = ClickHouse(clickhouse_url, "test_cluster_places")
    of_cluster = ClickHouse(clickhouse_url, client.database, cluster=Cluster("live"))
    with pytest.raises(ClickHouseRefused):
        await make_places(of_cluster)
    for database in (client.database, client.system.database):
        await client.command(f"CREATE DATABASE IF NOT EXISTS {database}", in_database=False)
    await client.system.command("CREATE TABLE IF NOT EXISTS migrations (number UInt32) ENGINE = Memory")
    await make_places(of_cluster)
    await drop_databases(client)
    await client.close()
    await of_cluster.close()
