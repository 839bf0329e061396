"""Rollups over sessions: a game's counts, a build, a tester, event names.

Sums, means and medians are taken over exact seconds and rounded once, at the end, halves up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from projections.telemetry.queries import event_names
from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.sessions import RECORDED
from projections.telemetry.sessions import OTHER_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries.client import Queries
    from projections.telemetry.queries.sessions import Session


class GameCounts(msgspec.Struct, frozen=True):
    """How many sessions, named builds and known devices a game has."""

    sessions: int
    builds: int
    testers: int


class Stats(msgspec.Struct, frozen=True):
    """Seconds over sessions, wall and active, rounded to integers, and a rate of 2 places."""

    total_wall: int
    total_active: int
    avg_wall: int
    avg_active: int
    median_wall: int
    median_active: int
    engagement_rate: float


class BuildRollup(msgspec.Struct, frozen=True):
    """A build's sessions together. Times are unix milliseconds; `country` is the latest one known."""

    sessions: int
    devices: int
    first_seen: int
    last_seen: int
    stats: Stats
    country: str | None


class TesterRollup(msgspec.Struct, frozen=True):
    """A device's sessions together; place and build are those of the latest session that has one."""

    sessions: int
    first_seen: int
    last_seen: int
    stats: Stats
    last_build: str | None
    country: str | None
    region: str | None
    city: str | None


def rounded(value: float) -> int:
    """To the nearest integer, halves up."""
    return math.floor(value + 0.5)


def engagement(active: float, wall: float) -> float:
    """Active / wall to 2 places, halves up; 0 where wall is 0."""
    return math.floor(active / wall * 100 + 0.5) / 100 if wall > 0 else 0.0


def stats(wall: Sequence[float], active: Sequence[float]) -> Stats:
    """Statistics over parallel lists of seconds, one entry a session; not empty."""
    total_wall, total_active = math.fsum(wall), math.fsum(active)
    return _stats(len(wall), total_wall, total_active, _median(wall), _median(active))


async def game_counts(queries: Queries, studio_id: str, game_id: str) -> GameCounts:
    """Counts of a game; all zero where nothing was sent yet."""
    conditions = Conditions(studio_id).equal("game_id", "game", game_id)
    rows = await queries.query(
        "SELECT count(), uniqExactIf(build_id, build_id != ''), uniqExactIf(player_id, player_id != '') "  # noqa: S608
        f"FROM sessions WHERE {conditions}",
        conditions.parameters,
    )
    return GameCounts(*rows[0])


async def build_rollup(
    queries: Queries, studio_id: str, game_id: str, build: str, environment: str | None
) -> BuildRollup | None:
    """The rollup of a build, or None where it has no session (in that environment, where one is given)."""
    conditions = (
        Conditions(studio_id)
        .equal("game_id", "game", game_id)
        .equal("build_id", "build", build)
        .equal("environment", "environment", environment)
    )
    rows = await queries.query(
        "SELECT count() AS n, uniqExactIf(player_id, player_id != ''), min(recorded), max(last_at), "  # noqa: S608
        "sum(wall), sum(active), quantileExactInclusive(0.5)(wall), quantileExactInclusive(0.5)(active), "
        "argMaxIf(country, (last_at, session_id), country != '') "
        f"FROM (SELECT player_id, session_id, country, {RECORDED} AS recorded, duration_ms / 1000 AS wall, "
        "active_ms / 1000 AS active, toUnixTimestamp64Milli(last_event_at) AS last_at "
        f"FROM sessions WHERE {conditions} AND session_id IN (SELECT session_id FROM session_parts "
        "WHERE studio_id = {studio:String} AND game_id = {game:String} AND build_id = {build:String}))",
        conditions.parameters,
    )
    n, devices, first_seen, last_seen, wall, active, median_wall, median_active, country = rows[0]
    if n == 0:
        return None
    return BuildRollup(
        sessions=n,
        devices=devices,
        first_seen=first_seen,
        last_seen=last_seen,
        stats=_stats(n, wall, active, median_wall, median_active),
        country=country or None,
    )


def tester_rollup(sessions: Sequence[Session]) -> TesterRollup:
    """The rollup of a device from its sessions, newest recordedAt first, not empty."""

    def latest(name: str) -> str | None:
        return next((value for session in sessions if (value := getattr(session, name))), None)

    return TesterRollup(
        sessions=len(sessions),
        first_seen=min(session.recorded_at for session in sessions),
        last_seen=max(session.last_event_at for session in sessions),
        stats=stats(
            [session.wall_seconds for session in sessions], [session.active_seconds for session in sessions]
        ),
        last_build=latest("build"),
        country=latest("country"),
        region=latest("region"),
        city=latest("city"),
    )


def _stats(n: int, wall: float, active: float, median_wall: float, median_active: float) -> Stats:
    return Stats(
        total_wall=rounded(wall),
        total_active=rounded(active),
        avg_wall=rounded(wall / n),
        avg_active=rounded(active / n),
        median_wall=rounded(median_wall),
        median_active=rounded(median_active),
        engagement_rate=engagement(active, wall),
    )


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


class EventFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a game's sessions to sum; None means all. Bounds on recordedAt are inclusive."""

    studio_id: str
    game_id: str
    build: str | None = None
    environment: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def every(self) -> bool:
        """Whether all of the game's sessions are meant."""
        return (self.build, self.environment, self.since_ms, self.until_ms) == (None,) * 4


class EventCounts(msgspec.Struct, frozen=True):
    """How often each event name occurred in how many sessions.

    Names by count descending, then by name; of more than NAMES_MAX the rest is one, `(other)`, at the end.
    """

    sessions: int
    total: int
    by_name: list[tuple[str, int]]

    def weight(self) -> int:
        """Approximate bytes held."""
        return 500 + sum(150 + len(name) for name, _ in self.by_name)


async def event_counts(queries: Queries, filters: EventFilters) -> EventCounts:
    """Sum the sessions' event counts; zero and empty where there are none."""
    conditions = (
        Conditions(filters.studio_id)
        .equal("game_id", "game", filters.game_id)
        .equal("build_id", "build", filters.build)
        .equal("environment", "environment", filters.environment)
        .between(RECORDED, filters.since_ms, filters.until_ms)
    )
    # Parts add up to sessions, and reading them alone is ten times cheaper; filters are about whole sessions.
    chosen = f" AND session_id IN (SELECT session_id FROM sessions WHERE {conditions})"  # noqa: S608
    if filters.every():
        chosen = ""
    rows = await queries.query(
        "WITH sumMap(event_counts) AS counts, arraySort(pair -> (-toInt128(pair.2), pair.1), "  # noqa: S608
        "CAST(counts, 'Array(Tuple(String, UInt64))')) AS ordered "
        f"SELECT uniqExact(session_id), mapContains(counts, '{OTHER_NAMES}'), arraySum(mapValues(counts)), "
        f"arraySlice(ordered, 1, {event_names.NAMES_MAX}) FROM session_parts FINAL "
        f"WHERE studio_id = {{studio:String}} AND game_id = {{game:String}} AND notEmpty(spans){chosen}",
        conditions.parameters,
    )
    sessions, over, total, pairs = rows[0]
    by_name = event_names.cut([(name, int(times)) for name, times in pairs], total)
    if over:
        by_name, total = await event_names.counted(queries, conditions.parameters, chosen)
    return EventCounts(sessions, total, by_name)
