"""Builds side by side: the same figures for each, so that a regression shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Filters, Query, newest_first, number

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILDS_MAX: Final = 12


class BuildFigures(msgspec.Struct, frozen=True):
    """One build in the chosen period. `last_at` is unix milliseconds; the build filter is not applied.

    `events` counts everything, `points` the positions among it.

    Deaths, failures, completions and errors are counts of the insight rules' event names (telemetry.md).
    """

    build: str
    sessions: int
    players: int
    events: int
    points: int
    median_session_seconds: float | None
    median_active_seconds: float | None
    deaths: int
    failures: int
    completions: int
    errors: int
    median_fps: float | None
    median_low_1: float | None
    last_at: int


def builds_query(filters: Filters) -> Query:
    """Rows by latest activity."""
    everything = msgspec.structs.replace(filters, build="")
    columns = (
        "sessions", "players", "events", "points", "seconds", "active", "deaths", "failures", "completions",
        "errors", "fps", "low_1", "first_at", "last_at",
    )  # fmt: skip

    def part(table: str, where: str, **values: str) -> str:
        cells = ", ".join(f"{values.get(name, 'NULL')} AS {name}" for name in columns)
        return f"SELECT toString(build_id) AS build, {cells} FROM {table} WHERE {where} GROUP BY build"  # noqa: S608 - placeholders only

    def named(*names: str) -> str:
        listed = ", ".join(f"'{name}'" for name in names)
        return f"countIf(event_name IN ({listed}))"

    parts = " UNION ALL ".join(
        (
            part(
                "sessions",
                everything.overlapping(),
                sessions="count()",
                players="uniqExact(player_id)",
                seconds="quantileExact(0.5)(toFloat64(duration_seconds))",
                active="quantileExact(0.5)(toFloat64(active_seconds))",
                first_at="toUnixTimestamp64Milli(min(first_event_at))",
                last_at="toUnixTimestamp64Milli(max(last_event_at))",
            ),
            part(
                "events",
                everything.during_minutes(),
                events="count()",
                deaths=named("player_death"),
                failures=named("level_failed"),
                completions=named("level_completed"),
                errors=named("crash", "error"),
            ),
            part("funnel_steps", everything.during(), events="count()"),
            part("positions", everything.during(), events="count()", points="count()"),
            part(
                "performance",
                everything.during("started_at"),
                fps="quantile(0.5)(fps_mean)",
                low_1="quantile(0.5)(fps_low_1)",
                first_at="toUnixTimestamp64Milli(min(started_at))",
                last_at="toUnixTimestamp64Milli(max(ended_at))",
            ),
        )
    )
    folds = dict.fromkeys(("seconds", "active", "fps", "low_1", "last_at"), "max") | {"first_at": "min"}
    sums = ", ".join(f"{folds.get(name, 'sum')}({name}) AS {name}_" for name in columns)
    return Query(
        f"SELECT build, {sums} FROM ({parts})"  # noqa: S608 - placeholders only
        f" GROUP BY build ORDER BY last_at_ DESC, build LIMIT {BUILDS_MAX}",
        everything.parameters(),
    )


def read_builds(rows: Sequence[dict[str, Any]]) -> list[BuildFigures]:
    """The rows of `builds_query`, newest build first; a figure nothing was sent for is 0 or None."""
    ordered = sorted(
        rows, key=lambda row: newest_first(row["build"], int(row["first_at_"] or 0)), reverse=True
    )
    return [
        BuildFigures(
            build=str(row["build"]),
            sessions=int(row["sessions_"] or 0),
            players=int(row["players_"] or 0),
            events=int(row["events_"] or 0),
            points=int(row["points_"] or 0),
            median_session_seconds=number(row["seconds_"]),
            median_active_seconds=number(row["active_"]),
            deaths=int(row["deaths_"] or 0),
            failures=int(row["failures_"] or 0),
            completions=int(row["completions_"] or 0),
            errors=int(row["errors_"] or 0),
            median_fps=number(row["fps_"]),
            median_low_1=number(row["low_1_"]),
            last_at=int(row["last_at_"] or 0),
        )
        for row in ordered
    ]
