"""Playtests' events into the real ClickHouse: rows say what the decider's state says, in whatever batches."""

from __future__ import annotations

import json
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.noun_tables import NounTables
from projections.clickhouse.rebuild_plan import Rebuilt
from projections.clickhouse.system_tables import drop_databases
from projections.clickhouse.times import time_of
from projections.playtests.table_changes import Key, rows_of
from projections.playtests.table_columns import COLUMNS, FRESH, SLOTS
from projections.playtests.table_rows import Change
from projections.playtests.tables import PLAYTESTS_TABLES, ClickHouseLedgers
from projections.telemetry.queries.client import ClickHouseQueries
from schemas.envelope import Decided, EventsRecord
from schemas.playtests import account_commands, names, order_commands, slot_commands
from schemas.playtests.batch_commands import DefineBatch, ForgetRecipient, LinkTester
from schemas.playtests.noun import PLAYTESTS_EVENTS
from schemas.playtests.ports import Place
from schemas.playtests.views import SLOT_STATUSES, Progress, Rating
from tests.migrated import migrated
from tests.projections.playtests.support import Told
from tests.projections.rebuilt import noun_rebuilt
from tests.projections.redis.support import ListLog
from tests.streams.deciders.playtests.given import GAME, STUDIO, block, keys
from tests.streams.deciders.playtests.test_batches import BATCH, SHARE, definition, imported, redeem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.stack
CREDIT = account_commands.AdjustAccount(amount_cents=10_000_000, reason="test")


class World(Told):
    """One studio's decider, its log, and a ClickHouse database of its own."""

    def __init__(self, client: ClickHouse, queries: ClickHouseQueries) -> None:
        self.client = client
        self.log = ListLog(PLAYTESTS_EVENTS)
        self.ledgers = ClickHouseLedgers(queries)
        self.clock_ms = 1_800_000_000_000
        self.appended = 0
        super().__init__()

    def happened(self, decided: Decided) -> None:
        self.log.append(decided)

    async def reader(self) -> NounTables:
        reader = NounTables(self.client, PLAYTESTS_TABLES, tail=self.log, clock_ms=lambda: self.clock_ms)
        for record in self.log.records[0][await reader.assigned(0) :]:
            await reader.handle(record)
        return reader

    async def write(self, reader: NounTables) -> None:
        """Everything that has happened since."""
        for record in self.log.records[0]:
            await reader.handle(record)
        self.clock_ms += 6_000
        await reader.idle(self.clock_ms)

    async def rows(self, table: str, *columns: str) -> list[list[Any]]:
        return await self.client.rows(
            f"SELECT {', '.join(columns)} FROM {table} FINAL ORDER BY {', '.join(columns)}"
        )

    async def agrees(self) -> None:
        """Orders, slots, applications and ledgers are as the decider's state has them."""
        studio = self.studio
        orders = [
            [
                one.order.id,
                one.order.status,
                one.order.trial,
                *_money(one.progress),
                one.progress.slots.open,
            ]
            for one in studio.orders.values()
        ]
        money = ("paid_cents", "held_cents", "paid_out_cents", "fee_cents", "credited_cents")
        assert await self.rows("playtest_orders", "id", "status", "trial", *money, "slots_open") == sorted(
            orders
        )
        slots = [
            [
                names.slot_id(order_id, number),
                order_id,
                number,
                slot.status,
                slot.playtester_id or "",
                None if slot.deadline_at_ms is None else time_of(slot.deadline_at_ms),
                slot.rating or None,
            ]
            for order_id, known in studio.orders.items()
            for number, slot in known.slots.items()
        ]
        wanted = ("id", "playtest_id", "number", "status", "playtester_id", "toString(deadline_at)", "rating")
        assert await self.rows("playtest_slots", *wanted) == sorted(slots, key=lambda row: str(row[0]))
        pool = [
            [names.application_id(order_id, number), one.playtester_id, one.status]
            for order_id, known in studio.orders.items()
            for number, one in known.applications.items()
        ]
        assert await self.rows("playtest_applications", "id", "playtester_id", "status") == sorted(pool)
        for owner, rows in self.older.rows.items():
            newest = sorted(rows.values(), key=lambda row: (row.at_ms, row.id), reverse=True)
            found = await self.ledgers.ledger(STUDIO, owner, limit=3)
            while len(found) < len(newest):
                before = Place(found[-1].at_ms, found[-1].id)
                more = await self.ledgers.ledger(STUDIO, owner, limit=3, before=before)
                assert more
                found += more
            assert found == newest

    def play(self) -> None:
        """Every status, retries, reopenings, applications, money."""
        self.given(CREDIT)
        for status in SLOT_STATUSES:
            self.slot_in(status)
            self.at_ms += 1
        order_id = self.active(2, keys=keys(3))
        first = self.submitted(order_id, "ann")
        self.given(slot_commands.RejectSlot(slot_id=first, reason='too "short"\n', allow_retry=True))
        other = self.claimed(order_id, "bea")
        self.given(block(other, "bea"))
        self.given(slot_commands.UnblockSlot(slot_id=other))
        self.given(slot_commands.AbandonSlot(slot_id=other, playtester_id="bea"))
        rated = self.accepted("cid")
        self.given(slot_commands.RateSlot(slot_id=rated, rating=Rating(score=4, comment="good")))
        self.given(
            slot_commands.ApproveTranscript(slot_id=rated, version="claude", key="t", key_takeaways=["a"])
        )
        self.given(account_commands.SendPayout(playtester_id="cid", amount_cents=10))
        manual = self.active(selection_mode="manual", quantity=1)
        for name in ("ann", "bea", "dan"):
            self.applied(manual, name)
        self.given(order_commands.ApproveApplication(application_id=names.application_id(manual, 2)))
        self.given(account_commands.ChangePlaytester(playtester_id="ann", display_name="Ann Person"))
        self.trial()


