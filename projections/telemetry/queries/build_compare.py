"""Two builds' friction side by side, over the insights of analyzed sessions.

A session is analyzed where it has a `session-summary`, whose row carries what is summed of the session: so
a comparison reads one table.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.session_rollups import Stats, stats_of
from schemas.telemetry.friction import FRICTION_TYPES

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

TAGS_MAX: Final = 10_000
"""Of one build: those of most testers."""
EXAMPLES_MAX: Final = 3


class TagFigures(msgspec.Struct, frozen=True):
    """A tag in a build: how many testers met it how often, and the most certain findings' sentences."""

    tag: str
    type: str
    testers: int
    insights: int
    examples: list[str]


class BuildFriction(msgspec.Struct, frozen=True, kw_only=True):
    """A build's analyzed sessions; without any all is zero, None or empty. Times are unix milliseconds.

    `tags` by testers, then insights, descending, then by tag.
    """

    version: str
    testers: int = 0
    sessions: int = 0
    first_seen: int | None = None
    last_seen: int | None = None
    stats: Stats = Stats()
    tags: list[TagFigures] = []


_SUMMED: Final = (
    "SELECT build_id, count(), uniqExactIf(player_id, player_id != ''), "
    "toUnixTimestamp64Milli(min(recorded_at)), toUnixTimestamp64Milli(max(created_at)), sum(wall_ms), "
    "sum(active_ms), quantileExactInclusive(0.5)(wall_ms), quantileExactInclusive(0.5)(active_ms) "
    "FROM insights FINAL WHERE {conditions} AND type = 'session-summary' GROUP BY build_id"
)
_TAGS: Final = (
    "SELECT build_id, tag, min(type), uniqExactIf(player_id, player_id != '') AS testers, count() AS n, "
    "arrayMap(one -> one.3, "
    "arraySlice(arraySort(groupArray((-confidence, insight_id, evidence))), 1, {most})) "
    "FROM insights FINAL WHERE {conditions} AND type IN {{types:Array(String)}} GROUP BY build_id, tag "
    "HAVING testers > 0 ORDER BY testers DESC, n DESC, tag LIMIT {tags} BY build_id"
)


_WITH_SESSIONS: Final = (
    "SELECT DISTINCT build_id FROM sessions WHERE {conditions} AND session_id IN (SELECT session_id "
    "FROM session_parts WHERE studio_id = {{studio:String}} AND game_id = {{game:String}} "
    "AND build_id IN {{builds:Array(String)}})"
)


async def builds_friction(
    queries: Queries, studio_id: str, game_id: str, versions: list[str], environment: str | None
) -> dict[str, BuildFriction]:
    """The friction of each of these builds that has a session in the environment (None: in any)."""
    conditions = _of_builds(studio_id, game_id, versions, environment)
    analyzed = f"{conditions} AND removed = 0"
    summed, tagged = await asyncio.gather(
        queries.query(_SUMMED.format(conditions=analyzed), conditions.parameters),
        queries.query(
            _TAGS.format(conditions=analyzed, most=EXAMPLES_MAX, tags=TAGS_MAX),
            conditions.parameters | {"types": list(FRICTION_TYPES)},
        ),
    )
    tags: dict[str, list[TagFigures]] = {}
    for build, *figures in tagged:
        tags.setdefault(build, []).append(TagFigures(*figures))
    found = {row[0]: _build(row[0], row[1:], tags.get(row[0], [])) for row in summed}
    if len(found) < len(versions):
        known = await builds_with_sessions(queries, studio_id, game_id, versions, environment)
        found = {build: BuildFriction(version=build) for build in known} | found
    return found


async def builds_with_sessions(
    queries: Queries, studio_id: str, game_id: str, versions: list[str], environment: str | None
) -> set[str]:
    """Those of the builds that have a session, analyzed or not, in the environment (None: in any)."""
    conditions = _of_builds(studio_id, game_id, versions, environment)
    rows = await queries.query(_WITH_SESSIONS.format(conditions=conditions), conditions.parameters)
    return {build for (build,) in rows}


def _of_builds(studio_id: str, game_id: str, versions: list[str], environment: str | None) -> Conditions:
    return (
        Conditions(studio_id)
        .equal("game_id", "game", game_id)
        .holds("build_id IN {builds:Array(String)}", builds=versions)
        .equal("environment", "environment", environment)
    )


def _build(version: str, sums: list[Any], tags: list[TagFigures]) -> BuildFriction:
    sessions, testers, first_seen, last_seen, *totals = sums
    return BuildFriction(
        version=version,
        testers=testers,
        sessions=sessions,
        first_seen=first_seen,
        last_seen=last_seen,
        stats=stats_of(sessions, *totals),
        tags=tags,
    )
