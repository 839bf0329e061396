"""Which builds, environments, platforms and countries a game has ever sent, for the pickers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from projections.telemetry.queries.dashboard_common import Query

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILDS_MAX = 200
ENVIRONMENTS_MAX = 50
PLACES_MAX = 300
"""Platforms, and countries, of which there are some 250."""
SESSIONS_MIN = 5
"""A build of fewer sessions says little."""


class Choices(msgspec.Struct, frozen=True):
    """Builds by latest activity, newest first; environments, platforms and countries by name.

    `small` are those of the builds that have fewer than 5 sessions: nothing compares them by itself.
    """

    builds: list[str]
    environments: list[str]
    platforms: list[str]
    countries: list[str]
    small: list[str]


def choices_query(studio_id: str, game_id: str) -> Query:
    """Rows (build_id, environment, seen in unix seconds, sessions, their platforms, their countries)."""
    tenant = "studio_id = {studio:String} AND game_id = {game:String}"
    nothing = "CAST([], 'Array(String)') AS platforms, CAST([], 'Array(String)') AS countries"
    return Query(
        f"""
        SELECT build_id, environment, max(seen) AS seen, max(sessions) AS sessions,
               groupUniqArrayArray({PLACES_MAX})(platforms) AS platforms,
               groupUniqArrayArray({PLACES_MAX})(countries) AS countries FROM
        (
            SELECT build_id, environment, toInt64(toUnixTimestamp(max(toStartOfMinute(occurred_at)))) AS seen,
                   toUInt64(0) AS sessions, {nothing}
            FROM events WHERE {tenant} GROUP BY build_id, environment
            UNION ALL
            SELECT build_id, environment, toInt64(0) AS seen, toUInt64(0) AS sessions, {nothing}
            FROM positions WHERE {tenant} GROUP BY build_id, environment HAVING count() > 0
            UNION ALL
            SELECT build_id, environment, intDiv(toUnixTimestamp64Milli(max(occurred_at)), 1000) AS seen,
                   toUInt64(0) AS sessions, {nothing}
            FROM funnel_steps WHERE {tenant} GROUP BY build_id, environment
            UNION ALL
            SELECT build_id, environment, toInt64(0) AS seen, uniq(session_id) AS sessions,
                   groupUniqArray({PLACES_MAX})(toString(platform)) AS platforms,
                   groupUniqArray({PLACES_MAX})(country) AS countries
            FROM session_parts WHERE {tenant} AND notEmpty(spans) GROUP BY build_id, environment
        )
        GROUP BY build_id, environment ORDER BY seen DESC, build_id DESC LIMIT 1000
        """,  # noqa: S608 - the text holds placeholders only
        {"studio": studio_id, "game": game_id},
    )


def read_choices(rows: Sequence[dict[str, Any]]) -> Choices:
    """Fold the rows of `choices_query`."""
    builds = dict.fromkeys(str(row["build_id"]) for row in rows)
    environments = {str(row["environment"]) for row in rows}
    sessions: Counter[str] = Counter()
    for row in rows:
        sessions[str(row["build_id"])] += int(row["sessions"])
    shown = list(builds)[:BUILDS_MAX]
    return Choices(
        builds=shown,
        environments=sorted(environments)[:ENVIRONMENTS_MAX],
        platforms=_sent(rows, "platforms"),
        countries=_sent(rows, "countries"),
        small=[build for build in shown if sessions[build] < SESSIONS_MIN],
    )


def _sent(rows: Sequence[dict[str, Any]], column: str) -> list[str]:
    return sorted({str(value) for row in rows for value in row[column]} - {""})[:PLACES_MAX]
