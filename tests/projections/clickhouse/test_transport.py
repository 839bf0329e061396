"""What is a failure and what is data, and what travels beside a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.errors import ClickHouseRefused, NoAnswer
from projections.clickhouse.statements import BesideRows
from projections.clickhouse.transport import bind, decode_rows, failure
from projections.telemetry.queries.client import ClickHouseQueries, QueryFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from projections.clickhouse.statements import Value

TAG = "rwnffsbnwijmhlzz"
TEXT = b"Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)"
BLOCK = b"\r\n__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (
    TAG.encode(),
    TEXT,
    len(TEXT) + 1,
    TAG.encode(),
)
TAGGED = {"X-ClickHouse-Exception-Tag": TAG}
FAILS_LATE = "SELECT number, throwIf(number = 2999999) FROM numbers(3000000) SETTINGS max_threads = 1"


@pytest.mark.parametrize(
    "body",
    [b"", b'["DB::Exception"]\n', TEXT, b'["a"]\n' + BLOCK.replace(TAG.encode(), b"another"), BLOCK + b"x"],
)
@pytest.mark.parametrize("headers", [{}, TAGGED])
def test_rows_are_no_failure_whatever_they_say(body: bytes, headers: dict[str, str]) -> None:
    assert failure(200, headers, body) is None


def test_a_failure_after_the_first_rows_is_known_by_its_tag() -> None:
    failed = failure(200, TAGGED, b'["Code: 1. DB::Exception"]\n' + BLOCK)
    assert failed is not None
    assert (failed.code, str(failed).startswith("Code: 241. DB::Exception")) == (241, True)


@pytest.mark.parametrize(
    ("status", "headers", "body", "code"),
    [
        (500, {"X-ClickHouse-Exception-Code": "27"}, b"Code: 27. Cannot parse 'Code: 241. DB'", 27),
        (200, {"X-ClickHouse-Exception-Code": "395"}, b"", 395),
        (404, {}, b"Code: 60. DB::Exception: Unknown table", 60),
        (500, {}, b"Cannot parse 'Code: 241. DB::Exception'", None),
        (502, {}, b"<html>", None),
    ],
)
def test_the_code_is_the_servers_word(
    status: int, headers: dict[str, str], body: bytes, code: int | None
) -> None:
    failed = failure(status, headers, body)
    assert failed is not None
    assert failed.code == code


def test_rows_that_are_cut_off_are_no_answer() -> None:
    assert decode_rows(b'["a",1]\n["b",170141183460469231731687303715884105727]\n') == [
        ["a", 1],
        ["b", 2**127 - 1],
    ]
    with pytest.raises(NoAnswer):
        decode_rows(b'["a",1]\n["b')


def test_values_are_bound_as_clickhouse_reads_them() -> None:
    assert bind("a\tb\\'") == "a\\tb\\\\'"
    assert bind(["a'b", "c"]) == "['a\\'b','c']"
    assert (bind(5), bind([1, 2])) == ("5", "[1,2]")


@pytest.fixture
async def client(clickhouse_url: str) -> AsyncIterator[ClickHouse]:
    made = ClickHouse(clickhouse_url, "default", retry_seconds=1)
    yield made
    await made.close()


@pytest.mark.stack
async def test_a_failure_at_the_end_of_a_long_answer_is_one(client: ClickHouse, clickhouse_url: str) -> None:
    with pytest.raises(ClickHouseRefused) as refused:
        await client.raw(FAILS_LATE)
    assert refused.value.code == 395
    queries = ClickHouseQueries(clickhouse_url, "default")
    with pytest.raises(QueryFailed, match="Code: 395"):
        await queries.query(FAILS_LATE)
    await queries.close()
    async with aiohttp.ClientSession() as session, session.post(clickhouse_url, data=FAILS_LATE) as response:
        assert response.status == 200  # asked without waiting for the end
        failed = failure(response.status, response.headers, await response.read())
    assert failed is not None
    assert failed.code == 395


@pytest.mark.stack
async def test_rows_beside_a_statement_keep_every_byte(client: ClickHouse) -> None:
    texts = ["", "\0", "'\"\\`\t\n\r", "{x:String}", "\r\n--", "\u2028😀", "x" * 300_000, "[1]", "\\N"]
    beside = BesideRows("kept", {"n": "UInt16", "t": "String"}, list(enumerate(texts)))
    asked = "SELECT n, t FROM kept WHERE n >= {low:UInt16} ORDER BY n"
    assert await client.rows(asked, {"low": 0}, beside=beside) == [list(row) for row in enumerate(texts)]
    long: dict[str, Value] = {"low": 1, "unused": "x" * 5_000}
    assert len(await client.rows(asked, long, beside=beside)) == len(texts) - 1
    none = BesideRows("kept", {"n": "UInt16", "t": "String"}, [])
    assert await client.rows(asked, {"low": 0}, beside=none) == []
