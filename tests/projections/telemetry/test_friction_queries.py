"""Builds compared and journeys told from a generated log, against the same counted by hand."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from projections.telemetry.queries import journeys
from projections.telemetry.queries.build_compare import BuildFriction, TagFigures, builds_friction
from projections.telemetry.queries.client import ClickHouseQueries
from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.friction_counts import tag_counts
from projections.telemetry.queries.session_rollups import Stats
from tests.projections.telemetry.projecting import apply
from tests.projections.telemetry.raw_sessions import (
    BUILDS,
    DEVICES,
    ENVIRONMENTS,
    FRICTION,
    HANDLES,
    PRAISE,
    RawSession,
    generate,
    half_up,
)
from tests.projections.telemetry.support import GAME, STUDIO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack

SCOPES = (None, *ENVIRONMENTS)
ASKED = (*DEVICES[:4], *sorted({*HANDLES} - {*DEVICES}), "nobody")


@pytest.fixture
async def queries(database: ClickHouse, clickhouse_url: str) -> AsyncIterator[ClickHouseQueries]:
    client = ClickHouseQueries(clickhouse_url, database.database)
    yield client
    await client.close()


async def test_every_figure_is_the_one_that_the_events_give(
    database: ClickHouse, queries: ClickHouseQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, sessions = generate(seed=5, sessions=100)
    await apply(database, log)
    written = await _written(database)
    for session in sessions:
        own = Counter((row["type"], row["tag"]) for row in written.get(session.given_id, []))
        assert own == session.findings(), session.given_id
        assert {row["player_id"] for row in written.get(session.given_id, [])} <= {session.device}
    for scope in SCOPES:
        chosen = [session for session in sessions if scope in {None, session.environment}]
        found = await builds_friction(queries, STUDIO, GAME, list(BUILDS), scope)
        expected = {
            build: _friction(build, chosen, written)
            for build in BUILDS
            if any(session.build == build for session in chosen)
        }
        assert found == expected
        assert "unseen" not in found
        conditions = Conditions(STUDIO).equal("game_id", "game", GAME).equal("environment", "e", scope)
        assert await tag_counts(queries, conditions) == _counts(chosen)
        for tester in ASKED if scope != "production" else ():
            for parts_max in (journeys._PARTS_MAX, 1):  # 1: as if there were more than are told
                monkeypatch.setattr(journeys, "_PARTS_MAX", parts_max)
                told = await journeys.journey(queries, STUDIO, GAME, tester, scope)
                _check_journey(told, _sessions_of(tester, sessions, scope), written)
            monkeypatch.undo()


async def _written(database: ClickHouse) -> dict[str, list[dict[str, Any]]]:
    names = ("session_id", "insight_id", "type", "tag", "player_id", "confidence", "evidence", "place")
    rows = await database.rows(f"SELECT {', '.join(names)} FROM insights FINAL WHERE removed = 0")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(dict(zip(names, row, strict=True)))
    return found


def _friction(
    build: str, sessions: Sequence[RawSession], written: dict[str, list[dict[str, Any]]]
) -> BuildFriction:
    analyzed = [session for session in sessions if session.build == build and session.closed]
    if not analyzed:
        return BuildFriction(version=build)
    tags = []
    for (kind, tag), insights in _total(analyzed).items():
        if kind not in FRICTION:
            continue
        rows = [row for one in analyzed for row in written[one.given_id] if row["tag"] == tag]
        rows.sort(key=lambda row: (-row["confidence"], row["insight_id"]))
        testers = len({one.device for one in analyzed if (kind, tag) in one.findings()})
        tags.append(TagFigures(tag, kind, testers, insights, [row["evidence"] for row in rows[:3]]))
    return BuildFriction(
        version=build,
        testers=len({session.device for session in analyzed}),
        sessions=len(analyzed),
        first_seen=min(session.recorded_at for session in analyzed),
        last_seen=max(session.times[-1] for session in analyzed),
        stats=_stats(analyzed),
        tags=sorted(tags, key=lambda one: (-one.testers, -one.insights, one.tag)),
    )


def _total(sessions: Sequence[RawSession]) -> Counter[tuple[str, str]]:
    total: Counter[tuple[str, str]] = Counter()
    for session in sessions:
        total += session.findings()
    return total


def _stats(sessions: Sequence[RawSession]) -> Stats:
    walls = [Fraction(session.wall_ms, 1000) for session in sessions]
    actives = [Fraction(session.active_ms, 1000) for session in sessions]
    wall, active = sum(walls, Fraction(0)), sum(actives, Fraction(0))
    return Stats(
        total_wall=half_up(wall),
        total_active=half_up(active),
        avg_wall=half_up(wall / len(walls)),
        avg_active=half_up(active / len(actives)),
        median_wall=half_up(median(walls)),
        median_active=half_up(median(actives)),
        engagement_rate=half_up(100 * active / wall) / 100 if wall else 0.0,
    )


def _counts(sessions: Sequence[RawSession]) -> list[tuple[str, str, int]]:
    devices: dict[tuple[str, str], set[str]] = {}
    for session in sessions:
        for key in session.findings():
            if key[0] in {*FRICTION, *PRAISE}:
                devices.setdefault(key, set()).add(session.device)
    counts = [(kind, tag, len(found)) for (kind, tag), found in devices.items()]
    return sorted(counts, key=lambda one: (-one[2], one[1], one[0]))


def _sessions_of(tester: str, sessions: Sequence[RawSession], scope: str | None) -> list[RawSession]:
    """By handle first; a handle that is the session's own device is none."""

    def handle(session: RawSession) -> str | None:
        return None if session.handle == session.device else session.handle

    named = [session for session in sessions if handle(session) == tester]
    devices = {session.device for session in named}
    chosen = [
        session
        for session in sessions
        if (handle(session) == tester or (handle(session) is None and session.device in devices))
    ]
    if not named:
        chosen = [session for session in sessions if session.device == tester]
    chosen = [session for session in chosen if scope in {None, session.environment}]
    return sorted(chosen, key=lambda session: (session.recorded_at, session.id))


def _check_journey(
    told: journeys.Journey | None, expected: list[RawSession], written: dict[str, list[dict[str, Any]]]
) -> None:
    if not expected:
        assert told is None
        return
    assert told is not None
    assert [session.id for session in told.sessions] == [session.id for session in expected]
    for shown, raw in zip(told.sessions, expected, strict=True):
        assert (shown.recorded_at, shown.wall_ms, shown.active_ms) == (
            raw.recorded_at,
            raw.wall_ms,
            raw.active_ms,
        )
        assert (shown.build, shown.environment) == (raw.build, raw.environment)
        assert shown.status == ("analyzed" if raw.closed else "pending")
        ids = {row["insight_id"] for row in written.get(raw.given_id, [])}
        assert {insight.id for insight in told.insights.get(raw.id, [])} == ids
    assert told.totals.sessions == len(expected)
    assert told.totals.active_ms == sum(session.active_ms for session in expected)
    handles = [one.handle for one in expected if one.handle not in {None, one.device}]
    assert told.handle == (handles[-1] if handles else None)
    assert told.trend == _trend([session.active_ms for session in expected if session.closed])


def _trend(active: list[int]) -> str:
    if len(active) < 6:
        return "insufficient_data"
    first, last = Fraction(sum(active[:3]), 3), Fraction(sum(active[-3:]), 3)
    if first == last == 0:
        return "flat"
    if 4 * last >= 5 * first:
        return "rising"
    return "declining" if 4 * last <= 3 * first else "flat"
