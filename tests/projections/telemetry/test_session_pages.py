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
HALF_MS = BEGAN_MS + 1_800_000
LINKS = [
    ("p1", "Füchsin", HALF_MS, None),
    ("p2", "RedFox", HALF_MS, None),
    ("p3", "Foxglove", BEGAN_MS + 600_000, HALF_MS),
    ("p3", "Nightshade", HALF_MS, HALF_MS),
    ("p3", "Lavandula", HALF_MS, BEGAN_MS + 3_000_000),
]
"""Devices and handles, from when to when they were linked; other sessions show what was sent."""


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
        shown = [
            handle
            for device, handle, since, until in LINKS
            if linked and device == player and since <= began and (until is None or began < until)
        ]
        handle = (shown or [sent])[0]
        if q is None or q.casefold() in title.casefold() or q.casefold() in handle.casefold():
            found.append([game, session])
    return found


@pytest.mark.parametrize("several", [True, False])
@pytest.mark.parametrize("bounds", [(10_000, 10_000), (0, 10_000), (0, 4)])
async def test_a_page_is_the_view_s(
    database: ClickHouse,
    clickhouse_url: str,
    monkeypatch: pytest.MonkeyPatch,
    several: bool,  # noqa: FBT001 - a table
    bounds: tuple[int, int],
) -> None:
    monkeypatch.setattr(session_pages, "FEW_MAX", bounds[0])
    monkeypatch.setattr(session_pages, "WALKED_MAX", bounds[1])
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
    moments = (None, BEGAN_MS / 1000, BEGAN_MS / 1000 + 1)  # few, so that pages end between equals
    rows = [
        row
        | {"title": named[row["session_id"]][0], "tester_handle": named[row["session_id"]][1]}
        | {"started_at": chance.choice(moments)}
        for row in rows
    ]
    await insert(database, "session_parts", rows)
    queries = ClickHouseQueries(clickhouse_url, database.database)
    try:
        for linked in (False, True):
            if linked:
                links = [
                    {"studio_id": "ours", "game_id": "game", "device_id": device, "handle": handle,
                     "claimed_at": since / 1000, "unlinked_at": None if until is None else until / 1000}
                    for device, handle, since, until in LINKS
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
