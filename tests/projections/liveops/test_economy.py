"""Minted, spent and held: exact figures from known movements, and never another tenant's."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse
from projections.liveops.queries_economy import KEYS_MAX, Economy, economy_query, read_economy
from projections.liveops.table_rows import COLUMNS, LEDGER
from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.dashboard_common import Filters

NOON_MS = 1_800_014_400_000
FILTERS = Filters("ours", "game", "", "", NOON_MS, NOON_MS + 3_600_000)
TENANTS = (("ours", "game"), ("ours", "another"), ("theirs", "game_of_theirs"))


class Store:
    """A database of the test's own."""

    def __init__(self, client: ClickHouse, queries: ClickHouseQueries) -> None:
        self.client = client
        self.queries = queries

    async def fill(self, movements: list[tuple[str, int, str, str, int, float]]) -> None:
        """(player, number, type, key, amount, minute after noon), for each of three tenants."""
        lines = []
        for studio, game in TENANTS:
            for player, number, kind, key, amount, minute in movements:
                row: dict[str, Any] = dict.fromkeys(COLUMNS[LEDGER], "")
                row |= {"studio_id": studio, "game_id": game, "external_id": player, "number": number}
                row |= {"type": kind, "key": key, "amount": amount, "balance": 0, "cause": "claim"}
                lines.append(json.dumps(row | {"at": f"{NOON_MS / 1000 + minute * 60:.3f}"}))
        body = "\n".join(lines).encode()
        token = uuid.uuid4().hex
        await self.client.insert(LEDGER, list(COLUMNS[LEDGER]), body, form="JSONEachRow", token=token)

    async def read(self, filters: Filters = FILTERS) -> Economy:
        query = economy_query(filters)
        return read_economy(filters, await self.queries.select(query.sql, query.parameters))


@pytest.fixture
async def store(clickhouse_url: str) -> AsyncIterator[Store]:
    database = f"economy_{uuid.uuid4().hex[:8]}"
    client, queries = ClickHouse(clickhouse_url, database), ClickHouseQueries(clickhouse_url, database)
    await migrations.apply(client)
    yield Store(client, queries)
    await client.command(f"DROP DATABASE {database}", in_database=False)
    await client.close()
    await queries.close()


@pytest.mark.stack
async def test_the_range_counts_what_moved_and_held_is_all_before_its_end(store: Store) -> None:
    moved = [
        ("ada", 1, "currency", "gold", 100, -600.0),
        ("ada", 2, "currency", "gold", 50, 0.0),
        ("ada", 3, "currency", "gold", -30, 1.5),
        ("bea", 1, "currency", "gold", 20, 1.9),
        ("bea", 2, "item", "medkit", 2, 2.0),
        ("bea", 3, "item", "medkit", -1, 59.99),
        ("bea", 4, "currency", "gold", 1_000, 60.0),
        ("bea", 5, "currency", "gems", 7, -0.01),
    ]
    await store.fill(moved)
    found = await store.read()
    flows = {flow.key: flow for flow in found.flows}
    assert list(flows) == ["gold", "gems", "medkit"]
    gold, gems, medkit = flows.values()
    assert (gold.minted, gold.spent, gold.held) == (70, 30, 140)
    assert (gems.minted, gems.spent, gems.held) == (0, 0, 7)
    assert (medkit.minted, medkit.spent, medkit.held) == (2, 1, 1)
    assert len(found.t) == len(gold.minted_by) == 60
    assert (gold.minted_by[:2], gold.spent_by[:2]) == ([50, 20], [0, 30])
    assert medkit.spent_by[59] == 1


@pytest.mark.stack
async def test_a_row_that_was_written_twice_counts_once(store: Store) -> None:
    for _ in range(2):
        await store.fill([("ada", 1, "currency", "gold", 5, 1.0)])
    (gold,) = (await store.read()).flows
    assert (gold.minted, gold.held) == (5, 5)


@pytest.mark.stack
async def test_sums_beyond_64_bits_can_be_told(store: Store) -> None:
    most = 2**63 - 1
    await store.fill([(f"p{n}", 1, "currency", "gold", most, 1.0) for n in range(3)])
    found = await store.read()
    assert (found.flows[0].minted, found.flows[0].held) == (3.0 * most, 3.0 * most)
    assert msgspec.json.encode(found)


@pytest.mark.stack
async def test_a_game_without_a_ledger_has_no_flows(store: Store) -> None:
    assert (await store.read()).flows == []


def test_only_what_moved_most_is_told_apart() -> None:
    starts = FILTERS.buckets()
    rows = [
        {"type": "item", "key": f"i{n:03}", "t": starts[0], "minted": str(n), "spent": "0"}
        for n in range(KEYS_MAX + 5)
    ]
    found = read_economy(FILTERS, rows)
    assert len(found.flows) == KEYS_MAX
    assert found.flows[0].key == f"i{KEYS_MAX + 4:03}"
