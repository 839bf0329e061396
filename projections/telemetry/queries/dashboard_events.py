"""Event names: how often each came, from how many players, and when last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Filters, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES_MAX: Final = 100


class EventName(msgspec.Struct, frozen=True):
    """One name. `players` is exact to about one percent; `last_at` is unix milliseconds."""

    name: str
    count: int
    players: int
    last_at: int


def event_names_query(filters: Filters) -> Query:
    """Rows (name, n, players, last_at) by count descending, `player_pos` and funnel steps among them."""
    return Query(
        f"""
        SELECT name, sum(n) AS n, max(players) AS players, max(last_at) AS last_at FROM
        (
            SELECT toString(event_name) AS name, count() AS n, uniq(player_id) AS players,
                   toUnixTimestamp64Milli(max(occurred_at)) AS last_at
            FROM events WHERE {filters.during()} GROUP BY name
            UNION ALL
            SELECT toString(step_name) AS name, count() AS n, uniq(player_id) AS players,
                   toUnixTimestamp64Milli(max(occurred_at)) AS last_at
            FROM funnel_steps WHERE {filters.during()} GROUP BY name
            UNION ALL
            SELECT 'player_pos' AS name, count() AS n, uniq(player_id) AS players,
                   toUnixTimestamp64Milli(max(occurred_at)) AS last_at
            FROM positions WHERE {filters.during()} HAVING n > 0
        )
        GROUP BY name ORDER BY n DESC, name LIMIT {NAMES_MAX}
        """,  # noqa: S608 - the text holds placeholders only
        filters.parameters(),
    )


def read_event_names(rows: Sequence[dict[str, Any]]) -> list[EventName]:
    """The rows of `event_names_query` as they are."""
    return [
        EventName(str(row["name"]), int(row["n"]), int(row["players"]), int(row["last_at"])) for row in rows
    ]
