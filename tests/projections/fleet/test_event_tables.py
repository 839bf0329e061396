"""The fleet's events into the real ClickHouse: rows say what a plain list of what happened says."""

from __future__ import annotations

import json
import random
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.migrations import read, tenant_tables
from projections.clickhouse.noun_tables import NounTables
from projections.clickhouse.rebuild_plan import Rebuilt
from projections.clickhouse.system_tables import drop_databases
from projections.clickhouse.times import time_of
from projections.fleet.event_tables import COLUMNS, FLEET_TABLES, HOSTS
from schemas.envelope import EventsRecord
from schemas.fleet import events as ev
from schemas.fleet.noun import FLEET_EVENTS
from schemas.fleet.states import PHASES, STATUSES
from tests.migrated import migrated
from tests.projections.fleet.history import MARK, History
from tests.projections.rebuilt import noun_rebuilt
from tests.schemas.test_golden_fleet import HISTORY
from tests.streams.deciders.fleet.given import GAME, STUDIO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from schemas.codec import Message

stack = pytest.mark.stack
Told = list[tuple[int, int, "Message"]]


class World:
    """A history's log, and a ClickHouse database of its own."""

    def __init__(self, client: ClickHouse, history: History) -> None:
        self.client = client
        self.history = history
        self.clock_ms = 1_800_000_000_000

    async def reader(self) -> NounTables:
        """A worker that goes on at the tables' position."""
        reader = NounTables(self.client, FLEET_TABLES, tail=self.history.log, clock_ms=lambda: self.clock_ms)
        await reader.assigned(0)
        return reader

    async def write(self, reader: NounTables, until: int | None = None) -> None:
        """Everything that has happened, or what lies before an offset, in one batch."""
        for record in self.history.log.records[0][:until]:
            await reader.handle(record)
        self.clock_ms += 6_000
        await reader.idle(self.clock_ms)

    async def rows(self, table: str, *columns: str, order: str = "") -> list[list[Any]]:
        return await self.client.rows(
            f"SELECT {', '.join(columns)} FROM {table} FINAL ORDER BY {order or columns[0]}"
        )

    async def sums(self) -> dict[str, Any]:
        return {
            table: await self.client.rows(
                f"SELECT count(), toString(sum(cityHash64(tuple(*)))) FROM {table} FINAL"
            )
            for table in COLUMNS
        }

    async def agrees(self) -> None:
        """Each table is what the list of events says, and holds nothing else."""
        told = self.history.happened
        assert await self.rows(
            *("fleet_servers", "instance_id", "name", "status", "phase", "attempt", "host_id", "address"),
            *("external_ports", "match_id", "custom_data", "stop_reason", "exit_code", "ttl_seconds"),
            *("is_pool_server", "toString(ready_at)", "toString(stopped_at)", "toString(expires_at)"),
            *("toString(updated_at)", "_offset"),
        ) == servers(told)
        assert await self.rows(
            *("fleet_builds", "build_id", "name", "version", "status", "build_type", "image_url", "sha256"),
            *("size_bytes", "files", "error", "attempt", "toString(updated_at)"),
        ) == builds(told)
        assert await self.rows(
            *("fleet_hosts", "id", "status", "epoch", "address", "regions", "memory_used_mb", "servers"),
            *("cpu_reserved_millis", "toString(seen_at)", "toString(suspected_at)"),
        ) == hosts(told)
        assert await self.rows(
            *("fleet_transitions", "instance_id", "event", "phase", "attempt", "reason", "toString(at)"),
            order="_offset, _index",
        ) == transitions(told)
        archived = await self.rows(
            *("fleet_events", "event", "subject", "studio_id", "game_id", "_offset"), order="_offset, _index"
        )
        assert archived == archive(told)


def when(at_ms: int | None) -> str | None:
    return None if at_ms is None else time_of(at_ms)


