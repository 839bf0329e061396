"""Sessions by their parts are the view's sessions, of one part and of several."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from projections.telemetry.queries.whole_parts import COLUMNS, OF_VIEW, has_split, whole_sessions

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack
TENANT = "studio_id = 'ours' AND game_id = 'game'"
BEGAN_MS = 1_800_000_000_000
TAGGED = '{"exp_a":"control"}'


def parts(chance: random.Random) -> list[dict[str, Any]]:
    """Of 60 sessions, every third with several parts whose spans overlap; older versions beside some."""
    found = []
    for number in range(60):
        for partition in chance.sample(range(4), 3 if number % 3 == 0 else 1):
            at = BEGAN_MS + chance.randrange(3_600_000)
            spans = [[at + 100_000 * n, at + 100_000 * n + chance.randrange(60_000)] for n in range(4)]
            row = {
                "studio_id": chance.choice(("ours", "ours", "theirs")),
                "game_id": "game",
                "session_id": f"s{number}",
                "player_id": f"p{chance.randrange(5)}",
                "build_id": chance.choice("12"),
                "experiments": chance.choice(("", "{}", TAGGED)),
                "started_at": chance.choice((None, at / 1000)),
                "first_event_at": at / 1000,
                "last_event_at": spans[-1][1] / 1000,
                "first_arrived_at": (at + 90) / 1000,
                "spans": chance.choice((spans, spans, spans, [])),
                "idle_ms": chance.randrange(3) * 100,
                "closed": chance.randrange(2),
                "event_counts": chance.choice(({"a": 1}, {"a": 1, "crash": 2})),
                "_partition": partition,
                "_version": 2,
            }
            found.append(row)
            if number % 4 == 0:
                found.append({**row, "closed": 0, "experiments": "", "_version": 1})
    return found


async def test_they_are_the_views(database: ClickHouse) -> None:
    rows = parts(random.Random(4))
    body = "\n".join(map(json.dumps, rows)).encode()
    table = "session_parts"
    await database.insert(table, list(rows[0]), body, form="JSONEachRow", token=table)
    said = "position(experiments, 'exp_a') > 0"
    for narrowed in ("1", said):
        by_parts = await database.rows(
            f"SELECT * FROM ({whole_sessions(TENANT, narrowed)}) ORDER BY session_id"
        )
        view = await database.rows(
            f"SELECT {OF_VIEW} FROM sessions WHERE {TENANT} AND session_id IN ("
            f"SELECT session_id FROM session_parts WHERE {TENANT} AND {narrowed}) ORDER BY session_id"
        )
        assert by_parts == view
        assert len(view) > 10
    assert await database.rows(has_split(TENANT)) != []


async def test_of_one_part_each_nothing_is_looked_up(database: ClickHouse) -> None:
    rows = [row for row in parts(random.Random(5)) if int(row["session_id"][1:]) % 3]
    body = "\n".join(map(json.dumps, rows)).encode()
    table = "session_parts"
    await database.insert(table, list(rows[0]), body, form="JSONEachRow", token=table)
    assert await database.rows(has_split(TENANT)) == []
    unsplit, view = [
        await database.rows(f"SELECT {columns} FROM {source} ORDER BY session_id")
        for columns, source in (
            (COLUMNS, f"({whole_sessions(TENANT, split=False)})"),
            (OF_VIEW, f"sessions WHERE {TENANT}"),
        )
    ]
    assert {row[COLUMNS.split(", ").index("crashed")] for row in view} == {0, 1}
    assert unsplit == view
    assert len(view) > 10
