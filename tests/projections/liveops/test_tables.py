"""Liveops' events into the real ClickHouse, and what is read of it."""

from __future__ import annotations

import json
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.noun_tables import NounTables
from projections.clickhouse.positions import Positions
from projections.clickhouse.system_tables import drop_databases
from projections.liveops.final_boards import ClickHouseFinals
from projections.liveops.tables import LIVEOPS_TABLES
from projections.telemetry.queries.client import ClickHouseQueries
from schemas.envelope import Decided, Event
from schemas.identifiers import key_hash
from schemas.liveops.definitions import encode_definition
from schemas.liveops.event_windows import BoardChunkFinalized, WindowOpened
from schemas.liveops.events import (
    EVENTS,
    AttemptProgressed,
    InventoryChanged,
    PlayerRegistered,
    WalletChanged,
)
from schemas.liveops.noun import LIVEOPS_EVENTS
from schemas.liveops.views import Attempt, BoardEntry, FinalEntry, Movement
from schemas.log_positions import StoreRegressed
from schemas.studio.definitions_events import EventDefinition
from tests.migrated import migrated
from tests.projections.redis.support import ListLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from schemas.codec import Message

pytestmark = pytest.mark.stack
AT_MS = 1_790_000_000_123


class World:
    def __init__(self, client: ClickHouse, queries: ClickHouseQueries) -> None:
        self.client = client
        self.log = ListLog(LIVEOPS_EVENTS)
        self.now_ms = AT_MS
        self.positions = Positions(client, LIVEOPS_EVENTS.name)
        self.finals = ClickHouseFinals(queries)

    async def reader(self) -> tuple[NounTables, int]:
        reader = NounTables(self.client, LIVEOPS_TABLES, tail=self.log, clock_ms=lambda: self.now_ms)
        return reader, await reader.assigned(0)

    async def batch(self, reader: NounTables) -> None:
        self.now_ms += 6_000
        await reader.idle(self.now_ms)

    async def sums(self) -> list[list[int]]:
        """How many of `movement`'s amounts each step of the economy says were minted."""
        minted = f"toUInt64(sum(minted) / {2**62})"
        sql = f"SELECT step, {minted} FROM liveops_economy FINAL GROUP BY step ORDER BY step"
        return await self.client.rows(sql)

    async def count(self, table: str) -> int:
        return int((await self.client.rows(f"SELECT count() FROM {table} FINAL"))[0][0])


@asynccontextmanager
async def opened(clickhouse_url: str) -> AsyncIterator[World]:
    database = f"liveops_{uuid.uuid4().hex[:8]}"
    client, queries = await migrated(clickhouse_url, database), ClickHouseQueries(clickhouse_url, database)
    try:
        yield World(client, queries)
    finally:
        await drop_databases(client)
        await client.close()
        await queries.close()


def decided(*messages: Message) -> Decided:
    return Decided(
        command_id="c",
        studio_id="user_a",
        game_id="game_a",
        keyed=False,
        fingerprint=b"",
        events=[
            Event(type=message.WIRE, aggregate_id="a", sequence=1, at_ms=AT_MS, data=EVENTS.encode(message))
            for message in messages
        ],
    )


def movement(number: int, *, item: bool = False) -> Message:
    moved = Movement(
        number=number,
        type="item" if item else "currency",
        key="médkit '\\" if item else "gold",
        amount=-(2**62) if item else 2**62,
        balance=2**63 - 1,
        cause="claim",
        command_id="c",
        reason='a "reason"\n\tof two lines',
        grant_id="g",
        table_version="1:ab",
        seed="ff",
    )
    event = InventoryChanged if item else WalletChanged
    return event(game_id="game_a", external_id="a/b é", movement=moved)


def progressed(score: float) -> Message:
    return AttemptProgressed(
        game_id="game_a",
        external_id="a/b é",
        attempt=Attempt(
            id="at_1",
            event_key="weekly",
            window_id="w_1_2",
            board_id="lb_a",
            status="active",
            metrics={"frags": score},
            score=score,
            started_at_ms=AT_MS,
        ),
        entry=BoardEntry(
            board_id="lb_a",
            order="desc",
            score=score,
            achieved_at_ms=AT_MS,
            previous_score=None,
            previous_achieved_at_ms=None,
            best=score,
            is_personal_best=True,
        ),
        occurred_at_ms=AT_MS,
    )


def chunk(number: int, ranks: range) -> Message:
    entries = [
        FinalEntry(
            rank=rank,
            external_id="twin" if rank < 3 else f"p{rank}",
            score=100.5 - rank,
            achieved_at_ms=AT_MS + rank,
            is_bot=rank == 1,
        )
        for rank in ranks
    ]
    return BoardChunkFinalized(
        game_id="game_a",
        event_key="weekly",
        window_id="w_1_2",
        board_id="lb_a",
        chunk=number,
        entries=entries,
        rewards=[],
        table_version="1:ab",
    )