def servers(told: Told) -> list[list[Any]]:
    last = {
        event.server.instance_id: (event.server, offset)
        for offset, _, event in told
        if isinstance(event, ev.ServerEvent)
    }
    return sorted(
        [
            *(one.instance_id, one.name, STATUSES[one.phase], one.phase, one.attempt, one.host_id or ""),
            *(next((port.host for port in one.ports), ""), [port.external_port for port in one.ports]),
            *(one.match_id or "", one.custom_data or "", one.stop_reason or "", one.exit_code, one.ttl_s),
            *(one.is_pool_server, when(one.ready_at_ms), when(one.stopped_at_ms), when(one.expires_at_ms)),
            *(when(one.updated_at_ms), offset),
        ]
        for one, offset in last.values()
    )


def builds(told: Told) -> list[list[Any]]:
    last = {event.build.id: event.build for _, _, event in told if isinstance(event, ev.BuildEvent)}
    rows = []
    for one in last.values():
        made = one.artefact
        rows.append(
            [
                *(one.id, one.name, one.version, one.status, one.build_type, one.image_url or ""),
                *(made.sha256 if made else "", made.size_bytes if made else None),
                *(made.files if made else None, one.error or "", one.attempt, when(one.updated_at_ms)),
            ]
        )
    return sorted(rows)


def hosts(told: Told) -> list[list[Any]]:
    last = {event.host.id: event.host for _, _, event in told if isinstance(event, ev.HostEvent)}
    return sorted(
        [
            *(one.id, one.status, one.epoch, one.capacity.address, one.capacity.regions),
            *(one.memory_used_mb, one.servers, one.cpu_reserved_millis),
            *(when(one.seen_at_ms), when(one.suspected_at_ms)),
        ]
        for one in last.values()
    )


def transitions(told: Told) -> list[list[Any]]:
    rows = []
    for _, at_ms, event in told:
        if isinstance(event, ev.ServerEvent):
            name = type(event).__name__.removeprefix("Server").lower()
            stops = event.server.stop_reason or "" if name in {"stopping", "stopped"} else ""
            attempt, reason = event.server.attempt, stops
            if isinstance(event, ev.ServerExited):
                attempt, reason = event.attempt, event.reason
            rows.append([event.server.instance_id, name, event.server.phase, attempt, reason, when(at_ms)])
    return rows


def archive(told: Told) -> list[list[Any]]:
    rows = []
    for offset, _, event in told:
        match event:
            case ev.HostSeen():
                continue
            case ev.ServerEvent(server=server):
                of = [server.instance_id, STUDIO, GAME]
            case ev.BuildEvent(build=build):
                of = [build.id, STUDIO, GAME]
            case ev.HostEvent(host=host):
                of = [host.id, "", ""]
            case _:
                of = ["", STUDIO, GAME]
        rows.append([event.WIRE, *of, offset])
    return rows


@asynccontextmanager
async def opened(clickhouse_url: str, history: History) -> AsyncIterator[World]:
    client = await migrated(clickhouse_url, f"fleet_{uuid.uuid4().hex[:8]}")
    try:
        yield World(client, history)
    finally:
        await drop_databases(client)
        await client.close()


@stack
async def test_rows_say_what_happened_and_hold_no_secret(clickhouse_url: str) -> None:
    history = History()
    history.play()
    async with opened(clickhouse_url, history) as world:
        await world.write(await world.reader())
        await world.agrees()
        phases = await world.client.rows("SELECT DISTINCT phase FROM fleet_servers FINAL")
        assert {phase for (phase,) in phases} == set(PHASES)
        statuses = await world.client.rows("SELECT DISTINCT status FROM fleet_builds FINAL")
        assert {status for (status,) in statuses} == {"uploading", "ready", "failed", "deleted"}
        assert {row[1] for row in hosts(history.happened)} == {"up", "draining", "lost"}
        assert MARK in str(history.happened)
        for table in COLUMNS:  # whatever FINAL shows: what is on the disk
            (found,) = await world.client.rows(
                f"SELECT countIf(position(toString(tuple(*)), '{MARK}') > 0), count() > 0 FROM {table}"
            )
            assert (table, *found) == (table, 0, 1)
        (data,) = await world.client.rows(
            "SELECT data FROM fleet_events FINAL WHERE event = 'fleet.server-placed.v1' LIMIT 1"
        )
        placed = json.loads(data[0])
        assert placed["spec"]["cpu_millis"] > 0
        assert placed["server"].keys().isdisjoint({"startup_args"})


