"""Minted, spent and held: exact figures from known movements, and never another tenant's."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.system_tables import drop_databases
from projections.liveops.economy_store import stored_totals
from projections.liveops.economy_totals import Move, Place, Total, places, rows_of
from projections.liveops.queries_economy import KEYS_MAX, Economy, Flow, economy_query, read_economy
from projections.liveops.table_rows import COLUMNS, ECONOMY
from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.dashboard_common import Filters
from tests.migrated import migrated

NOON_MS = 1_800_014_400_000
FILTERS = Filters("ours", "game", "", "", NOON_MS, NOON_MS + 3_600_000)
TENANTS = (("ours", "game"), ("ours", "another"), ("theirs", "game_of_theirs"))


Movement = tuple[str, int, str, str, int, float]
"""Player, number, type, key, amount, minute after noon."""


class Store:
    """A database of the test's own."""

    def __init__(self, client: ClickHouse, queries: ClickHouseQueries) -> None:
        self.client = client
        self.queries = queries
        self.offset = 0

    async def fill(self, movements: list[Movement], *, again: int = 0) -> None:
        """As a batch of two partitions, a record a movement, for three tenants; `again`, as after a crash."""
        moves = [
            Move(studio, game, kind, key, amount, round(NOON_MS + minute * 60_000), offset % 2, offset)
            for offset, (_, _, kind, key, amount, minute) in enumerate(movements, self.offset)
            for studio, game in TENANTS
        ]
        self.offset += len(movements)
        for _ in range(1 + again):
            await self.write(moves)

    async def write(self, moves: list[Move]) -> None:
        """One batch."""
        ends = dict.fromkeys(range(2), self.offset)
        rows = rows_of(moves, await stored_totals(self.client, moves), ends)
        body = b"\n".join(map(msgspec.json.encode, rows))
        await self.client.insert(
            ECONOMY, COLUMNS[ECONOMY], body, form="JSONCompactEachRow", token=uuid.uuid4().hex
        )

    async def read(self, filters: Filters = FILTERS) -> Economy:
        query = economy_query(filters)
        return read_economy(filters, await self.queries.select(query.sql, query.parameters))


@pytest.fixture
async def store(clickhouse_url: str) -> AsyncIterator[Store]:
    database = f"economy_{uuid.uuid4().hex[:8]}"
    client, queries = await migrated(clickhouse_url, database), ClickHouseQueries(clickhouse_url, database)
    yield Store(client, queries)
    await drop_databases(client)
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
    await store.fill(
        [("ada", 1, "currency", "gold", 5, 1.0), ("bea", 1, "currency", "gold", 2, 1.0)], again=2
    )
    await store.fill([("ada", 2, "currency", "gold", 1, 1.0)])
    (gold,) = (await store.read()).flows
    assert (gold.minted, gold.held) == (8, 8)


@pytest.mark.stack
@pytest.mark.parametrize(("since", "until"), [(-30, 90), (-125, 61), (-6_000, 7), (-30_001, 4_321), (10, 11)])
async def test_every_range_is_exact_to_the_minute(store: Store, since: int, until: int) -> None:
    chance = random.Random(since)
    minutes = [chance.choice([since, until]) + chance.randrange(-200, 200) for _ in range(150)]
    minutes += [chance.randrange(-40_000, 8_000) for _ in range(150)]
    moved: list[Movement] = [
        ("ada", n, "currency", "gold", chance.choice([3, -2]), minute) for n, minute in enumerate(minutes)
    ]
    await store.fill(moved[:100])
    await store.fill(moved[100:], again=1)
    filters = Filters("ours", "game", "", "", NOON_MS + since * 60_000, NOON_MS + until * 60_000)
    found = await store.read(filters)
    inside = [amount for *_, amount, minute in moved if since <= minute < until]
    before = [amount for *_, amount, minute in moved if minute < since]
    flows = found.flows or [Flow("currency", "gold", 0, 0, 0, [0] * len(found.t), [0] * len(found.t))]
    assert [(flow.minted, flow.spent, flow.held) for flow in flows] == [
        (sum(a for a in inside if a > 0), -sum(a for a in inside if a < 0), sum(inside) + sum(before))
    ]
    step = filters.bucket_minutes()
    by_bucket = [
        sum(
            amount
            for *_, amount, minute in moved
            if amount > 0
            and since <= minute < until
            and 0 <= NOON_MS // 1000 + minute * 60 - start < step * 60
        )
        for start in found.t
    ]
    assert flows[0].minted_by == by_bucket


@pytest.mark.stack
async def test_sums_beyond_64_bits_can_be_told(store: Store) -> None:
    most = 2**63 - 1
    await store.fill([(f"p{n}", 1, "currency", "gold", most, 1.0) for n in range(3)])
    found = await store.read()
    assert (found.flows[0].minted, found.flows[0].held) == (str(3 * most), str(3 * most))
    assert found.flows[0].minted_by[1] == 3.0 * most
    assert msgspec.json.encode(found)


@pytest.mark.stack
async def test_a_game_without_a_ledger_has_no_flows(store: Store) -> None:
    assert (await store.read()).flows == []


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 7_200_000)), max_size=12), st.data())
def test_batches_may_be_written_again_and_differently(
    moved: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Batches begin at or before the end of the last one, as after a crash, and each says where it ends."""
    moves = [
        Move("s", "g", "currency", "gold", amount, at_ms, 0, offset)
        for offset, (amount, at_ms) in enumerate(moved)
    ]
    stored: dict[Place, Total] = {}
    position = 0
    while position < len(moves):
        begin = data.draw(st.integers(0, position), label="begin")
        position = data.draw(st.integers(max(position, begin + 1), len(moves)), label="end")
        for row in rows_of(moves[begin:position], stored, {0: position}):
            place = Place(row[1], row[2], row[3], row[4], row[5], row[8])
            stored[place] = Total(int(row[6]), int(row[7]), row[9])
    wanted: dict[Place, tuple[int, int]] = {}
    for move in moves:
        for place in places(move):
            minted, spent = wanted.get(place, (0, 0))
            wanted[place] = (minted + max(move.amount, 0), spent - min(move.amount, 0))
    assert {place: total[:2] for place, total in stored.items()} == wanted


def test_only_what_moved_most_is_told_apart() -> None:
    starts = FILTERS.buckets()
    rows = [
        {"type": "item", "key": f"i{n:03}", "t": starts[0], "minted": str(n), "spent": "0"}
        for n in range(KEYS_MAX + 5)
    ]
    found = read_economy(FILTERS, rows)
    assert len(found.flows) == KEYS_MAX
    assert found.flows[0].key == f"i{KEYS_MAX + 4:03}"
