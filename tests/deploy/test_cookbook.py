"""The cookbook: each query as an analyst's, against the same counted by hand on a generated history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from deploy.nouns import views
from projections.clickhouse.migrations import split
from projections.clickhouse.views import read_views
from tests import plain_http
from tests.deploy.analysts_world import GAME, OTHER, PASSWORD, STUDIO, History, write
from tests.deploy.cookbook_by_hand import BY_HAND, CELL, PLAYER, ROOM, TIMES, UNTIL_MS, day

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack
COOKBOOK: Final = {
    path.stem: path for folder in views() for path in (folder.parent / "cookbook").glob("*.sql")
}
COPIED: Final = (
    *("session_parts", "funnel_steps", "performance", "players", "events", "positions", "feedback"),
    *("liveops_ledger", "liveops_scores"),
)
_histories: dict[str, History] = {}


@pytest.fixture
async def history(clickhouse_url: str, clickhouse_home: Path) -> History:
    """Of stu_1, where ann reads; another studio has all of its sessions too, in the same game."""
    if clickhouse_url not in _histories:
        owner, _histories[clickhouse_url] = await write(
            clickhouse_url, clickhouse_home, [("ann-cooks", STUDIO)]
        )
        await answer(owner, _histories[clickhouse_url])
        for table in COPIED:
            await owner.command(
                f"INSERT INTO {table} SELECT * REPLACE ('{OTHER}' AS studio_id{_twice(table)}) FROM {table}"
            )
        await owner.close()
    return _histories[clickhouse_url]


def _twice(table: str) -> str:
    """What else another studio's row must have, not to be taken for the first one's."""
    return {
        "liveops_ledger": ", number + 1000000 AS number",
        "liveops_scores": ", _offset + 1000000 AS _offset",
    }.get(table, "")


async def answer(owner: ClickHouse, history: History) -> None:
    """Every second session with a variant ends with feedback."""
    for number, one in enumerate([one for one in history.sessions if one.variant][::2]):
        told = [("fun", f"{number % 5 + 1}"), ("again", ("yes", "no")[number % 2])]
        history.answers += [(one.id, *answered) for answered in told]
        answers = json.dumps(
            [{"fieldId": field, "value": int(said) if said.isdigit() else said} for field, said in told]
        )
        await owner.command(
            "INSERT INTO feedback (studio_id, game_id, form_id, submission_id, session_id, player_id,"
            " answers)"
            f" VALUES ('{STUDIO}', '{GAME}', 'ff_end', 'sub-{number}', '{one.id}', '{one.player}',"
            f" '{answers}')"
        )


def test_every_query_is_counted_by_hand_and_told_of_in_words() -> None:
    assert sorted(COOKBOOK) == sorted(BY_HAND)
    known = {view.name for view in read_views(views())}
    for name, path in COOKBOOK.items():
        prose = [line for line in path.read_text().splitlines() if line.startswith("--")]
        assert len(prose) >= 4, name
        assert prose[-1].startswith("-- Parameters: game"), name
        assert any(view in path.read_text() for view in known)


@pytest.mark.parametrize("name", BY_HAND)
def test_a_query_says_what_is_counted_by_hand(history: History, clickhouse_url: str, name: str) -> None:
    (query,) = split(COOKBOOK[name].read_text())
    answer = plain_http.post(
        f"http://{clickhouse_url.split('@')[1]}/",
        auth=("ann-cooks", PASSWORD),
        params={
            "param_game": GAME,
            "param_until": f"{day(UNTIL_MS):%Y-%m-%d %H:%M:%S}",
            "param_times": str(TIMES),
            "param_player": PLAYER,
            "param_room": ROOM,
            "param_cell": str(CELL),
            "default_format": "JSONCompactEachRow",
            "output_format_json_quote_64bit_integers": "0",
        },
        content=query,
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    got = [json.loads(line) for line in answer.text.splitlines()]
    expected = BY_HAND[name](history)
    assert expected
    if name == "crate_odds":
        assert len({row.pop(0) for row in got}) == 1
    elif name == "leaderboard":
        assert len({row.pop(1) for row in got}) == 1
    elif name == "player_timeline":
        assert {row[1] for row in got} == {"telemetry", "liveops"}
        got = [[row[0], *row[2:4]] for row in got if row[1] == "telemetry"]
    assert got == [list(map(near, row)) for row in expected]


def near(cell: Any) -> Any:
    """Halves are rounded otherwise in SQL: what was rounded agrees to within one of its last place."""
    return pytest.approx(cell, abs=0.0011) if isinstance(cell, float) else cell