def _money(progress: Progress) -> list[int]:
    money = progress.money
    return [
        money.paid_cents,
        money.held_cents,
        money.payout_cents,
        money.fee_cents,
        money.credited_cents,
    ]


@asynccontextmanager
async def opened(clickhouse_url: str) -> AsyncIterator[World]:
    database = f"playtests_{uuid.uuid4().hex[:8]}"
    client, queries = await migrated(clickhouse_url, database), ClickHouseQueries(clickhouse_url, database)
    try:
        yield World(client, queries)
    finally:
        await drop_databases(client)
        await client.close()
        await queries.close()


async def test_rows_say_what_the_state_says_in_whatever_batches_and_hold_no_secret(
    clickhouse_url: str,
) -> None:
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        world.given(CREDIT)
        order_id = world.active(1)
        await world.write(reader)
        world.claimed(order_id, "ann")
        await world.write(reader)
        await world.agrees()
        world.play()
        await world.write(reader)
        await world.agrees()
        async with opened(clickhouse_url) as other:  # another worker's batches, some of them twice
            other.log = world.log
            for number in range(0, len(world.log.records[0]), 7):
                again = NounTables(
                    other.client, PLAYTESTS_TABLES, tail=world.log, clock_ms=lambda: other.clock_ms
                )
                begin = await again.assigned(0)
                for record in world.log.records[0][begin : number + 7]:
                    await again.handle(record)
                changes: list[Change] = []
                rows: dict[str, list[list[Any]]] = {table: [] for table in COLUMNS}
                for record in world.log.records[0][begin : number + 3]:
                    events = msgspec.msgpack.decode(record.value, type=EventsRecord)
                    PLAYTESTS_TABLES.add(events, 0, record.offset, rows, changes)
                for table, some in (await PLAYTESTS_TABLES.changed(other.client, changes, {})).items():
                    body = b"\n".join(map(msgspec.json.encode, some))
                    await other.client.insert(
                        table, COLUMNS[table], body, form="JSONCompactEachRow", token=uuid.uuid4().hex
                    )
                other.clock_ms += 6_000
                await again.idle(other.clock_ms)
            assert await _sums(other) == await _sums(world)
        (told,) = await world.client.rows(
            "SELECT count(), countIf(data LIKE '%sealed%' OR data LIKE '%Person%') FROM playtest_events FINAL"
        )
        assert (told[0] > 50, told[1]) == (True, 0)


async def _sums(world: World) -> dict[str, Any]:
    return {
        table: await world.client.rows(
            f"SELECT count(), toString(sum(cityHash64(tuple(*)))) FROM {table} FINAL"
        )
        for table in COLUMNS
    }


