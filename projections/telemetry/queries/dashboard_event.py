"""One event name: how often it came over time, from how many players, and with which properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Filters, Query, bucket_of

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLED_MAX: Final = 20_000
KEYS_MAX: Final = 30
VALUES_MAX: Final = 10
VALUE_CHARACTERS: Final = 80


class PropertyValue(msgspec.Struct, frozen=True):
    """A value as JSON, its first 80 characters, and how many of the sampled events have it."""

    value: str
    count: int


class Property(msgspec.Struct, frozen=True):
    """A property of an event: its 10 most frequent values. `count` and `distinct` are over all values."""

    key: str
    count: int
    distinct: int
    values: list[PropertyValue]


class EventTrend(msgspec.Struct, frozen=True):
    """An event name in the range. `t` is unix seconds of buckets' starts, `counts` has an entry for each.

    `properties` are of the newest `sampled` events, 20,000 at most; the 30 most frequent keys.
    """

    name: str
    count: int
    players: int
    bucket_minutes: int
    t: list[int]
    counts: list[int]
    sampled: int
    properties: list[Property]


def _sources(filters: Filters, columns: str) -> str:
    return " UNION ALL ".join(
        f"SELECT {columns} FROM {table} WHERE {filters.during()} AND {column} = {{name:String}}"  # noqa: S608 - placeholders only
        for table, column in (("events", "event_name"), ("funnel_steps", "step_name"))
    )


def trend_query(filters: Filters, name: str) -> Query:
    """Rows (t, n, players): one a bucket that has any, and one of bucket 0 for all of the range."""
    sources = _sources(filters, f"{bucket_of('occurred_at')} AS start, player_id")
    return Query(
        f"SELECT arrayJoin([start, 0]) AS t, count() AS n, uniqExact(player_id) AS players "  # noqa: S608 - placeholders only
        f"FROM ({sources}) GROUP BY t ORDER BY t",
        {**filters.parameters(), "name": name},
    )


def properties_query(filters: Filters, name: str) -> Query:
    """Rows (key, value, n, of_key, different, sampled), the most frequent keys and values first."""
    sources = _sources(filters, "properties, occurred_at")
    return Query(
        f"""
        WITH newest AS
            (SELECT properties FROM ({sources}) ORDER BY occurred_at DESC LIMIT {SAMPLED_MAX})
        SELECT key, value, n, of_key, different, (SELECT count() FROM newest) AS sampled FROM
        (
            SELECT key, value, n, sum(n) OVER (PARTITION BY key) AS of_key,
                   count() OVER (PARTITION BY key) AS different
            FROM
            (
                SELECT pair.1 AS key, pair.2 AS value, count() AS n
                FROM (SELECT JSONExtractKeysAndValuesRaw(properties) AS pairs FROM newest)
                ARRAY JOIN pairs AS pair GROUP BY key, value
            )
        )
        ORDER BY of_key DESC, key, n DESC, value
        LIMIT {VALUES_MAX} BY key
        LIMIT {KEYS_MAX * VALUES_MAX}
        """,  # noqa: S608 - the text holds placeholders only
        {**filters.parameters(), "name": name},
    )


def read_event(
    filters: Filters, name: str, trend: Sequence[dict[str, Any]], said: Sequence[dict[str, Any]]
) -> EventTrend:
    """Put the rows of both queries together."""
    found = {int(row["t"]): row for row in trend}
    whole = found.get(0, {"n": 0, "players": 0})
    starts = filters.buckets()
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in said:
        by_key.setdefault(str(row["key"]), []).append(row)
    return EventTrend(
        name=name,
        count=int(whole["n"]),
        players=int(whole["players"]),
        bucket_minutes=filters.bucket_minutes(),
        t=starts,
        counts=[int(found[t]["n"]) if t in found else 0 for t in starts],
        sampled=int(said[0]["sampled"]) if said else 0,
        properties=[
            Property(
                key=key,
                count=int(rows[0]["of_key"]),
                distinct=int(rows[0]["different"]),
                values=[PropertyValue(str(row["value"])[:VALUE_CHARACTERS], int(row["n"])) for row in rows],
            )
            for key, rows in list(by_key.items())[:KEYS_MAX]
        ],
    )
