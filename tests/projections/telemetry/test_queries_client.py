"""Values of any size and content reach ClickHouse as values, by address or by form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from projections.telemetry.queries.client import ClickHouseQueries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.stack
ODD = "a\0b\\ \n\t'\"\r\n--x\r\n{n:String} %2F é😀"


@pytest.fixture
async def queries(clickhouse_url: str) -> AsyncIterator[ClickHouseQueries]:
    client = ClickHouseQueries(clickhouse_url, "default")
    yield client
    await client.close()


@pytest.mark.parametrize("times", [1, 100, 20_000])
async def test_a_text_comes_back_as_it_went(queries: ClickHouseQueries, times: int) -> None:
    text = ODD * times
    parameters: dict[str, str | int | list[str]] = {"t": text, "ts": [text, ""], "n": 2**63 - 1}
    asked = "SELECT {t:String}, {ts:Array(String)}, {n:Int64}"
    assert await queries.query(asked, parameters) == [[text, [text, ""], 2**63 - 1]]
