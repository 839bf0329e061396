"""Rows of a person: a handle that was linked to their device is theirs in the game where it was, only."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from projections.clickhouse.person_rows import PersonRows, linked
from schemas.persons import Handle, Person
from schemas.playtests.persons import PERSONAL as PLAYTESTS
from schemas.telemetry.persons import PERSONAL as TELEMETRY
from tests.migrated import migrated

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack
TABLES = TELEMETRY.tables | PLAYTESTS.tables
GAMES = ("game_1", "game_2")


async def person(client: ClickHouse, identifier: str) -> Person:
    handles, devices = await linked(client, "user_1", identifier)
    return Person(studio_id="user_1", games=GAMES, id=identifier, devices=devices, handles=handles)


async def test_a_namesake_in_another_game_is_another_person(clickhouse_url: str) -> None:
    client = await migrated(clickhouse_url, f"test_{uuid4().hex[:12]}")
    links = [
        ("user_1", "game_1", "Red", "d1"),
        ("user_1", "game_2", "Red", "d2"),
        ("user_2", "g", "Red", "d1"),
    ]
    for number, link in enumerate(links):
        values = ", ".join(f"'{value}'" for value in link)
        await client.command(
            f"INSERT INTO tester_links (studio_id, game_id, handle, device_id, _offset) SELECT {values}, 1"
        )
        await client.command(
            "INSERT INTO messages (studio_id, game_id, session_id, player_id, number, author, text, _rank)"
            f" SELECT '{link[0]}', '{link[1]}', 'thread', 'thread', {number}, '{link[2]}', 'said', 1"
        )
    rows = PersonRows(client, TABLES)
    first = await person(client, "d1")
    assert (first.handles, first.devices) == ((Handle("game_1", "Red"),), ())
    found = await rows.counts(first)
    assert {table: count for table, count in found.items() if count} == {"messages": 1, "tester_links": 1}
    named = await person(client, "Red")
    assert (named.handles, named.devices) == ((), ("d1", "d2"))
    found = await rows.counts(named)
    assert {table: count for table, count in found.items() if count} == {"messages": 2, "tester_links": 2}
    await client.close()
