"""The figures at the top of the page, each beside the same figure for the period before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from projections.telemetry.queries.dashboard_common import Filters, Query, moment, number

if TYPE_CHECKING:
    from collections.abc import Sequence


class Figures(msgspec.Struct, frozen=True):
    """One period's totals. `events` counts everything, position points and funnel steps included."""

    events: int
    points: int
    sessions: int
    players: int
    median_session_seconds: float | None
    median_fps: float | None


class Summary(msgspec.Struct, frozen=True):
    """The chosen period, and the one of the same length before it."""

    now: Figures
    before: Figures


def summary_query(filters: Filters) -> Query:
    """Two rows at most, `current` 1 for the chosen period and 0 for the one before."""
    is_current = f"toUInt8(occurred_at >= {moment('since')})"
    facts = " UNION ALL ".join(
        f"""
        SELECT {current} AS current, count() AS events, {points} AS points, 0 AS sessions, 0 AS players,
               CAST(NULL, 'Nullable(Float64)') AS seconds, {fps} AS fps
        FROM {table} WHERE {where} GROUP BY current
        """  # noqa: S608 - the text holds placeholders only
        for table, current, points, fps, where in (
            (
                "events",
                f"toUInt8(toStartOfMinute(occurred_at) >= {moment('since')})",
                "0",
                "CAST(NULL, 'Nullable(Float64)')",
                filters.during("toStartOfMinute(occurred_at)", since="before"),
            ),
            (
                "funnel_steps",
                is_current,
                "0",
                "CAST(NULL, 'Nullable(Float64)')",
                filters.during(since="before"),
            ),
            (
                "positions",
                is_current,
                "count()",
                "CAST(NULL, 'Nullable(Float64)')",
                filters.during(since="before"),
            ),
        )
    )
    median = "quantileExact(0.5)(toFloat64(duration_seconds))"
    # Trajectories are not events of their own (their points are), so they add a frame rate and no count.
    return Query(
        f"""
        SELECT current, sum(events) AS events, sum(points) AS points, sum(sessions) AS sessions,
               sum(players) AS players, max(seconds) AS seconds, max(fps) AS fps
        FROM
        (
            {facts}
            UNION ALL
            SELECT toUInt8(started_at >= {moment("since")}) AS current,
                   0, 0, 0, 0, NULL, quantile(0.5)(fps_mean)
            FROM performance WHERE {filters.during("started_at", since="before")} GROUP BY current
            UNION ALL
            SELECT 1, 0, 0, count(), uniqExact(player_id), {median}, NULL
            FROM sessions WHERE {filters.overlapping()}
            UNION ALL
            SELECT 0, 0, 0, count(), uniqExact(player_id), {median}, NULL
            FROM sessions WHERE {filters.overlapping("before", "since")}
        )
        GROUP BY current
        """,  # noqa: S608 - the text holds placeholders only
        filters.parameters(),
    )


def read_summary(rows: Sequence[dict[str, Any]]) -> Summary:
    """Fold the rows of `summary_query`; a period without any is all zeros."""
    by_period = {int(row["current"]): row for row in rows}
    return Summary(now=_figures(by_period.get(1)), before=_figures(by_period.get(0)))


def _figures(row: dict[str, Any] | None) -> Figures:
    if row is None:
        return Figures(0, 0, 0, 0, None, None)
    sessions = int(row["sessions"])
    return Figures(
        events=int(row["events"]),
        points=int(row["points"]),
        sessions=sessions,
        players=int(row["players"]),
        median_session_seconds=number(row["seconds"]) if sessions else None,
        median_fps=number(row["fps"]),
    )
