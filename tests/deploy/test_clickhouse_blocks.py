"""What JDBC's driver and clickhouse-go ask of the embedded ClickHouse: blocks, and names before rows."""

from __future__ import annotations

import base64
import struct

import lz4.block
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from deploy.stack.clickhouse_blocks import BLOCK_BYTES, Lz4Blocks, read_blocks
from deploy.stack.clickhouse_execution import Statement
from deploy.stack.clickhouse_greeting import GREETING, greeting, is_greeting
from deploy.stack.clickhouse_statement import header_bytes
from tests import plain_http

stack = pytest.mark.stack
OF_CLICKHOUSE = base64.b64decode(
    "EnWYdtt6w4Hs8aV3aNm1f4KeAQAAIAMAABMAAQATAQgAEwIIABMDCAATBAgAEwUIABMGCAATBwgAEwgIABMJCAATCggAEwsIABMM"
    "CAATDQgAEw4IABMPCAATEAgAExEIABMSCAATEwgAExQIABMVCAATFggAExcIABMYCAATGQgAExoIABMbCAATHAgAEx0IABMeCAAT"
    "HwgAEyAIABMhCAATIggAEyMIABMkCAATJQgAEyYIABMnCAATKAgAEykIABMqCAATKwgAEywIABMtCAATLggAEy8IABMwCAATMQgA"
    "EzIIABMzCAATNAgAEzUIABM2CAATNwgAEzgIABM5CAATOggAEzsIABM8CAATPQgAEz4IABM/CAATQAgAE0EIABNCCAATQwgAE0QI"
    "ABNFCAATRggAE0cIABNICAATSQgAE0oIABNLCAATTAgAE00IABNOCAATTwgAE1AIABNRCAATUggAE1MIABNUCAATVQgAE1YIABNX"
    "CAATWAgAE1kIABNaCAATWwgAE1wIABNdCAATXggAE18IABNgCAATYQgAE2IIAIBjAAAAAAAAAA=="
)
"""A file of a column, as ClickHouse 26.9 wrote it: UInt64 from 0 to 99."""


def test_blocks_are_those_of_clickhouse() -> None:
    numbers = struct.pack("<100Q", *range(100))
    assert read_blocks(OF_CLICKHOUSE, 1 << 20) == numbers
    ours = Lz4Blocks().compress(numbers)
    assert read_blocks(ours, 1 << 20) == numbers
    assert lz4.block.decompress(ours[25:], uncompressed_size=800) == numbers


@given(st.binary(max_size=300), st.integers(0, 8))
def test_blocks_come_back_whole(data: bytes, doublings: int) -> None:
    data *= 2**doublings
    assert read_blocks(Lz4Blocks().compress(data), 1 << 20) == data


def test_large_data_is_many_blocks() -> None:
    data = bytes(range(256)) * (5 * BLOCK_BYTES // 512)
    packed = Lz4Blocks().compress(data)
    assert read_blocks(packed, 4 * BLOCK_BYTES) == data
    with pytest.raises(ValueError, match="too much"):
        read_blocks(packed, 2 * BLOCK_BYTES)


@given(st.data())
def test_damaged_blocks_are_refused(data: st.DataObject) -> None:
    packed = bytearray(Lz4Blocks().compress(b"some rows " * 20))
    place = data.draw(st.integers(0, len(packed) - 1))
    if data.draw(st.booleans()):
        packed[place] ^= data.draw(st.integers(1, 255))
    else:
        del packed[max(1, place) :]
    with pytest.raises(ValueError, match="block"):
        read_blocks(bytes(packed), 1 << 20)


@pytest.mark.parametrize(
    ("document", "form", "length"),
    [
        (b"\x02\x01a\x02bb\x06UInt64\x06Stringrows", "RowBinaryWithNamesAndTypes", 20),
        (b"\x02\x01a\x02bbrows", "RowBinaryWithNames", 6),
        (b"\x01\x80\x01" + b"n" * 128 + b"rows", "RowBinaryWithNames", 131),
        (b"rows", "RowBinary", 0),
    ],
)
def test_names_before_rows_are_told_from_rows(document: bytes, form: str, length: int) -> None:
    assert header_bytes(document, form) == length


def test_the_greeting_is_a_block_of_the_client_s_protocol() -> None:
    told = greeting("server", "26.9.2.1", "UTC", 54_483)
    assert told.startswith(
        b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01\x0ddisplayName()\x06String\x00\x06server"
    )
    assert told.endswith(b"\x0arevision()\x06UInt32\x00\x00\x00\x00\x00\x0atimezone()\x06String\x00\x03UTC")
    assert len(greeting("server", "26.9.2.1", "UTC", 54_453)) == len(told) - 4


@pytest.mark.parametrize(
    ("text", "form", "version", "expected"),
    [
        (GREETING, "Native", "54483", True),
        (GREETING, "Native", "0", False),
        (GREETING, "JSON", "54483", False),
        (b"SELECT 1", "Native", "54483", False),
    ],
)
def test_only_the_greeting_is_taken_for_one(text: bytes, form: str, version: str, expected: bool) -> None:  # noqa: FBT001
    statement = Statement(text=text, format=form)
    assert is_greeting(statement, {"client_protocol_version": version}) is expected


@stack
def test_a_big_result_comes_in_blocks(clickhouse_url: str) -> None:
    query = "SELECT number FROM numbers(1000000) FORMAT RowBinary"
    with plain_http.stream("POST", clickhouse_url, params={"compress": "1"}, content=query) as answer:
        pieces = list(answer.iter_raw())
    assert len(pieces) > 4
    packed = b"".join(pieces)
    assert len(packed) < 6_000_000
    assert read_blocks(packed, 1 << 24) == struct.pack("<1000000Q", *range(1_000_000))


@stack
def test_rows_are_inserted_from_blocks(clickhouse_url: str) -> None:
    for text in ("CREATE DATABASE blocks", "CREATE TABLE blocks.t (n UInt64) ENGINE = Memory"):
        plain_http.post(clickhouse_url, content=text).raise_for_status()
    rows = struct.pack("<3Q", 1, 2, 3)
    params = {"decompress": "1", "query": "INSERT INTO blocks.t FORMAT RowBinary"}
    assert (
        plain_http.post(clickhouse_url, params=params, content=Lz4Blocks().compress(rows)).status_code == 200
    )
    refused = plain_http.post(clickhouse_url, params=params, content=zstd.compress(rows))
    assert (refused.status_code, refused.headers["x-clickhouse-exception-code"]) == (400, "271")
    assert plain_http.post(clickhouse_url, content="SELECT sum(n) FROM blocks.t").text == "6\n"
    plain_http.post(clickhouse_url, content="DROP DATABASE blocks").raise_for_status()


@stack
@pytest.mark.parametrize("rows", [0, 1, 300_000])
def test_names_and_types_come_once_before_all_rows(clickhouse_url: str, rows: int) -> None:
    query = f"SELECT number AS n FROM numbers({rows}) FORMAT RowBinaryWithNamesAndTypes"
    answer = plain_http.post(clickhouse_url, content=query).content
    assert answer == b"\x01\x01n\x06UInt64" + struct.pack(f"<{rows}Q", *range(rows))


@stack
def test_failures_are_plain_text_whatever_compression_was_asked_for(clickhouse_url: str) -> None:
    answer = plain_http.post(clickhouse_url, params={"compress": "1"}, content="SELECT nothing")
    assert (answer.headers["x-clickhouse-exception-code"], "nothing" in answer.text) == ("47", True)
