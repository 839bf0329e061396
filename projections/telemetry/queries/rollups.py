"""How much a game has: sessions, builds, testers, and events by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from projections.telemetry.queries import event_names
from projections.telemetry.queries.filters import HAS_EVENTS, Conditions
from projections.telemetry.queries.sessions import RECORDED
from projections.telemetry.sessions import OTHER_NAMES

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries


class GameCounts(msgspec.Struct, frozen=True):
    """How many sessions, named builds and known devices a game has."""

    sessions: int
    builds: int
    testers: int


async def game_counts(queries: Queries, studio_id: str, game_id: str) -> GameCounts:
    """Counts of a game; all zero where nothing was sent yet."""
    conditions = Conditions(studio_id).equal("game_id", "game", game_id)
    rows = await queries.query(
        "SELECT count(), uniqExactIf(build_id, build_id != ''), uniqExactIf(player_id, player_id != '') "  # noqa: S608
        f"FROM sessions WHERE {conditions}",
        conditions.parameters,
    )
    return GameCounts(*rows[0])


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
        f"WHERE studio_id = {{studio:String}} AND game_id = {{game:String}} AND {HAS_EVENTS}{chosen}",
        conditions.parameters,
    )
    sessions, over, total, pairs = rows[0]
    by_name = event_names.cut([(name, int(times)) for name, times in pairs], total)
    if over:
        by_name, total = await event_names.counted(queries, conditions.parameters, chosen)
    return EventCounts(sessions, total, by_name)