@stack
@pytest.mark.parametrize("seed", [1, 2])
async def test_rows_are_the_same_whatever_batches_and_deaths_there_were(
    clickhouse_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    history = History()
    history.draw(chance, 150)
    end = len(history.log.records[0])
    assert max(record.offset for record in history.log.records[0]) > 60
    async with opened(clickhouse_url, history) as whole, opened(clickhouse_url, history) as pieces:
        await whole.write(await whole.reader())
        await whole.agrees()
        place = 0
        while place < end:
            place = min(end, place + chance.randrange(1, 40))
            rows: dict[str, list[list[Any]]] = {table: [] for table in COLUMNS}
            for record in history.log.records[0][
                max(0, place - 9) : place
            ]:  # one that died before it said so
                events = msgspec.msgpack.decode(record.value, type=EventsRecord)
                FLEET_TABLES.add(events, 0, record.offset, rows, [])
            for table, some in rows.items():
                body = b"\n".join(map(msgspec.json.encode, some))
                token = uuid.uuid4().hex
                await pieces.client.insert(
                    table, COLUMNS[table], body, form="JSONCompactEachRow", token=token
                )
            await pieces.write(await pieces.reader(), place)
        assert await pieces.sums() == await whole.sums()


@stack
async def test_a_rebuild_is_equal_and_names_a_table_that_differs(clickhouse_url: str) -> None:
    history = History()
    history.play()
    async with opened(clickhouse_url, history) as world:
        await world.write(await world.reader())

        async def run(*, verify: bool) -> Rebuilt:
            return await noun_rebuilt(
                world.client,
                clickhouse_url,
                FLEET_TABLES,
                partitions=FLEET_EVENTS.partitions,
                tail=history.log,
                clock_ms=lambda: world.clock_ms,
                verify=verify,
            )

        equal = await run(verify=True)
        assert (equal.different, set(equal.live)) == ([], set(COLUMNS))
        assert all(one.rows for one in equal.live.values())
        await world.client.command(
            "ALTER TABLE fleet_builds UPDATE files = 7 WHERE files > 0 SETTINGS mutations_sync = 1"
        )
        assert (await run(verify=True)).different == ["fleet_builds"]
        assert (await run(verify=False)).swapped
        await world.agrees()


@stack
async def test_every_table_and_column_says_what_it_is(clickhouse_url: str) -> None:
    async with opened(clickhouse_url, History()) as world:
        named = await world.client.rows(
            "SELECT table, name, comment FROM system.columns WHERE database = {database:String}"
            " AND startsWith(table, 'fleet_')",
            {"database": world.client.database},
        )
        columns = {table: {name for of, name, _ in named if of == table} for table in COLUMNS}
        assert columns == {table: set(names) for table, names in COLUMNS.items()}
        assert [(table, name) for table, name, comment in named if not comment] == []
        tables = await world.client.rows(
            "SELECT name FROM system.tables WHERE database = {database:String} AND comment = ''",
            {"database": world.client.database},
        )
        assert tables == []


def test_the_examples_give_rows_for_every_column() -> None:
    rows: dict[str, list[list[Any]]] = {table: [] for table in COLUMNS}
    for record in HISTORY.records():
        events = msgspec.msgpack.decode(record.value, type=EventsRecord)
        FLEET_TABLES.add(events, 0, record.offset, rows, [])
    for table, some in rows.items():
        assert some
        assert {len(row) for row in some} == {len(COLUMNS[table])}


def test_readers_see_their_studio_s_rows_and_no_host() -> None:
    assert {table for table in COLUMNS if table not in tenant_tables(read())} == {HOSTS}
