"""Frame rates by build: the median session, and the slowest ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Filters, Query, newest_first, number

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILDS_MAX: Final = 12


class BuildFps(msgspec.Struct, frozen=True):
    """Percentiles of `fps.mean` over a build's trajectories, and the median of their 5% and 1% lows."""

    build: str
    samples: int
    p5: float | None
    p25: float | None
    p50: float | None
    p75: float | None
    p95: float | None
    low_5: float | None
    low_1: float | None


def fps_query(filters: Filters) -> Query:
    """Rows by latest activity; builds that sent no frame rate are left out."""
    return Query(
        f"""
        SELECT build_id, count(fps_mean) AS samples, quantiles(0.05, 0.25, 0.5, 0.75, 0.95)(fps_mean) AS q,
               quantile(0.5)(fps_low_5) AS low_5, quantile(0.5)(fps_low_1) AS low_1,
               toUnixTimestamp64Milli(min(started_at)) AS first_at
        FROM performance WHERE {filters.during("started_at")}
        GROUP BY build_id HAVING samples > 0 ORDER BY max(started_at) DESC, build_id LIMIT {BUILDS_MAX}
        """,  # noqa: S608 - the text holds placeholders only
        filters.parameters(),
    )


def read_fps(rows: Sequence[dict[str, Any]]) -> list[BuildFps]:
    """The rows of `fps_query`, newest build first."""
    ordered = sorted(rows, key=lambda row: newest_first(row["build_id"], int(row["first_at"])), reverse=True)
    return [
        BuildFps(
            str(row["build_id"]),
            int(row["samples"]),
            *(number(value) for value in (*row["q"], row["low_5"], row["low_1"])),
        )
        for row in ordered
    ]
