"""Pages of sessions are the view's, whichever way they are read: of one part or several, linked or not."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from projections.telemetry.queries import session_pages
from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.session_ids import OWN_ID
from projections.telemetry.queries.session_pages import page_of_sessions
from tests.projections.telemetry.test_whole_parts import BEGAN_MS, parts

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack
LINKED = {"p1": "Füchsin", "p2": "RedFox"}
"""Handles of devices that were linked at some time; others show what was sent."""


async def insert(database: ClickHouse, table: str, rows: list[dict[str, Any]]) -> None:
    body = "\n".join(map(json.dumps, rows)).encode()
    await database.insert(table, list(rows[0]), body, form="JSONEachRow", token=table)


async def expected(database: ClickHouse, *, linked: bool, q: str | None) -> list[list[Any]]:
    """Straight from the view, filtered here."""
    rows = await database.rows(
        "SELECT game_id, session_id, title, tester_handle, player_id, "
        "toUnixTimestamp64Milli(first_event_at) AS began FROM sessions WHERE studio_id = 'ours' "
        f"ORDER BY recorded_at DESC, {OWN_ID}, game_id"
    )
    found = []
    for game, session, title, sent, player, began in rows:
        handle = LINKED.get(player, sent) if linked and began >= BEGAN_MS + 1_800_000 else sent
        if q is None or q.casefold() in title.casefold() or q.casefold() in handle.casefold():
            found.append([game, session])
    return found


@pytest.mark.parametrize("several", [True, False])
@pytest.mark.parametrize("few", [10_000, 0])
async def test_a_page_is_the_view_s(
    database: ClickHouse,
    clickhouse_url: str,
    monkeypatch: pytest.MonkeyPatch,
    several: bool,  # noqa: FBT001 - a table
    few: int,
) -> None:
    monkeypatch.setattr(session_pages, "FEW_MAX", few)
    chance = random.Random(7)
    rows = parts(chance)
    if not several:
        rows = [row for row in rows if int(row["session_id"][1:]) % 3]
    named = {
        row["session_id"]: (
            chance.choice(("", "Lava run", "At the fox's")),
            chance.choice(("", "redfox", "Ann")),
        )
        for row in rows
    }
    rows = [
        row | {"title": named[row["session_id"]][0], "tester_handle": named[row["session_id"]][1]}
        for row in rows
    ]
    await insert(database, "session_parts", rows)
    queries = ClickHouseQueries(clickhouse_url, database.database)
    try:
        for linked in (False, True):
            if linked:
                links = [
                    {"studio_id": "ours", "game_id": "game", "device_id": device, "handle": handle,
                     "claimed_at": (BEGAN_MS + 1_800_000) / 1000, "unlinked_at": None}
                    for device, handle in LINKED.items()
                ]  # fmt: skip
                await insert(database, "tester_links", links)
            for q in (None, "fox", "FÜCHS", "lava", "nobody"):
                whole = await expected(database, linked=linked, q=q)
                assert (len(whole) > 1) == (q != "nobody" and (linked or q != "FÜCHS"))
                for limit, offset in ((100, 0), (3, 0), (4, 2), (5, 1_000)):
                    page = await page_of_sessions(
                        queries, Conditions("ours"), sought=q, limit=limit, offset=offset
                    )
                    assert page == (whole[offset : offset + limit], len(whole)), (linked, q, limit, offset)
    finally:
        await queries.close()
