"""The embedded ClickHouse as stock clickhouse-connect and plain HTTP see it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import clickhouse_connect
import httpx
import lz4.frame
import pyarrow as pa
import pytest
from backports import zstd
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from tests import plain_http

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 23, 12, 0, 0, 123000, tzinfo=UTC)
COLUMNS = ["a", "s", "d", "x"]


@pytest.fixture
def client(clickhouse_url: str, request: pytest.FixtureRequest) -> Iterator[Client]:
    database = request.node.name.split("[")[0]
    with clickhouse_connect.get_client(dsn=clickhouse_url) as maker:
        maker.command(f"DROP DATABASE IF EXISTS {database}")
        maker.command(f"CREATE DATABASE {database}")
    with clickhouse_connect.get_client(dsn=clickhouse_url, database=database) as made:
        made.command(
            "CREATE TABLE t (a UInt64, s LowCardinality(String), d DateTime64(3, 'UTC'), x Nullable(Float64))"
            " ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100"
        )
        yield made


def test_rows_come_back_as_they_were_inserted(client: Client) -> None:
    rows = [[2**63 + 1, "it's\ta\\b\nünï", NOW, None], [1, "", NOW, 1.5]]
    client.insert("t", rows, column_names=COLUMNS)
    assert client.query("SELECT * FROM t ORDER BY a DESC").result_rows == [
        (row[0], row[1], NOW.replace(tzinfo=None), row[3]) for row in rows
    ]


def test_a_token_reaches_the_engine(client: Client) -> None:
    for _ in range(3):
        for token in ("one", "two"):
            client.insert("t", [[1, "", NOW, None]], COLUMNS, settings={"insert_deduplication_token": token})
    assert client.command("SELECT count() FROM t") == 2


@pytest.mark.parametrize("encoding", [None, "lz4", "zstd", "gzip"])
@pytest.mark.parametrize("form", ["JSONEachRow", "RowBinary", "Arrow"])
def test_raw_inserts_in_every_encoding_under_a_token(client: Client, form: str, encoding: str | None) -> None:
    table = pa.table({"a": pa.array(range(1000), pa.uint64())})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    raw = {
        "JSONEachRow": b"".join(b'{"a":%d}\n' % n for n in range(1000)),
        "RowBinary": b"".join(n.to_bytes(8, "little") for n in range(1000)),
        "Arrow": sink.getvalue().to_pybytes(),
    }[form]
    packers: dict[str | None, Any] = {
        None: bytes,
        "lz4": lz4.frame.compress,
        "zstd": zstd.compress,
        "gzip": gzip.compress,
    }
    for _ in range(2):
        client.raw_insert(
            "t",
            column_names=["a"],
            insert_block=packers[encoding](raw),
            fmt=form,
            compression=encoding,
            settings={"insert_deduplication_token": "t:0-1"},
        )
    assert client.query("SELECT count(), sum(a) FROM t").result_rows == [(1000, 499500)]


def test_one_insert_is_one_part(client: Client) -> None:
    block = b"".join(b'{"a":%d,"s":"%s"}\n' % (n, b"x" * 100) for n in range(100_000))
    assert len(block) > 8 * 1024 * 1024
    client.raw_insert(
        "t",
        insert_block=block,
        fmt="JSONEachRow",
        settings={
            "min_insert_block_size_rows": 20_000_000,
            "min_insert_block_size_bytes": 0,
            "max_insert_threads": 1,
        },
    )
    parts = "SELECT rows FROM system.parts WHERE database = currentDatabase() AND table = 't' AND active"
    assert client.query(parts).result_rows == [(100_000,)]


def test_a_failed_insert_leaves_nothing(client: Client) -> None:
    with pytest.raises(DatabaseError, match="code: 27"):
        client.raw_insert("t", insert_block=b'{"a":1}\n' * 50_000 + b'{"a":"x"}\n', fmt="JSONEachRow")
    assert client.command("SELECT count() FROM t") == 0


def test_an_insert_that_finds_the_disk_full_is_refused_and_goes_in_later_under_its_token(
    client: Client,
) -> None:
    threshold = "min_free_disk_bytes_to_perform_insert"
    block = b"1\ta\n2\tb\n"

    def insert() -> None:
        client.raw_insert(
            "t",
            column_names=["a", "s"],
            insert_block=block,
            fmt="TSV",
            settings={"insert_deduplication_token": "full:0-1"},
        )

    client.command(f"ALTER TABLE t MODIFY SETTING {threshold} = 1000000000000000")
    with pytest.raises(DatabaseError, match="code: 243"):
        insert()
    assert client.command("SELECT count() FROM t") == 0
    client.command(f"ALTER TABLE t RESET SETTING {threshold}")
    insert()
    insert()
    assert client.command("SELECT count() FROM t") == 2


def test_binary_rows_that_hold_blank_lines_all_arrive(client: Client) -> None:
    raw = b"".join(n.to_bytes(8, "little") for n in range(2_560, 3_000))
    assert b"\n\n" in raw
    client.raw_insert("t", column_names=["a"], insert_block=raw, fmt="RowBinary")
    assert client.command("SELECT count() FROM t") == 440


def test_settings_within_an_insert_are_heard(client: Client, clickhouse_url: str) -> None:
    query = "INSERT INTO t (a) SETTINGS input_format_tsv_skip_first_lines = 1 FORMAT TSV"
    answer = plain_http.post(
        clickhouse_url, params={"database": client.database, "query": query}, content=b"header\n7\n"
    )
    assert answer.status_code == 200, answer.text
    assert client.command("SELECT sum(a) FROM t") == 7


@pytest.mark.parametrize("compression", ["", "lz4", "zstd", "gzip"])
def test_big_results_stream_in_every_encoding(clickhouse_url: str, compression: str) -> None:
    with (
        clickhouse_connect.get_client(dsn=clickhouse_url, compress=compression or False) as client,
        client.query_row_block_stream("SELECT number, toString(number) FROM numbers(300000)") as blocks,
    ):
        assert sum(row[0] for block in blocks for row in block) == 300_000 * 299_999 // 2


@pytest.mark.parametrize("rows", [0, 3, 200_000])
@pytest.mark.parametrize("form", ["JSON", "JSONCompact", "CSVWithNames", "ArrowStream", "JSONEachRow", "TSV"])
def test_every_format_is_one_document(clickhouse_url: str, form: str, rows: int) -> None:
    query = f"SELECT number AS n FROM numbers({rows})"
    for params, content in (({}, f"{query} FORMAT {form}"), ({"default_format": form}, query)):
        answer = plain_http.post(clickhouse_url, params=params, content=content)
        readers: dict[str, Callable[[httpx.Response], int]] = {
            "JSON": lambda got: len(got.json()["data"]),
            "JSONCompact": lambda got: len(got.json()["data"]),
            "CSVWithNames": lambda got: len(got.text.splitlines()) - 1,
            "ArrowStream": lambda got: int(pa.ipc.open_stream(got.content).read_all().num_rows),
            "JSONEachRow": lambda got: len(got.text.splitlines()),
            "TSV": lambda got: len(got.text.splitlines()),
        }
        assert readers[form](answer) == rows
        assert answer.headers["x-clickhouse-format"] == form


def test_a_failure_after_the_first_rows_is_seen(client: Client) -> None:
    query = "SELECT throwIf(number = 2000000, 'late'), toString(number) FROM numbers(3000000)"
    with client.query_rows_stream(query) as rows, pytest.raises(StreamFailureError, match="late"):
        for _ in rows:
            pass


def test_parameters_of_every_kind(client: Client) -> None:
    text = "it's\ta\\b\n{x}"
    row = client.query(
        "SELECT {n:Int64}, {s:String}, {l:Array(String)}, {u:Nullable(String)}",
        parameters={"n": -5, "s": text, "l": ["a", "b'c"], "u": None},
    ).result_rows[0]
    assert tuple(row) == (-5, text, ["a", "b'c"], None)
    assert client.query("SELECT {s:String}", parameters={"s": "x" * 60_000}).result_rows[0][0] == "x" * 60_000
    wanted = ",".join(map(str, range(40_000)))
    assert client.command(f"SELECT count() FROM numbers(50000) WHERE number IN ({wanted})") == 40_000


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("SELECT * FROM nope", 404, 60),
        ("SELEC 1", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("SELECT throwIf(1)", 500, 395),
        ("", 400, 62),
        ("SELECT 1 SETTINGS no_such_setting = 1", 404, 115),
    ],
)
def test_errors_have_clickhouses_code(clickhouse_url: str, query: str, status: int, code: int) -> None:
    answer = plain_http.post(clickhouse_url, content=query or " ")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (status, str(code))
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_the_query_may_be_in_the_url_and_the_data_in_the_body(client: Client, clickhouse_url: str) -> None:
    insert = {"database": client.database, "query": "INSERT INTO t (a) FORMAT TSV"}
    assert plain_http.post(clickhouse_url, params=insert, content=b"7\n8\n").status_code == 200
    select = {
        "database": client.database,
        "query": "SELECT a FROM t WHERE a > {low:UInt8} ORDER BY a",
        "param_low": "7",
        "default_format": "JSONEachRow",
        "query_id": "mine",
    }
    answer = plain_http.get(clickhouse_url, params=select)
    assert answer.text == '{"a":8}\n'
    assert answer.headers["x-clickhouse-query-id"] == "mine"


def test_a_get_changes_nothing(client: Client, clickhouse_url: str) -> None:
    drop = {"database": client.database, "query": "DROP TABLE t"}
    answer = plain_http.get(clickhouse_url, params=drop)
    assert answer.headers["x-clickhouse-exception-code"] == "164"
    assert client.command("SELECT count() FROM t") == 0


def test_settings_of_one_request_are_not_the_nexts(clickhouse_url: str) -> None:
    def threads(**settings: str) -> str:
        query = "SELECT getSetting('max_block_size')"
        return plain_http.post(clickhouse_url, params=settings, content=query).text.strip()

    assert threads(max_block_size="77") == "77"
    assert threads() != "77"
    plain_http.post(clickhouse_url, content="SET max_block_size = 88")
    assert threads() != "88"


def test_a_session_keeps_its_temporary_tables(clickhouse_url: str) -> None:
    with clickhouse_connect.get_client(dsn=clickhouse_url, session_id="kept") as client:
        client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
        client.command("INSERT INTO mine VALUES (1), (2)")
        assert client.query("SELECT sum(a) FROM mine").result_rows == [(3,)]
    with (
        clickhouse_connect.get_client(dsn=clickhouse_url) as other,
        pytest.raises(DatabaseError, match="code: 60"),
    ):
        other.query("SELECT * FROM mine")


def test_rows_beside_a_query_are_a_table_of_that_query(client: Client) -> None:
    client.insert("t", [[number, "", NOW, None] for number in range(5)], COLUMNS)
    beside = ExternalData(
        file_name="wanted", data=b"3\n4\n9\n", fmt="TSV", types=["UInt64"], mime_type="text/plain"
    )
    asked = "SELECT a FROM t WHERE a IN wanted ORDER BY a"
    for _ in range(2):
        assert client.query(asked, external_data=beside).result_rows == [(3,), (4,)]
    with pytest.raises(DatabaseError, match="code: 60"):
        client.query("SELECT * FROM wanted")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, 36),
        ({"k_structure": "a UInt8) ENGINE = Memory; DROP TABLE t; --"}, 62),
        ({"k_structure": "a String) ENGINE = File(TSV, '/etc/passwd'"}, 62),
        ({"k_structure": "a String DEFAULT file('/etc/passwd')"}, 62),
        ({"k_structure": "a"}, 62),
        ({"k_structure": "a UInt8, "}, 62),
        ({"k_structure": "a UInt8", "k_format": "TSV SETTINGS readonly=1"}, 73),
    ],
)
def test_rows_beside_a_query_that_it_can_not_read_are_refused(
    clickhouse_url: str, params: dict[str, str], code: int
) -> None:
    answer = plain_http.post(
        clickhouse_url, params={"query": "SELECT * FROM k", **params}, files={"k": ("k", b"1\n")}
    )
    assert answer.headers["x-clickhouse-exception-code"] == str(code)


@pytest.mark.parametrize("rows", [0, 5, 3_000_000])
def test_a_query_that_is_waited_for_has_its_status(clickhouse_url: str, rows: int) -> None:
    query = f"SELECT number, throwIf(number = {{bad:UInt64}}) FROM numbers({rows}) SETTINGS max_threads = 1"
    whole = {"wait_end_of_query": "1", "param_bad": "9999999"}
    answer = plain_http.post(clickhouse_url, params=whole, content=query)
    assert (answer.status_code, answer.text.count("\n")) == (200, rows)
    answer = plain_http.post(
        clickhouse_url, params={**whole, "param_bad": str(max(rows - 1, 0))}, content=query
    )
    assert (answer.status_code, answer.headers.get("x-clickhouse-exception-code")) == (
        (500, "395") if rows else (200, None)
    )


async def test_the_async_client_works_unchanged(client: Client, clickhouse_url: str) -> None:
    async with await clickhouse_connect.get_async_client(
        dsn=clickhouse_url, database=client.database, autogenerate_session_id=False
    ) as asynchronous:
        await asynchronous.insert("t", [[5, "five", NOW, 0.5]], COLUMNS)
        result = await asynchronous.query("SELECT a, s, x FROM t")
        assert result.result_rows == [(5, "five", 0.5)]


def test_a_wrong_password_is_refused(clickhouse_url: str) -> None:
    answer = plain_http.post(clickhouse_url, content="SELECT 1", auth=("default", "wrong"))
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (403, "516")


def test_it_shows_its_health_and_metrics(clickhouse_url: str) -> None:
    assert plain_http.get(f"{clickhouse_url}/ping").text == "Ok.\n"
    assert "questlog_clickhouse_requests_total" in plain_http.get(f"{clickhouse_url}/metrics").text
