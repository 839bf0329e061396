"""Active players and retention against a count by hand, and the moments that charts are marked with."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec
import pytest

from projections.telemetry.queries.dashboard_annotations import (
    Annotation,
    first_builds_query,
    read_annotations,
)
from projections.telemetry.queries.dashboard_days import (
    BACK_DAYS,
    DAY_MS,
    DAYS_MIN,
    active_query,
    read_active,
    read_retention,
    retention_query,
    shown_days,
)
from tests.projections.telemetry.test_dashboard_queries import FILTERS, NOON_MS, asked, fill, queries, session

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from projections.telemetry.queries.client import ClickHouseQueries

__all__ = ["queries"]
NOW_MS = NOON_MS + 3_600_000
DAY_MINUTES = 1440


@pytest.mark.stack
async def test_players_are_counted_by_day_and_by_who_came_back(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    chance = random.Random(11)
    played = {
        (f"p{chance.randrange(25)}", chance.randrange(-70 * DAY_MINUTES, 50) + chance.random())
        for _ in range(300)
    }
    rows = [session(minute, minute + 1, player) for player, minute in played]
    await fill(database, "session_parts", rows)
    times = [(row["player_id"], row["first_event_at"]) for row in rows]

    found = read_active(FILTERS, await asked(queries, active_query(FILTERS)))
    assert found.t == [day * 86_400 for day in shown_days(FILTERS)]
    assert (len(found.t), found.t[-1]) == (DAYS_MIN, NOON_MS // DAY_MS * 86_400)
    for span, counts in ((1, found.day), (7, found.week), (30, found.month)):
        assert counts == [
            len({who for who, at in times if 0 <= start // 86_400 - at // DAY_MS < span}) for start in found.t
        ]
    assert max(found.day) < max(found.week) < max(found.month)

    retention = read_retention(await asked(queries, retention_query(FILTERS, NOW_MS)))
    firsts: dict[str, int] = {}
    for who, at in times:
        firsts[who] = min(at, firsts.get(who, at))
    shown = shown_days(FILTERS)
    cohorts = sorted({at // DAY_MS for at in firsts.values() if at // DAY_MS in shown}, reverse=True)
    assert [cohort.t for cohort in retention.cohorts] == [day * 86_400 for day in cohorts]
    for cohort in retention.cohorts:
        players = {who: at for who, at in firsts.items() if at // DAY_MS * 86_400 == cohort.t}
        assert cohort.players == len(players)
        for day, back in zip(BACK_DAYS, cohort.back, strict=True):
            due = {who: at for who, at in players.items() if at + (day + 1) * DAY_MS <= NOW_MS}
            came = {
                who for who, at in times if who in due and day * DAY_MS <= at - due[who] < (day + 1) * DAY_MS
            }
            assert (back.day, back.eligible, back.retained) == (day, len(due), len(came))
    for place, total in enumerate(retention.all):
        assert total.retained == sum(cohort.back[place].retained for cohort in retention.cohorts)


def test_no_sessions_are_no_cohorts_and_days_without_players() -> None:
    assert read_retention([]).cohorts == []
    empty = read_active(FILTERS, [])
    assert (len(empty.t), set(empty.day)) == (DAYS_MIN, {0})
    year = msgspec.structs.replace(FILTERS, since_ms=NOON_MS - 364 * DAY_MS)
    assert len(shown_days(year)) == 365


@pytest.mark.stack
async def test_builds_mark_their_first_session_and_a_definition_its_moments(
    database: ClickHouse, queries: ClickHouseQueries
) -> None:
    rows = [session(-5, 1, "p1", "old"), session(9, 12, "p1", "old"), session(10, 12, "p2", "new"),
            session(20, 21, "p3", "new"), session(61, 62, "p4", "later"),
            session(3, 4, "p5", "")]  # fmt: skip
    await fill(database, "session_parts", rows)
    declared = [
        {"at": "2027-01-15T12:05:00Z", "text": "Stream"},
        {"at": "2027-01-15T13:00:00Z", "text": "After"},
    ]
    assert FILTERS.since_ms == 1_800_014_400_000  # noon of that day
    found = read_annotations(FILTERS, await asked(queries, first_builds_query(FILTERS)), declared)
    assert found == [
        Annotation(NOON_MS + 5 * 60_000, "Stream", "definition"),
        Annotation(NOON_MS + 10 * 60_000, "new first seen", "build"),
    ]