async def test_movements_and_final_ranks_are_read_as_they_were_said(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader, begin = await world.reader()
        assert begin == 0
        await reader.handle(
            world.log.append(decided(movement(1), movement(2, item=True)), decided(movement(3)))
        )
        await reader.handle(world.log.append(decided(chunk(0, range(1, 4)))))
        await reader.handle(world.log.append(decided(chunk(1, range(4, 6)))))
        assert await world.finals.final_entries("lb_a", 10) == []
        await world.batch(reader)
        rows = await world.finals.ledger_before("game_a", "a/b é", 3, 10)
        assert [row.movement.number for row in rows] == [2, 1]
        assert rows[0].at_ms == AT_MS
        expected = movement(2, item=True)
        assert isinstance(expected, InventoryChanged)
        assert rows[0].movement == expected.movement
        assert len(await world.finals.ledger_before("game_a", "a/b é", 4, 1)) == 1
        assert await world.finals.ledger_before("game_b", "a/b é", 4, 1) == []
        first = await world.finals.final_entries("lb_a", 4)
        assert [(entry.rank, entry.score, entry.is_bot) for entry in first] == [
            (1, 99.5, True),
            (2, 98.5, False),
            (3, 97.5, False),
            (4, 96.5, False),
        ]
        twin = await world.finals.final_entry("lb_a", "twin")
        assert twin is not None
        assert (twin.rank, twin.achieved_at_ms) == (2, AT_MS + 2)
        assert await world.finals.final_entry("lb_a", "nobody") is None


async def test_every_event_is_kept_in_its_own_words_and_without_secrets(clickhouse_url: str) -> None:
    event = msgspec.convert(
        {
            "eventKey": "weekly",
            "name": "Weekly",
            "mode": "global",
            "window": {"every": "week", "from": "2026-01-05T00:00:00Z"},
            "metrics": {"frags": {}},
            "scoreFormula": "frags",
        },
        EventDefinition,
    )
    async with opened(clickhouse_url) as world:
        reader, _ = await world.reader()
        registered = PlayerRegistered(
            game_id="game_a",
            external_id="a/b é",
            secret_hash=key_hash("secret"),
            created_at_ms=AT_MS,
            previous_secret_hash=key_hash("old secret"),
        )
        window = WindowOpened(
            game_id="game_a",
            event_key="weekly",
            window_id="w_1_2",
            starts_at_ms=1,
            ends_at_ms=2,
            reference="1:ab",
            definition=encode_definition(event),
        )
        await reader.handle(world.log.append(decided(registered, progressed(2.5)), decided(window)))
        await world.batch(reader)
        told = await world.client.rows(
            "SELECT _index, event, external_id, command_id, data FROM liveops_events FINAL ORDER BY _index"
        )
        assert [row[:4] for row in told] == [
            [0, PlayerRegistered.WIRE, "a/b é", "c"],
            [1, AttemptProgressed.WIRE, "a/b é", "c"],
            [2, WindowOpened.WIRE, "", "c"],
        ]
        assert json.loads(told[0][4]) == {
            "game_id": "game_a",
            "external_id": "a/b é",
            "created_at_ms": AT_MS,
        }
        assert json.loads(told[2][4])["definition"]["eventKey"] == "weekly"
        scores = await world.client.rows(
            "SELECT board_id, external_id, attempt_id, attempt_score, score, is_personal_best,"
            " toUnixTimestamp64Milli(at), _offset, _index FROM liveops_scores FINAL"
        )
        assert scores == [["lb_a", "a/b é", "at_1", 2.5, 2.5, True, AT_MS, 0, 1]]


async def test_a_batch_that_comes_again_and_another_writers_records_change_nothing(
    clickhouse_url: str,
) -> None:
    async with opened(clickhouse_url) as world:
        reader, _ = await world.reader()
        for number in range(1, 6):
            world.log.append(decided(movement(number)))
        stray = world.log.append(decided(movement(99)), src=2)
        world.log.append(decided(movement(6)), src=5)
        for record in world.log.records[0]:
            await reader.handle(record)
        await world.batch(reader)
        assert await world.count("liveops_ledger") == 6
        assert await world.sums() == [[1, 6], [60, 6]]
        # As if the process had ended between rows and position.
        await world.client.system.command("TRUNCATE TABLE reader_positions")
        await reader.handle(world.log.append(decided(movement(7)), src=6))
        with pytest.raises(StoreRegressed):
            await world.batch(reader)
        again, begin = await world.reader()
        assert begin == 0
        for record in world.log.records[0]:
            await again.handle(record)
        await world.batch(again)
        assert await world.count("liveops_ledger") == 7
        assert await world.sums() == [[1, 7], [60, 7]]
        _, begin = await world.reader()
        assert begin == 8
        assert stray.offset == 5
