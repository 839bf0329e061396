"""Handles with the sums of their sessions, against the same counted in Python; a real ClickHouse."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import pytest

from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.system_tables import drop_databases
from projections.playtests import handle_reads
from projections.playtests.handle_reads import ClickHouseHandles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.stack

START_MS = 1_800_000_000_000
DEVICES, SESSIONS = 8, 120


@pytest.fixture
async def database(clickhouse_url: str) -> AsyncIterator[ClickHouse]:
    client = ClickHouse(clickhouse_url, f"test_{uuid4().hex[:12]}")
    await migrations.apply(client)
    yield client
    await drop_databases(client)
    await client.close()


class Queries:
    """As the api asks, without its limits."""

    def __init__(self, client: ClickHouse) -> None:
        self.query = client.rows


async def fill(client: ClickHouse, table: str, rows: list[dict[str, Any]]) -> None:
    lines = b"\n".join(map(msgspec.json.encode, rows))
    await client.insert(table, tuple(rows[0]), lines, form="JSONEachRow", token=uuid4().hex)


def seconds(at_ms: int) -> str:
    return f"{at_ms / 1000:.3f}"


def part(session: int, device: str, spans: list[tuple[int, int]], **more: Any) -> dict[str, Any]:
    first, last = (spans[0][0], spans[-1][1]) if spans else (START_MS, START_MS)
    return {
        "studio_id": "s",
        "game_id": "g",
        "session_id": f"sess_{session}",
        "player_id": device,
        "country": "",
        "first_event_at": seconds(first),
        "last_event_at": seconds(last),
        "spans": spans,
        "idle_ms": 0,
        "_partition": 0,
        "_version": 1,
    } | more


def some_part(dice: Random, session: int, begin: int, partition: int) -> dict[str, Any]:
    """What one partition knows last of a session: up to three runs of events with pauses between them."""
    spans = [(begin + at * 100_000, begin + at * 100_000 + dice.randrange(100, 30_000)) for at in range(3)]
    return part(
        session,
        f"d{dice.randrange(DEVICES)}",
        [] if dice.random() < 0.1 else spans,
        country=dice.choice(("", "DE", "FR")),
        idle_ms=dice.randrange(50),
        _partition=partition,
        _version=2,
    )


def joined(parts: list[dict[str, Any]]) -> tuple[int, int, int]:
    """When a session of these parts begins and ends, and its active time: pauses up to 30 s are active."""
    spans = sorted(span for one in parts for span in one["spans"])
    active, end = 0, spans[0][0]
    for first, last in spans:
        active += max(0, last - (end if first - end <= 30_000 else first))
        end = max(end, last)
    own = [sum(last - first for first, last in one["spans"]) - one["idle_ms"] for one in parts]
    return spans[0][0], end, max(active - sum(one["idle_ms"] for one in parts), *own)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("partitions", "few_max"), [(1, 0), (1, SESSIONS), (2, 0), (2, SESSIONS)])
async def test_sums_are_of_the_sessions_begun_while_linked(
    database: ClickHouse, monkeypatch: pytest.MonkeyPatch, seed: int, partitions: int, few_max: int
) -> None:
    """Also where more sessions have several rows than the view is asked for."""
    monkeypatch.setattr(handle_reads, "FEW_MAX", few_max)
    dice = Random(seed)
    links = {
        f"tester{device}": (
            f"d{device}",
            START_MS + dice.randrange(50_000),
            dice.choice((None, START_MS + 70_000)),
        )
        for device in range(0, DEVICES, 2)
    }
    expected: dict[str, list[Any]] = {handle: [0, 0, None, set()] for handle in links}
    earlier, rows = [], []
    for session in range(SESSIONS):
        begin = START_MS + dice.randrange(100_000)
        split = partitions > 1 and session % 5 == 0
        own = []
        for partition in range(partitions) if split else [session % partitions]:
            last_known = some_part(dice, session, begin + dice.randrange(60_000) * split, partition)
            if last_known["spans"]:
                earlier.append(
                    part(session, last_known["player_id"], last_known["spans"][:1], _partition=partition)
                )
                own.append(last_known)
            rows.append(last_known)
        if not own:
            continue
        first, last, active = joined(own)
        for handle, (linked, since, until) in links.items():
            if own[0]["player_id"] == linked and since <= first and (until is None or first < until):
                sums = expected[handle]
                sums[0] += 1
                sums[1] += active
                sums[2] = max(sums[2] or 0, last)
                sums[3] |= set([one["country"] for one in own if one["country"]][:1])
    await fill(database, "session_parts", earlier)
    await fill(database, "session_parts", rows)
    await fill(
        database,
        "tester_links",
        [
            {
                "studio_id": "s",
                "game_id": "g",
                "handle": handle,
                "device_id": device,
                "claimed_at": seconds(since),
                "unlinked_at": None if until is None else seconds(until),
                "batch_id": "b",
                "key_id": f"k{offset}",
                "_offset": offset,
            }
            for offset, (handle, (device, since, until)) in enumerate(links.items())
        ],
    )
    queries: Any = Queries(database)
    found = {row.handle: row for row in await ClickHouseHandles(queries).handles("s", "g")}
    assert found.keys() == expected.keys()
    for handle, row in found.items():
        told = [row.sessions, row.active_ms, row.last_seen_at_ms, row.countries]
        assert told == [*expected[handle][:3], len(expected[handle][3])], handle
