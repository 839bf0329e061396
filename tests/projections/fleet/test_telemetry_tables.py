"""What hosts tell, into the real ClickHouse and read back: lines once, exact pages, rates of one attempt."""

from __future__ import annotations

import random
import time
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.noun_tables import NounTables, Rows
from projections.clickhouse.positions import Positions
from projections.clickhouse.system_tables import drop_databases
from projections.fleet.queries.logs import FleetLogs, LogFilter, LogLine, LogPlace, place_of
from projections.fleet.queries.metrics import FleetMetrics
from projections.fleet.telemetry_tables import TELEMETRY_TABLES, SentLine, StreamKey, new_rows
from projections.telemetry.queries.client import ClickHouseQueries
from schemas.fleet.noun import FLEET_TELEMETRY
from schemas.fleet.telemetry import BuildLine, FleetRecord, Line, Sample, Source, encode_fleet_record
from schemas.log import LogRecord
from tests.migrated import migrated
from tests.projections.redis.support import ListLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

stack = pytest.mark.stack
AT_MS = time.time_ns() // 1_000_000
"""Of today: old rows go by themselves."""
STUDIO, GAME = "studio_1", "game_1"


class World:
    def __init__(self, client: ClickHouse, queries: ClickHouseQueries) -> None:
        self.client = client
        self.log = ListLog(FLEET_TELEMETRY)
        self.now_ms = AT_MS
        self.logs, self.metrics = FleetLogs(queries), FleetMetrics(queries)
        self.positions = Positions(client, FLEET_TELEMETRY.name)

    async def reader(self) -> NounTables:
        reader = NounTables(self.client, TELEMETRY_TABLES, tail=self.log, clock_ms=lambda: self.now_ms)
        await reader.assigned(0)
        return reader

    async def batch(self, reader: NounTables) -> None:
        self.now_ms += 6_000
        await reader.idle(self.now_ms)

    def append(self, record: FleetRecord) -> LogRecord:
        records = self.log.records[0]
        records.append(
            LogRecord(
                topic=FLEET_TELEMETRY.name,
                partition=0,
                offset=len(records),
                appended_at_ms=self.now_ms,
                key=record.host_id.encode(),
                value=encode_fleet_record(record),
            )
        )
        return records[-1]

    async def pages(self, limit: int, instance_id: str) -> list[LogLine]:
        """All lines of a server, page by page, as a client reads them."""
        found: list[LogLine] = []
        after: LogPlace | None = None
        while True:
            wanted = LogFilter(
                studio_id=STUDIO, game_id=GAME, since_ms=0, after=after, instance_id=instance_id
            )
            page = await self.logs.lines(wanted, limit)
            found += page
            if len(page) < limit:
                return found
            after = place_of(page[-1].place.token)
            assert after is not None


@asynccontextmanager
async def opened(clickhouse_url: str) -> AsyncIterator[World]:
    database = f"fleet_{uuid.uuid4().hex[:8]}"
    client, queries = await migrated(clickhouse_url, database), ClickHouseQueries(clickhouse_url, database)
    try:
        yield World(client, queries)
    finally:
        await drop_databases(client)
        await client.close()
        await queries.close()


def source(instance_id: str, attempt: int = 1) -> Source:
    return Source(STUDIO, GAME, instance_id, attempt, "lobby", "eu-west")


def printed(lines: Sequence[Line], *sources: Source) -> FleetRecord:
    return FleetRecord(version=1, host_id="host-1", epoch=1, sources=[*sources], lines=[*lines])


