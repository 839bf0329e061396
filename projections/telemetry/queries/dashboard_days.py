"""Players by day: how many were active on a day, in a week, in a month, and who came back after their first.

A player is active on the UTC day of a session's `recordedAt`, as S1's sessions say it. Back on day n are
those who have a session recorded from n to n + 1 times 24 hours after their first, as experiments count it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries.dashboard_common import Filters

DAY_MS: Final = 86_400_000
DAYS_MIN: Final = 28
"""Days that are shown at least, those before the range's first if need be."""
COHORTS_MAX: Final = 60
BACK_DAYS: Final = (1, 2, 3, 7, 14, 30)
_SPANS: Final = {"day": 1, "week": 7, "month": 30}


class ActivePlayers(msgspec.Struct, frozen=True):
    """Parallel lists, one entry a UTC day. `t` is unix seconds of the day's start.

    `day`, `week` and `month` count different players of that day, and of the 7 and 30 days that end with it.
    """

    t: list[int]
    day: list[int]
    week: list[int]
    month: list[int]


class Back(msgspec.Struct, frozen=True):
    """Of the players whose day `day` is over, how many had a session on it."""

    day: int
    eligible: int
    retained: int


class Cohort(msgspec.Struct, frozen=True):
    """The players whose first session is of one UTC day. `t` is unix seconds of its start."""

    t: int
    players: int
    back: list[Back]


class Retention(msgspec.Struct, frozen=True):
    """Cohorts, the newest first, and all of them together."""

    cohorts: list[Cohort]
    all: list[Back]


def shown_days(filters: Filters) -> range:
    """The days of the range, counted from 1970, in UTC."""
    last = (filters.until_ms - 1) // DAY_MS
    return range(min(filters.since_ms // DAY_MS, last - DAYS_MIN + 1), last + 1)


def active_query(filters: Filters) -> Query:
    """Rows (t, day, week, month), one for each day that has any."""
    days = shown_days(filters)
    furthest = max(_SPANS.values())
    counts = ", ".join(f"uniqExactIf(player_id, n < {span}) AS {name}" for name, span in _SPANS.items())
    return Query(
        f"""
        SELECT (active_day + n) * 86400 AS t, {counts} FROM
        (
            SELECT DISTINCT player_id, intDiv(toUnixTimestamp64Milli(recorded_at), {DAY_MS}) AS active_day
            FROM sessions WHERE {filters.scope()} AND active_day BETWEEN {{first:Int64}} - {furthest - 1} AND {{last:Int64}}
        )
        ARRAY JOIN range({furthest}) AS n
        WHERE active_day + n BETWEEN {{first:Int64}} AND {{last:Int64}}
        GROUP BY t ORDER BY t
        """,  # noqa: S608, E501 - the text holds placeholders only
        {**filters.parameters(), "first": days[0], "last": days[-1]},
    )


def read_active(filters: Filters, rows: Sequence[dict[str, Any]]) -> ActivePlayers:
    """Put the rows of `active_query` into the range's days."""
    found = {int(row["t"]): row for row in rows}
    starts = [day * 86_400 for day in shown_days(filters)]
    columns = {name: [int(found[t][name]) if t in found else 0 for t in starts] for name in _SPANS}
    return ActivePlayers(t=starts, **columns)


def retention_query(filters: Filters, now_ms: int) -> Query:
    """Rows (cohort, players, due_n, back_n …), the newest cohort first. All of a player's sessions count."""
    days = shown_days(filters)
    counts = ", ".join(
        f"countIf(first + {(day + 1) * DAY_MS} <= {{now:Int64}}) AS due_{day}, "
        f"countIf(first + {(day + 1) * DAY_MS} <= {{now:Int64}} AND arrayExists("
        f"at -> at >= first + {day * DAY_MS} AND at < first + {(day + 1) * DAY_MS}, visits)) AS back_{day}"
        for day in BACK_DAYS
    )
    return Query(
        f"""
        SELECT intDiv(first, {DAY_MS}) AS cohort, count() AS players, {counts} FROM
        (
            SELECT min(at) AS first, groupArray(at) AS visits FROM
            (
                SELECT player_id, toUnixTimestamp64Milli(recorded_at) AS at
                FROM sessions WHERE {filters.scope()}
            )
            GROUP BY player_id
        )
        WHERE intDiv(first, {DAY_MS}) BETWEEN {{first:Int64}} AND {{last:Int64}}
        GROUP BY cohort ORDER BY cohort DESC LIMIT {COHORTS_MAX}
        """,  # noqa: S608 - the text holds placeholders only
        {**filters.parameters(), "first": days[0], "last": days[-1], "now": now_ms},
    )


def read_retention(rows: Sequence[dict[str, Any]]) -> Retention:
    """The rows of `retention_query`, and their sums."""
    cohorts = [
        Cohort(
            t=int(row["cohort"]) * 86_400,
            players=int(row["players"]),
            back=[Back(day, int(row[f"due_{day}"]), int(row[f"back_{day}"])) for day in BACK_DAYS],
        )
        for row in rows
    ]
    together = [
        Back(
            day,
            sum(cohort.back[place].eligible for cohort in cohorts),
            sum(cohort.back[place].retained for cohort in cohorts),
        )
        for place, day in enumerate(BACK_DAYS)
    ]
    return Retention(cohorts, together)
