"""What the embedded ClickHouse refuses every user, its owner included, and which requests it takes at all."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.stack.clickhouse_statement import outside
from tests import plain_http

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def secret_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("walls") / "secret.txt"
    file.write_text("a word that is nobody's\n")
    return file


def refused(answer: httpx.Response) -> bool:
    return answer.status_code in {403, 404} and "nobody's" not in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM file('{file}', 'LineAsString')",
        "SELECT * FROM `file`('{file}', 'LineAsString')",
        "SELECT file('{file}')",
        "SELECT FILE  ( '{file}' )",
        "SELECT * FROM '{file}'",
        "SELECT * FROM `{file}`",
        "DESCRIBE file('{file}', 'LineAsString')",
        "CREATE TABLE questlog_file (line String) ENGINE = File(LineAsString, '{file}')",
        "CREATE DATABASE questlog_files ENGINE = Filesystem('/')",
        (
            "CREATE DICTIONARY questlog_dictionary (k UInt64) PRIMARY KEY k"
            " SOURCE(FILE(path '{file}' format 'TSV')) LAYOUT(FLAT()) LIFETIME(1)"
        ),
        "INSERT INTO FUNCTION file('{file}.out', 'TSV') SELECT 1",
        "INSERT INTO FUNCTION null('a String') FROM INFILE '{file}' FORMAT LineAsString",
        "SELECT 1 INTO OUTFILE '{file}.out'",
        "BACKUP DATABASE system TO File('{file}.out')",
        "SELECT * FROM filesystem('/')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', 'system', 'one')",
        "SELECT * FROM redis('127.0.0.1:1', 'k', 'k String, v String')",
        "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "SELECT * FROM sqlite('{file}', 't')",
        "SELECT * FROM executable('sh', 'TSV', 'a String')",
        "SELECT * FROM python('engine')",
        "CREATE TABLE questlog_url (a String) ENGINE = URL('http://127.0.0.1:1/', 'TSV')",
        "CREATE TABLE questlog_kafka (a String) ENGINE = Kafka('127.0.0.1:1', 't', 'g', 'TSV')",
        "CREATE USER eve IDENTIFIED BY 'x'",
    ],
)
def test_the_owner_reaches_nothing_outside(clickhouse_url: str, secret_file: Path, query: str) -> None:
    answer = plain_http.post(clickhouse_url, content=query.format(file=secret_file))
    assert refused(answer), answer.text
    assert not secret_file.with_name("secret.txt.out").exists()


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        (b"SELECT 'file(1)', file, `outfile` FROM t -- file(", None),
        (b'INSERT INTO t FORMAT JSONEachRow {"a": "file("} INTO OUTFILE', None),
        (b"INSERT INTO t VALUES ('file(', 'infile')", None),
        (b"SELECT /* x */ \"File\" /* y */ ('/etc/passwd')", "file"),
        (b"SELECT 1 into outfile 'x'", "outfile"),
    ],
)
def test_words_are_told_from_data(statement: bytes, word: str | None) -> None:
    assert outside(statement) == word


@pytest.mark.parametrize("password", [None, "", "wrong"])
def test_the_owner_has_a_password(clickhouse_url: str, password: str | None) -> None:
    url = f"http://localhost:{urlsplit(clickhouse_url).port}"
    auth = None if password is None else ("default", password)
    answer = plain_http.post(url, content="SELECT 1", auth=auth)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (403, "516")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": "rebound.example:8123"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.elsewhere.example"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/ping", "/metrics"])
def test_other_names_are_refused_before_the_password_is_looked_at(
    clickhouse_url: str, headers: dict[str, str], path: str
) -> None:
    answer = plain_http.post(
        clickhouse_url + path, content="SELECT 1", headers={"Content-Type": "text/plain"} | headers
    )
    assert (answer.status_code, "localhost only" in answer.text) == (403, True)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:9000", "[::1]:8123"])
def test_this_machines_names_are_welcome(clickhouse_url: str, host: str) -> None:
    answer = plain_http.post(
        clickhouse_url, content="SELECT 1", headers={"Host": host, "Origin": f"http://{host}"}
    )
    assert answer.text == "1\n"


def test_the_password_is_in_a_file_for_its_owner_alone(clickhouse_url: str, clickhouse_home: Path) -> None:
    password = clickhouse_home / "clickhouse" / "password"
    assert password.read_text() == urlsplit(clickhouse_url).password
    assert password.stat().st_mode & 0o777 == 0o600
    for argument in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert password.read_text().encode() not in argument.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue


def test_a_reader_s_setting_is_not_the_owner_s(clickhouse_url: str) -> None:
    answer = plain_http.post(clickhouse_url, params={"log_comment": "some studio"}, content="SELECT 1")
    assert (answer.status_code, "log_comment" in answer.text) == (403, True)
