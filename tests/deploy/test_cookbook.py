"""The cookbook: each query as an analyst's, against the same counted by hand on a generated history."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
import pytest

from deploy.nouns import views
from projections.clickhouse.migrations import split
from projections.clickhouse.views import read_views
from tests.deploy.analysts_world import BUILDS, DAY_MS, GAME, OTHER, PASSWORD, STEPS, STUDIO, History, write

pytestmark = pytest.mark.stack
COOKBOOK: Final = {
    path.stem: path for folder in views() for path in (folder.parent / "cookbook").glob("*.sql")
}
UNTIL_MS: Final = 1_780_500_000_000
TIMES: Final = 5.0
Rows = list[list[Any]]


def day(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def retention(history: History) -> Rows:
    rows: Rows = []
    for number in (1, 3, 7):
        eligible, retained = set(), set()
        for player, first in history.firsts().items():
            begin, end = first + number * DAY_MS, first + (number + 1) * DAY_MS
            if end <= UNTIL_MS:
                eligible.add(player)
                if any(one.player == player and begin <= one.begin < end for one in history.sessions):
                    retained.add(player)
        rate = round(len(retained) / len(eligible), 4) if eligible else None
        rows.append([number, len(eligible), len(retained), rate])
    return rows


def funnel(history: History) -> Rows:
    first: dict[tuple[str, str], int] = {}
    for player, step, at in history.steps:
        first[player, step] = min(first.get((player, step), at), at)
    rows: Rows = []
    for place, step in enumerate(STEPS):
        here = {player for player, reached in first if reached == step}
        before = {player for player in here if place and (player, STEPS[place - 1]) in first}
        took = [(first[player, step] - first[player, STEPS[place - 1]]) / 1000 for player in before]
        rows.append([place + 1, step, len(here), len(before), round(median(took), 6) if took else None])
    return rows


def churn_by_build(history: History) -> Rows:
    last = {one.player: one for one in sorted(history.sessions, key=lambda one: one.begin)}
    ends: dict[str, int] = defaultdict(int)
    for one in history.sessions:
        ends[one.player] = max(ends[one.player], one.end)
    rows: Rows = []
    for place, build in enumerate(BUILDS):
        players = [player for player, one in last.items() if one.build == build]
        churned = [player for player in players if ends[player] < UNTIL_MS - 7 * DAY_MS]
        if players:
            rows.append([place + 1, build, len(players), len(churned), round(len(churned) / len(players), 4)])
    return rows


def fps_by_gpu(history: History) -> Rows:
    rows: Rows = []
    for gpu in {history.gpus[player] for player, *_ in history.frames}:
        frames = [one for one in history.frames if history.gpus[one[0]] == gpu]
        points = sum(one[3] for one in frames)
        mean = sum(one[1] * one[3] for one in frames) / points
        players = len({one[0] for one in frames})
        rows.append([gpu, players, len(frames), round(mean, 3), round(min(one[2] for one in frames), 3)])
    return sorted(rows, key=lambda row: row[3])


def cohort(history: History) -> Rows:
    def monday(at_ms: int) -> datetime:
        at = day(at_ms).replace(hour=0, minute=0, second=0, microsecond=0)
        return at - timedelta(days=at.weekday())

    firsts = history.firsts()
    seen = {
        (monday(firsts[one.player]), (monday(one.begin) - monday(firsts[one.player])).days // 7, one.player)
        for one in history.sessions
    }
    counted = Counter((begin, week) for begin, week, _ in seen)
    return [[f"{begin:%Y-%m-%d}", week, counted[begin, week]] for begin, week in sorted(counted)]


def economy(history: History) -> Rows:
    groups: dict[tuple[str, str, str], list[tuple[str, int]]] = defaultdict(list)
    for player, at_ms, cause, key, amount in history.moves:
        if key == "gold":
            groups[f"{day(at_ms):%Y-%m-%d}", key, cause].append((player, amount))
    return [
        [
            *named,
            len({player for player, _ in moves}),
            sum(amount for _, amount in moves if amount > 0),
            -sum(amount for _, amount in moves if amount < 0),
        ]
        for named, moves in sorted(groups.items())
    ]


def cheat_hunt(history: History) -> Rows:
    before: dict[str, float] = defaultdict(float)
    largest: dict[str, tuple[float, int]] = {}
    for player, at_ms, score in history.scores:
        gain = score - before[player]
        before[player] = score
        if player not in largest or gain > largest[player][0]:
            largest[player] = (gain, at_ms)
    usual = median(gain for gain, _ in largest.values())
    return [
        ["frags", player, f"{day(at_ms):%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03d}", gain, round(gain / usual, 2)]
        for player, (gain, at_ms) in sorted(largest.items())
        if gain > usual * TIMES
    ]


def crate_odds(history: History) -> Rows:
    drawn = Counter(row for _, row in history.openings)
    total, chances = len(history.openings), (0.9, 0.1)
    return [
        [
            row,
            count,
            chances[row],
            round(count / total, 4),
            round((count - total * chances[row]) / (total * chances[row] * (1 - chances[row])) ** 0.5, 3),
        ]
        for row, count in sorted(drawn.items())
    ]


BY_HAND: Final[dict[str, Callable[[History], Rows]]] = {
    one.__name__: one
    for one in (retention, funnel, churn_by_build, fps_by_gpu, cohort, economy, cheat_hunt, crate_odds)
}
_histories: dict[str, History] = {}


@pytest.fixture
async def history(clickhouse_url: str, clickhouse_home: Path) -> History:
    """Of stu_1, where ann reads; another studio has all of its sessions too, in the same game."""
    if clickhouse_url not in _histories:
        owner, _histories[clickhouse_url] = await write(
            clickhouse_url, clickhouse_home, [("ann-cooks", STUDIO)]
        )
        for table in ("session_parts", "funnel_steps", "performance", "players", "liveops_ledger"):
            await owner.command(
                f"INSERT INTO {table} SELECT * REPLACE ('{OTHER}' AS studio_id{_twice(table)}) FROM {table}"
            )
        await owner.close()
    return _histories[clickhouse_url]


def _twice(table: str) -> str:
    """What else another studio's row must have, not to be taken for the first one's."""
    return ", number + 1000000 AS number" if table == "liveops_ledger" else ""


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
    answer = httpx.post(
        f"http://{clickhouse_url.split('@')[1]}/",
        auth=("ann-cooks", PASSWORD),
        params={
            "param_game": GAME,
            "param_until": f"{day(UNTIL_MS):%Y-%m-%d %H:%M:%S}",
            "param_times": str(TIMES),
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
    assert got == [list(map(near, row)) for row in expected]


def near(cell: Any) -> Any:
    """Halves are rounded otherwise in SQL: what was rounded agrees to within one of its last place."""
    return pytest.approx(cell, abs=0.0011) if isinstance(cell, float) else cell