@stack
async def test_a_host_that_tells_again_after_a_death_repeats_and_loses_no_line(clickhouse_url: str) -> None:
    """Records of a raw output in pieces, each begun again somewhere before the end of the last one; read by
    writers that die before and after their inserts."""
    chance = random.Random(13)
    raw = [("stdout", f"line {n}") for n in range(300)] + [("stderr", f"oops {n}") for n in range(40)]
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        for stream in ("stdout", "stderr"):
            lines = [text for name, text in raw if name == stream]
            place = 0
            while place < len(lines):
                begin = max(0, place - chance.randrange(20))
                end = min(len(lines), begin + chance.randrange(21, 60))
                at_ms = world.now_ms
                told = [Line(0, stream, 10 * n, at_ms + n // 9, "info", lines[n]) for n in range(begin, end)]
                record = world.append(printed(told, source("one")))
                await reader.handle(record)
                if chance.random() < 0.5:
                    await world.batch(reader)
                if chance.random() < 0.5:  # another writer goes on where the position says
                    reader = await world.reader()
                    begin_at = (await world.positions.read(0)).position.offset
                    for again in world.log.records[0][begin_at:]:
                        await reader.handle(again)
                place = end
        await world.batch(reader)
        found = await world.pages(7, "one")
        for stream in ("stdout", "stderr"):
            assert [line.message for line in found if line.stream == stream] == [
                text for name, text in raw if name == stream
            ]
        assert [line.place for line in found] == sorted(line.place for line in found)


@stack
async def test_lines_are_asked_for_by_time_server_level_and_text(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        lines = [
            Line(0, "stdout", 0, AT_MS, "info", "Map loaded"),
            Line(1, "stdout", 0, AT_MS, "info", "map of another"),
            Line(0, "stderr", 0, AT_MS + 5, "error", "ERROR: öl"),
            Line(0, "stdout", 11, AT_MS + 10, "warn", "100% _full"),
        ]
        await reader.handle(world.append(printed(lines, source("one"), source("two"))))
        await world.batch(reader)

        async def asked(**wanted: object) -> list[str]:
            given_ = {"studio_id": STUDIO, "game_id": GAME, "since_ms": 0, **wanted}
            return [line.message for line in await world.logs.lines(LogFilter(**given_), 100)]  # type: ignore[arg-type] # as named

        assert await asked() == ["Map loaded", "map of another", "ERROR: öl", "100% _full"]
        assert await asked(instance_id="one", text="MAP") == ["Map loaded"]
        assert await asked(text="ÖL") == ["ERROR: öl"]
        assert await asked(text="%") == ["100% _full"]
        assert await asked(level="error") == ["ERROR: öl"]
        assert await asked(since_ms=AT_MS + 5, until_ms=AT_MS + 9) == ["ERROR: öl"]
        assert await asked(game_id="game_2") == []
        assert await asked(studio_id="studio_2") == []


@stack
async def test_a_builds_lines_are_paged(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        told = [
            BuildLine(
                STUDIO,
                GAME,
                "build_1",
                attempt,
                number,
                AT_MS + number,
                "info",
                "validate",
                f"{attempt}.{number}",
            )
            for attempt in (1, 2)
            for number in (1, 2, 3)
        ]
        record = FleetRecord(version=1, host_id="host-1", epoch=1, build_lines=[*told, *told])
        await reader.handle(world.append(record))
        await world.batch(reader)
        total, page = await world.logs.build_lines(STUDIO, GAME, "build_1", limit=4, offset=1)
        assert (total, [line.message for line in page]) == (6, ["1.2", "1.3", "2.1", "2.2"])
        assert await world.logs.build_lines(STUDIO, "game_2", "build_1", limit=4, offset=0) == (0, [])
        assert await world.logs.build_lines(STUDIO, GAME, "build_1", limit=4, offset=6) == (6, [])


@stack
async def test_points_are_means_of_their_steps_and_rates_never_span_attempts(clickhouse_url: str) -> None:
    start = AT_MS // 60_000 * 60_000
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        samples = [
            Sample(0, start + 15_000 * n, 10.0 * n, 100 * (n + 1), 4096, 1500 * n, 3000 * n, n, 0.5 * n)
            for n in range(6)
        ] + [Sample(1, start + 90_000 + 15_000 * n, 1.0, 7, 4096, 600 * n, 0, 1, 0.25) for n in range(2)]
        record = FleetRecord(
            version=1, host_id="host-1", epoch=1, sources=[source("one"), source("one", 2)], samples=samples
        )
        await reader.handle(world.append(record))
        await world.batch(reader)
        t = start // 1000
        first, second = await world.metrics.points(
            STUDIO, GAME, "one", since_ms=start, until_ms=start + 120_000, step_s=60
        )
        assert (first.t, first.cpu_percent, first.memory_bytes, first.load) == (t, 15.0, 400, 0.75)
        assert (first.rx_per_second, first.tx_per_second, first.tcp_connections) == (100.0, 200.0, 1.5)
        assert (second.t, second.cpu_percent, second.memory_bytes) == (t + 60, (40 + 50 + 1 + 1) / 4, 600)
        assert second.rx_per_second == (100 + 100 + 40) / 3  # the second attempt's first sample has no rate
        (late,) = await world.metrics.points(
            STUDIO, GAME, "one", since_ms=start + 15_000, until_ms=start + 30_000, step_s=15
        )
        assert (late.t, late.rx_per_second) == (t + 15, 100.0)
        assert (
            await world.metrics.points(
                STUDIO, GAME, "two", since_ms=start, until_ms=start + 120_000, step_s=60
            )
            == []
        )


@stack
async def test_a_reader_goes_on_behind_what_the_topic_has_forgotten(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        for n in range(5):
            world.append(printed([Line(0, "stdout", n, AT_MS, "info", str(n))], source("one")))
        world.log.first_offset = 3
        reader = NounTables(world.client, TELEMETRY_TABLES, tail=world.log, clock_ms=lambda: world.now_ms)
        assert await reader.assigned(0) == 3
        for record in world.log.records[0][3:]:
            await reader.handle(record)
        await world.batch(reader)
        assert [line.message for line in await world.pages(10, "one")] == ["3", "4"]
        assert (await world.positions.read(0)).position.offset == 5


@given(st.integers(0, 2**53), st.integers(0, 2**16 - 1), st.integers(0, 2**63), st.integers(0, 2**32 - 1))
def test_a_token_is_read_as_it_was_made(at_ms: int, partition: int, offset: int, index: int) -> None:
    place = LogPlace(at_ms, partition, offset, index)
    assert place_of(place.token) == place


@pytest.mark.parametrize("token", ["", "x", "A" * 30 + "=", "é" * 30, "!" * 30, "A" * 29 + "B"])
def test_what_is_no_token_has_no_place(token: str) -> None:
    assert place_of(token) is None


def _last(rows: Rows) -> list[int]:
    """How far the one stream was taken in."""
    return [row[5] for row in rows["fleet_log_ends"]]


@given(st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=8), st.integers(0, 8))
def test_rows_are_the_same_however_records_are_batched(records: list[list[int]], cut: int) -> None:
    told = [
        SentLine(("s", "g", "i", 1, "stdout"), offset, AT_MS, [record, offset])
        for record, offsets in enumerate(records)
        for offset in sorted(offsets)
    ]
    whole = new_rows(told, {})
    first, rest = [one for one in told if one.row[0] < cut], [one for one in told if one.row[0] >= cut]
    begun = new_rows(first, {})
    ends: dict[StreamKey, int] = {one.key: one.offset for one in first if [one.offset] == _last(begun)}
    assert begun["fleet_logs"] + new_rows(rest, ends)["fleet_logs"] == whole["fleet_logs"]
    offsets = [row[1] for row in whole["fleet_logs"]]
    assert offsets == sorted(set(offsets))
