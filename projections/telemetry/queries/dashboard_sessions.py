"""Players and sessions over time: who was playing in each bucket, not only who began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from projections.telemetry.queries.dashboard_common import BUCKETS_MAX, Filters, Query, moment

if TYPE_CHECKING:
    from collections.abc import Sequence


class Activity(msgspec.Struct, frozen=True):
    """Parallel lists, one entry a bucket, empty ones included. `t` is unix seconds of the bucket's start.

    `sessions` and `players` were going on at some time in the bucket; `started` began in it.
    """

    bucket_minutes: int
    t: list[int]
    sessions: list[int]
    players: list[int]
    started: list[int]


def activity_query(filters: Filters) -> Query:
    """Rows (t, sessions, players, started), one for each bucket that has any."""
    step = "({bucket:Int64} * 60)"
    first = f"intDiv(toInt64(toUnixTimestamp(greatest(first_event_at, {moment('since')}))), {step})"
    end = f"{moment('until')} - INTERVAL 1 MILLISECOND"
    last = f"intDiv(toInt64(toUnixTimestamp(least(last_event_at, {end}))), {step})"
    return Query(
        f"""
        SELECT n * {step} AS t, count() AS sessions, uniqExact(player_id) AS players,
               countIf(intDiv(toInt64(toUnixTimestamp(first_event_at)), {step}) = n) AS started
        FROM
        (
            SELECT player_id, first_event_at,
                   arrayJoin(range({first}, least({last}, {first} + {BUCKETS_MAX}) + 1)) AS n
            FROM sessions WHERE {filters.overlapping()}
        )
        GROUP BY n ORDER BY n
        """,  # noqa: S608 - the text holds placeholders only
        filters.parameters(),
    )


def read_activity(filters: Filters, rows: Sequence[dict[str, Any]]) -> Activity:
    """Put the rows of `activity_query` into the range's buckets."""
    found = {int(row["t"]): row for row in rows}
    starts = filters.buckets()

    def column(name: str) -> list[int]:
        return [int(found[t][name]) if t in found else 0 for t in starts]

    return Activity(
        filters.bucket_minutes(), starts, column("sessions"), column("players"), column("started")
    )
