"""Events over time: how many of each sort fell into each bucket of the range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from projections.telemetry.queries.dashboard_common import Filters, Query, bucket_of

if TYPE_CHECKING:
    from collections.abc import Sequence


class Timeline(msgspec.Struct, frozen=True):
    """Parallel lists, one entry a bucket, empty buckets included. `t` is unix seconds of the bucket's start.

    `events` are named happenings and funnel steps, `points` are player_pos points; both are counts. `minutes`
    says how much of each bucket lies in the range: dividing by it gives a rate, at both ends too.
    """

    bucket_minutes: int
    t: list[int]
    minutes: list[float]
    events: list[int]
    points: list[int]


def timeline_query(filters: Filters) -> Query:
    """Rows (t, events, points), one for each bucket that has any."""
    return Query(
        f"""
        SELECT t, sum(events) AS events, sum(points) AS points FROM
        (
            SELECT {bucket_of("toStartOfMinute(occurred_at)")} AS t, count() AS events, 0 AS points
            FROM events WHERE {filters.during_minutes()} GROUP BY t
            UNION ALL
            SELECT {bucket_of("occurred_at")} AS t, count() AS events, 0 AS points
            FROM funnel_steps WHERE {filters.during()} GROUP BY t
            UNION ALL
            SELECT {bucket_of("occurred_at")} AS t, 0 AS events, count() AS points
            FROM positions WHERE {filters.during()} GROUP BY t
        )
        GROUP BY t ORDER BY t
        """,  # noqa: S608 - the text holds placeholders only
        filters.parameters(),
    )


def read_timeline(filters: Filters, rows: Sequence[dict[str, Any]]) -> Timeline:
    """Put the rows of `timeline_query` into the range's buckets."""
    found = {int(row["t"]): row for row in rows}
    starts = filters.buckets()
    return Timeline(
        bucket_minutes=filters.bucket_minutes(),
        t=starts,
        minutes=[filters.minutes_within(start) for start in starts],
        events=[int(found[t]["events"]) if t in found else 0 for t in starts],
        points=[int(found[t]["points"]) if t in found else 0 for t in starts],
    )
