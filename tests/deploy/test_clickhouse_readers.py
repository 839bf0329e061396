"""A read-only user sees its studio's rows, whichever way it asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import httpx
import pytest

pytestmark = pytest.mark.stack

DATABASE = "walls"


@pytest.fixture(scope="module")
def ask(clickhouse_url: str, clickhouse_home: Path) -> Iterator[httpx.Client]:
    """HTTP as the user `ann`, who belongs to studio `mine`."""
    with clickhouse_connect.get_client(dsn=clickhouse_url) as owner:
        for statement in (
            f"CREATE DATABASE {DATABASE}",
            f"CREATE TABLE {DATABASE}.t (studio_id String, n UInt32) ENGINE = MergeTree ORDER BY n",
            f"CREATE TABLE {DATABASE}.last (studio_id String, n Int8) ENGINE = ReplacingMergeTree ORDER BY n",
            f"CREATE TABLE {DATABASE}.secret (word String) ENGINE = MergeTree ORDER BY word",
            f"CREATE VIEW {DATABASE}.v AS SELECT studio_id, n * 10 AS n FROM {DATABASE}.t",
            f"CREATE VIEW {DATABASE}.blind AS SELECT n FROM {DATABASE}.t",
            f"INSERT INTO {DATABASE}.t VALUES ('mine', 1), ('mine', 2), ('other', 100)",
            f"INSERT INTO {DATABASE}.last VALUES ('mine', 5), ('other', 50)",
            f"INSERT INTO {DATABASE}.secret VALUES ('word')",
        ):
            owner.command(statement)
    users = {"ann": {"password_sha256": hashlib.sha256(b"pass").hexdigest(), "studio_id": "mine"}}
    (clickhouse_home / "clickhouse" / "readers.json").write_text(json.dumps(users))
    with httpx.Client(base_url=clickhouse_url, auth=("ann", "pass"), params={"database": DATABASE}) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("SELECT sum(n) FROM t", "3"),
        (f"SELECT sum(n) FROM {DATABASE}.t", "3"),
        (f"SELECT sum(n) FROM `{DATABASE}`.`t` AS other_name", "3"),
        ("SELECT sum(n) FROM v", "30"),
        ("SELECT sum(n) FROM last FINAL", "5"),
        ("WITH big AS (SELECT max(n) AS m FROM t) SELECT m FROM big", "2"),
        ("SELECT (SELECT max(n) FROM t)", "2"),
        ("SELECT sum(a.n) FROM t AS a JOIN last AS b USING studio_id", "3"),
        ("SELECT count() FROM (SELECT n FROM t UNION ALL SELECT n FROM last)", "3"),
        ("SELECT 100 IN (SELECT n FROM t)", "0"),
        ("SELECT count() FROM secret", "0"),
        ("SELECT count() FROM blind", "0"),
        ("SELECT {x:UInt8} + 1 FROM numbers(1)", "8"),
    ],
)
def test_it_sees_its_own_rows(ask: httpx.Client, query: str, answer: str) -> None:
    got = ask.post("/", params={"param_x": "7"}, content=query)
    assert (got.status_code, got.text.strip()) == (200, answer), got.text


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT sum(n) FROM merge('{DATABASE}', 't')",
        f"SELECT * FROM remote('127.0.0.1', '{DATABASE}', 't')",
        f"SELECT * FROM cluster('default', '{DATABASE}', 't')",
        "SELECT sum(n) FROM t SETTINGS additional_table_filters = {}",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT * FROM url('http://localhost/', 'LineAsString')",
        "SELECT * FROM view(SELECT * FROM t)",
        f"SELECT * FROM mergeTreeIndex('{DATABASE}', 't')",
        "SELECT 'x' IN system.clusters",
        "WITH processes AS (SELECT 1) SELECT query FROM system.processes",
        "SELECT query FROM system.processes",
        "SELECT * FROM system.query_log",
        "SELECT * FROM system.parts",
        "SELECT name, total_rows FROM system.tables",
        "SELECT * FROM system.columns",
        "SELECT table_rows FROM information_schema.tables",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "INSERT INTO t VALUES ('mine', 3)",
        "CREATE TEMPORARY TABLE x (a UInt8)",
        "DROP TABLE t",
        "SET readonly = 0",
        "SELECT 1; SET readonly = 0",
        "EXPLAIN SELECT * FROM t",
        "DESCRIBE url('http://localhost/', 'LineAsString')",
        "KILL QUERY WHERE 1",
        "SYSTEM SHUTDOWN",
        "USE system",
    ],
)
def test_it_gets_nothing_else(ask: httpx.Client, query: str) -> None:
    got = ask.post("/", content=query)
    assert got.status_code in {400, 403, 404, 500}, got.text
    assert got.headers["x-clickhouse-exception-code"] in {"497", "164", "60", "62", "46"}, got.text


def test_a_table_by_name_after_in_is_filtered_too(ask: httpx.Client) -> None:
    got = ask.post("/", content=f"SELECT ('other', 100) IN {DATABASE}.t, ('mine', 1) IN t")
    assert got.text.strip() == "0\t1", got.text


def test_overrides_in_the_url_are_dropped(ask: httpx.Client) -> None:
    got = ask.post(
        "/", params={"additional_table_filters": "{}", "readonly": "0"}, content="SELECT sum(n) FROM t"
    )
    assert got.text.strip() == "3"


@pytest.mark.parametrize(
    "query", ["SHOW TABLES", "DESCRIBE t", f"EXISTS TABLE {DATABASE}.t", "SHOW DATABASES"]
)
def test_it_may_look_around(ask: httpx.Client, query: str) -> None:
    assert ask.post("/", content=query).status_code == 200


def test_a_system_database_is_no_home(ask: httpx.Client) -> None:
    query = "SELECT query FROM processes, (WITH processes AS (SELECT 1) SELECT 1)"
    assert ask.post("/", params={"database": "system"}, content=query).status_code == 403


def test_a_wrong_password_is_refused(ask: httpx.Client) -> None:
    assert ask.post("/", content="SELECT 1", auth=("ann", "word")).status_code == 403
    assert ask.post("/", content="SELECT 1", auth=("bob", "pass")).status_code == 403


def test_it_can_bring_no_table(ask: httpx.Client) -> None:
    params = {"query": "SELECT * FROM k", "k_structure": "a UInt8"}
    got = ask.post("/", params=params, files={"k": ("k", b"1\n")})
    assert got.headers["x-clickhouse-exception-code"] == "497"