async def test_a_rebuild_is_equal_and_names_a_table_that_differs(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        world.play()
        await world.write(reader)

        async def run(*, verify: bool) -> Rebuilt:
            return await noun_rebuilt(
                world.client,
                clickhouse_url,
                PLAYTESTS_TABLES,
                partitions=PLAYTESTS_EVENTS.partitions,
                tail=world.log,
                clock_ms=lambda: world.clock_ms,
                verify=verify,
            )

        equal = await run(verify=True)
        assert equal.different == []
        assert equal.live["playtest_slots"].rows >= len(SLOT_STATUSES)
        await world.client.command(
            "ALTER TABLE playtest_orders UPDATE held_cents = 1 WHERE held_cents > 1"
            " SETTINGS mutations_sync = 1"
        )
        assert (await run(verify=True)).different == ["playtest_orders"]
        assert (await run(verify=False)).swapped
        await world.agrees()


async def test_a_key_its_link_and_nothing_of_who_is_forgotten(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        world.given(DefineBatch(definition=definition(redemption_mode="public"), share_token_hash=SHARE))
        world.given(imported("a", "b", "c"))
        for handle, email in (("Ann", "ann@x"), ("Bob", "bob@x")):
            world.given(redeem(SHARE, handle, email, country="DE"))
        keys_now = world.studio.batches[names.batch_aggregate(STUDIO, GAME, BATCH)].keys
        for number, name in ((1, "Ann"), (2, "Bob")):
            link = LinkTester(
                batch_id=BATCH,
                key_id=keys_now[number].state.id,
                claim_token_hash=f"claim of {name}",
                device_id=f"d{number}",
            )
            world.given(link)
        await world.write(reader)
        told = ("number", "status", "handle", "country")
        assert await world.rows("playtest_keys", *told) == [
            [1, "redeemed", "Ann", "DE"],
            [2, "redeemed", "Bob", "DE"],
            [3, "available", "", ""],
        ]
        links = ("handle", "device_id", "unlinked_at")
        assert await world.rows("tester_links", *links) == [
            ["Ann", "d1", None],
            ["Bob", "d2", None],
        ]
        world.given(ForgetRecipient(email_fingerprints=["print of ann@x"]))
        await world.write(reader)
        assert [row[1:3] for row in await world.rows("playtest_keys", *told)] == [
            ["redeemed", ""],
            ["redeemed", "Bob"],
            ["available", ""],
        ]
        assert await world.rows("tester_links", *links) == [["Bob", "d2", None]]
        for table in COLUMNS:  # whatever FINAL shows: what is on the disk
            (found,) = await world.client.rows(
                f"SELECT countIf(position(toString(tuple(*)), 'Ann') > 0) FROM {table}"
            )
            assert (table, found) == (table, [0])


async def test_what_a_slot_earned_and_when_it_moved(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        world.given(CREDIT)
        slot_id = world.accepted("ann", GAME)
        await world.write(reader)
        (row,) = await world.client.rows(
            "SELECT id, earned_cents, credited_cents, video_bytes, reserved_at IS NOT NULL, submitted_at,"
            " ended_at FROM playtest_slots FINAL"
        )
        assert row[:5] == [slot_id, 1000, 0, 5, 1]
        at = time_of(world.at_ms)
        assert row[5:] == [at, at]
        events = await world.client.rows(
            "SELECT event, data FROM playtest_events FINAL WHERE playtest_id != '' ORDER BY _offset, _index"
        )
        accepted = [json.loads(data) for event, data in events if event == "playtests.slot-accepted.v1"]
        assert accepted[0]["playtester"]["balance_cents"] == 1000
        assert "display_name" not in accepted[0]["playtester"]


def test_a_change_that_a_stored_row_has_is_not_made_again() -> None:
    key: Key = ("s", "one")
    changes = [
        Change(SLOTS, key, 3, {"status": "open", "number": 1}),
        Change(SLOTS, key, 5, {"status": "reserved"}),
        Change(SLOTS, ("s", "two"), 5, {"status": "open"}),
    ]
    fresh = rows_of(SLOTS, changes, {})
    assert [row[1] for row in fresh] == ["one", "two"]
    columns = COLUMNS[SLOTS]
    one = dict(zip(columns, fresh[0], strict=True))
    assert (one["status"], one["number"], one["_offset"]) == ("reserved", 1, 5)
    later = {"status": "submitted", "number": 1}
    stored = {key: (FRESH[SLOTS] | later, 7)}
    assert dict(zip(columns, rows_of(SLOTS, changes, stored)[0], strict=True))["status"] == "submitted"
    middle = {key: (FRESH[SLOTS] | {"status": "open", "number": 1}, 3)}
    assert rows_of(SLOTS, changes, middle) == fresh
