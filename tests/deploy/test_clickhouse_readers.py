"""A read-only user sees its studio's rows, whichever way it asks."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import clickhouse_connect
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.analysts import ON_DISK
from tests.deploy.reader_queries import (
    CONDITIONS,
    DATABASE,
    MARKER,
    SHAPES,
    SYSTEM,
    TWINS,
    ReadersStack,
    prepare,
    qualified,
)
from tests.stack import infra

pytestmark = pytest.mark.stack
NEWLINE = "\n"


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadersStack]:
    """A ClickHouse of its own: row policies stand from its start on, so it must know the tables by then."""
    tables = [f"{database}.{table}" for database in (DATABASE, *TWINS) for table in ("t", "last")]
    options = [word for table in tables for word in ("--tenant-table", table)]
    home = tmp_path_factory.mktemp("readers")
    with (
        infra(home, "clickhouse", "--database", DATABASE, *options) as url,
        clickhouse_connect.get_client(dsn=url) as owner,
    ):
        prepare(owner)
        users = {
            name: {"password_sha256": hashlib.sha256(b"pass").hexdigest(), "studio_id": studio}
            for name, studio in {"ann": "mine", "bea": "other", "nobody": ""}.items()
        }
        (home / "clickhouse" / "readers.json").write_text(json.dumps(users))
        yield ReadersStack(url.split("@")[1], owner)


@pytest.fixture(scope="module")
def ask(readers: ReadersStack) -> Iterator[httpx.Client]:
    """HTTP as the user `ann`, who belongs to studio `mine`."""
    with readers.client("ann") as client:
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


@pytest.mark.parametrize("named", ["", "default", DATABASE])
def test_without_a_database_it_reads_that_of_the_deployment(readers: ReadersStack, named: str) -> None:
    with readers.client("ann", named) as client:
        got = client.post("/", content="SELECT sum(n) FROM t")
    assert (got.status_code, got.text.strip()) == (200, "3"), got.text


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
        'SELECT data_paths FROM `system`."tables"',
        "SELECT data_compressed_bytes FROM system.columns",
        "SELECT data_path FROM system.databases",
        "SELECT table_rows FROM information_schema.tables",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "INSERT INTO t VALUES ('mine', 3)",
        "CREATE TEMPORARY TABLE x (a UInt8)",
        "DROP TABLE t",
        "SET readonly = 0",
        "SELECT 1; SET readonly = 0",
        "EXPLAIN SELECT * FROM t",
        "EXPLAIN PLAN SELECT * FROM t",
        "EXPLAIN PIPELINE SELECT * FROM t",
        "EXPLAIN ESTIMATE SELECT * FROM t",
        "EXPLAIN SYNTAX SELECT * FROM system.processes",
        "EXPLAIN QUERY TREE dump_ast = 1 SELECT 1",
        "SELECT * FROM (EXPLAIN SELECT * FROM t)",
        "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT * FROM t))",
        "FROM system.processes SELECT query",
        "(SELECT query FROM system.processes)",
        "SHOW TABLES FROM system",
        "SHOW TABLES WHERE name IN (SELECT query FROM system.processes)",
        "SHOW PROCESSLIST",
        "SHOW GRANTS",
        "SHOW CREATE TABLE secret",
        "DESCRIBE late",
        "DESCRIBE system.processes",
        "DESCRIBE (SELECT * FROM system.processes)",
        "DESCRIBE url('http://localhost/', 'LineAsString')",
        "KILL QUERY WHERE 1",
        "SYSTEM SHUTDOWN",
        "USE system",
    ],
)
def test_it_gets_nothing_else(ask: httpx.Client, query: str) -> None:
    got = ask.post("/", content=query)
    assert got.status_code in {400, 403, 404, 500}, got.text
    assert got.headers["x-clickhouse-exception-code"] in {"497", "164", "60", "62", "46", "47"}, got.text


def test_a_table_by_name_after_in_is_filtered_too(ask: httpx.Client) -> None:
    got = ask.post("/", content=f"SELECT ('other', 100) IN {DATABASE}.t, ('mine', 1) IN t")
    assert got.text.strip() == "0\t1", got.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("additional_table_filters", "{}"),
        ("readonly", "0"),
        ("log_comment", "other"),
        ("output_format_schema", "/tmp/x"),  # noqa: S108 - refused
        ("max_rows_to_read", "2"),
        ("output_format_write_statistics", "1"),
        ("profile", "default"),
    ],
)
def test_overrides_in_the_url_are_refused_by_name(ask: httpx.Client, name: str, value: str) -> None:
    got = ask.post("/", params={name: value}, content="SELECT sum(n) FROM t")
    assert (got.headers["x-clickhouse-exception-code"], name in got.text) == ("164", True), got.text


@pytest.mark.parametrize(
    ("parameters", "query", "answer"),
    [
        ({"final": "1"}, "SELECT count() FROM last", "2"),
        ({"join_use_nulls": "1"}, "SELECT b.n FROM t a LEFT JOIN last b ON a.n = b.n + 10 LIMIT 1", "\\N"),
        ({"session_timezone": "Asia/Tokyo"}, "SELECT toString(toDateTime(0))", "1970-01-01 09:00:00"),
        ({"readonly": "1"}, "SELECT 1", "1"),
        ({"output_format_tsv_crlf_end_of_line": "1"}, "SELECT 1", "1"),
        ({"max_execution_time": "600"}, "SELECT getSetting('max_execution_time')", "30"),
        ({"max_execution_time": "0"}, "SELECT getSetting('max_execution_time')", "30"),
        ({"max_execution_time": "2.5"}, "SELECT getSetting('max_execution_time')", "2.5"),
        ({"max_threads": "1"}, "SELECT getSetting('max_threads')", "1"),
    ],
)
def test_settings_of_the_answers_form_are_honoured(
    readers: ReadersStack, parameters: dict[str, str], query: str, answer: str
) -> None:
    if "final" in parameters:
        readers.owner.command(f"INSERT INTO {DATABASE}.last VALUES ('mine', 5), ('mine', 6)")
        readers.owner.command(f"INSERT INTO {DATABASE}.last VALUES ('mine', 6)")
    with readers.client("ann") as client:
        got = client.post("/", params=parameters, content=query)
    assert got.text.strip() == answer


@pytest.mark.parametrize(
    "query", ["SELECT 1 SETTINGS final = 1", "SELECT n FROM (SELECT n FROM t SETTINGS readonly = 0)"]
)
def test_settings_in_a_statement_are_refused(ask: httpx.Client, query: str) -> None:
    got = ask.post("/", content=query)
    assert (got.status_code, "URL" in got.text) == (403, True), got.text


def test_a_table_without_a_row_policy_is_refused(ask: httpx.Client) -> None:
    assert ask.post("/", content="SELECT count() FROM late").status_code == 403


def test_a_reader_without_a_studio_is_nobody(readers: ReadersStack) -> None:
    with readers.client("nobody") as client:
        assert client.post("/", content="SELECT 1").status_code == 403


@pytest.mark.parametrize("column", ["_part", "t._part_offset", "_partition_id", "max(_part_offset)"])
def test_columns_of_the_storage_are_out_of_reach(ask: httpx.Client, column: str) -> None:
    assert ask.post("/", content=f"SELECT {column} FROM t").status_code == 403


def test_nothing_says_how_much_was_read(ask: httpx.Client) -> None:
    got = ask.post("/", content="SELECT * FROM t FORMAT JSON")
    assert json.loads(got.headers["x-clickhouse-summary"]) == dict.fromkeys(
        ("read_rows", "read_bytes", "written_rows", "written_bytes"), "0"
    )
    assert "statistics" not in got.json()
    assert ask.post("/", content="SELECT * FROM t FORMAT JSONEachRowWithProgress").status_code == 403


def test_its_groups_wait_on_disk_before_they_fill_its_memory(ask: httpx.Client) -> None:
    for name, value in ON_DISK.items():
        got = ask.post("/", content=f"SELECT getSetting('{name}')")
        assert (got.status_code, got.text.strip()) == (200, value), got.text
        assert ask.post("/", params={name: "0"}, content="SELECT 1").status_code != 200


def test_a_stock_client_reads_as_a_reader(readers: ReadersStack) -> None:
    host, port = readers.address.split(":")
    with clickhouse_connect.get_client(
        host=host,
        port=int(port),
        username="ann",
        password="pass",  # noqa: S106 - as `readers` says
    ) as client:
        assert client.query(f"SELECT sum(n) FROM {DATABASE}.t").result_rows == [(3,)]


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(shape=st.sampled_from(SHAPES), first=st.sampled_from(CONDITIONS), second=st.sampled_from(CONDITIONS))
def test_an_answer_is_the_same_whether_other_studios_have_rows_or_not(
    readers: ReadersStack, shape: str, first: str, second: str
) -> None:
    query = shape.format(a=first, b=second, ax=qualified(first, "x"), ay=qualified(second, "y"))
    answers = []
    for database in TWINS:
        with readers.client("ann", database) as client:
            got = client.post("/", content=query)
        said = {name: value for name, value in got.headers.items() if name not in VARYING}
        own_words = query if query.startswith("EXPLAIN") else ""  # which an explanation repeats
        assert MARKER in own_words or MARKER not in got.text + str(got.headers), query
        answers.append((got.status_code, got.text.replace(database, "database"), said))
    assert answers[0] == answers[1], query


VARYING = {"date", "x-clickhouse-query-id", "x-clickhouse-exception-tag", "content-length"}


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT * FROM `t{' (alias b)' * 40}x`",
        f"SELECT 1 AS `{NEWLINE * 100_000}`",
        f"SELECT `{NEWLINE * 100_000}`",
        "SELECT " + "/*" * 100_000,
        "SELECT '" + "\\'" * 100_000,
        "SELECT " + "(" * 1_000_000,
    ],
    ids=["aliases", "blank alias", "blank name", "comments", "quotes", "brackets"],
)
def test_a_statement_that_is_made_to_be_slow_is_answered(readers: ReadersStack, query: str) -> None:
    with readers.client("ann") as client:
        assert client.post("/", content=query).status_code in {200, 400, 403, 404}
        assert client.post("/", content="SELECT sum(n) FROM t").text == "3\n"


def test_one_studio_s_long_queries_hold_up_only_itself(readers: ReadersStack) -> None:
    slow = "SELECT sleepEachRow(0.5) FROM numbers(8) FORMAT Null"
    begun = threading.Barrier(4)

    def long() -> float:
        with readers.client("ann") as client:
            begun.wait()
            began = time.monotonic()
            client.post("/", params={"max_block_size": "1"}, content=slow)
            return time.monotonic() - began

    with ThreadPoolExecutor(3) as pool, readers.client("bea") as other:
        running = [pool.submit(long) for _ in range(3)]
        begun.wait()
        assert other.post("/", content="SELECT sum(n) FROM t").text == "100\n"
        ahead = not any(one.done() for one in running)
    # Two of the three ran at once and the third behind them; the other studio was never behind any of them.
    assert max(one.result() for one in running) > 7
    assert ahead


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("SHOW TABLES", ["last", "t", "v"]),
        (f'SHOW TABLES FROM "{DATABASE}"', ["last", "t", "v"]),
        ("/* a tool */ show full tables in `walls` like 'l%' -- its end", ["last\tReplacingMergeTree"]),
        (f"SELECT name FROM system.tables WHERE database = '{DATABASE}'", ["last", "t", "v"]),
        (f"SELECT name FROM `system`.tables AS a WHERE a.database = '{DATABASE}' AND a.name < 'm'", ["last"]),
        (
            f"FROM system.tables SELECT tables.engine WHERE name = 't' AND database = '{DATABASE}'",
            ["MergeTree"],
        ),
        ("SELECT comment FROM system.tables WHERE name = 't' AND comment != ''", ["What happened"]),
        ("SELECT DISTINCT table FROM system.columns ORDER BY 1", ["last", "t", "v"]),
        (
            "SELECT name, type, comment FROM system.columns WHERE name = 'n' AND comment != ''",
            ["n\tUInt32\tHow many"],
        ),
        (f"SELECT 't' IN (SELECT name FROM system . tables WHERE database = '{DATABASE}')", ["1"]),
        ("SELECT 'FROM system.tables'", ["FROM system.tables"]),
        ("SHOW COLUMNS FROM t LIKE 'n'", ["n\tUInt32\tNO\tPRI SOR\t\\N\t"]),
        (f'DESC TABLE "{DATABASE}"."last"', ["studio_id\tString\t\t\t\t\t", "n\tInt8\t\t\t\t\t"]),
        (f"EXISTS TABLE {DATABASE}.t", ["1"]),
        ("EXISTS nothing", ["0"]),
        ("EXPLAIN SYNTAX SELECT n FROM t", ["SELECT n\\nFROM t"]),
        ("FROM t SELECT sum(n)", ["3"]),
        ("(SELECT max(n) FROM t) UNION ALL (SELECT min(n) FROM last)", ["2", "5"]),
    ],
)
def test_it_may_look_around(readers: ReadersStack, query: str, answer: list[str]) -> None:
    with readers.client("ann") as client:
        got = client.post("/", content=query)
    assert (got.status_code, sorted(got.text.splitlines())) == (200, sorted(answer)), got.text


def test_a_definition_is_shown_with_its_comments(ask: httpx.Client) -> None:
    shown = ask.post("/", content=f"SHOW CREATE TABLE `{DATABASE}`.t FORMAT TabSeparatedRaw").text
    assert "COMMENT 'What happened'" in shown
    assert "`n` UInt32 COMMENT 'How many'" in shown


def test_the_catalogue_tells_no_paths_and_no_counts(ask: httpx.Client) -> None:
    for table in ("tables", "columns", "databases"):
        (row, *_) = ask.post(
            "/", content=f"SELECT * FROM system.{table} FORMAT JSONEachRow"
        ).text.splitlines()
        words = ("path", "bytes", "rows", "parts", "marks")
        assert not [name for name in json.loads(row) if any(word in name for word in words)]


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT * FROM {SYSTEM}.holds",
        f"SELECT count() FROM `{SYSTEM}`.`holds`",
        f"WITH x AS (SELECT topic FROM {SYSTEM}.holds) SELECT * FROM x",
        f"SHOW TABLES FROM {SYSTEM}",
        f"SHOW COLUMNS FROM holds FROM {SYSTEM}",
        f"DESCRIBE {SYSTEM}.holds",
        f"EXISTS TABLE `{SYSTEM}`.holds",
    ],
)
def test_the_projects_own_tables_are_not_shown(ask: httpx.Client, query: str) -> None:
    got = ask.post("/", content=query)
    assert (got.status_code, "for this user" in got.text) == (403, True), got.text
    assert ask.post("/", params={"database": SYSTEM}, content="SELECT 1").status_code == 403


def test_the_projects_own_database_is_not_listed(ask: httpx.Client) -> None:
    for query in ("SHOW DATABASES", "SELECT name FROM system.databases"):
        listed = ask.post("/", content=query).text.split()
        assert (DATABASE in listed, SYSTEM in listed) == (True, False)
    assert ask.post("/", content=f"SELECT 'telemetry' IN {SYSTEM}.holds").text.strip() != "1"


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
