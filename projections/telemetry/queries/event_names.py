"""How often each event name occurred, where a session has more names than its stored counts hold.

Stored counts hold a bounded number of names; the others are one sum, `(other)`. For sessions that have it,
the events themselves are counted, so that every name is exact and the most frequent are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from projections.telemetry.queries.filters import HAS_EVENTS
from projections.telemetry.sessions import OTHER_NAMES, POSITION_EVENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from projections.clickhouse.statements import Value
    from projections.telemetry.queries.client import Queries

NAMES_MAX: Final = 1_000
"""Names in an answer; the less frequent ones are summed as `(other)`, which comes last."""
_PARTS: Final = (
    "FROM session_parts FINAL {join}"
    "WHERE studio_id = {{studio:String}} AND game_id = {{game:String}} AND " + HAS_EVENTS + "{chosen} "
    "AND {which}"
)
_OVER: Final = f"mapContains(event_counts, '{OTHER_NAMES}')"
_TABLES: Final = (
    ("events", "toString(event_name)"),
    ("funnel_steps", "toString(step_name)"),
    ("positions", f"'{POSITION_EVENT}'"),
)


def cut(by_name: Iterable[tuple[str, int]], total: int) -> list[tuple[str, int]]:
    """The NAMES_MAX first names, and what is left of `total` as the last."""
    kept = [(name, times) for name, times in by_name if name != OTHER_NAMES][:NAMES_MAX]
    rest = total - sum(times for _, times in kept)
    return [*kept, (OTHER_NAMES, rest)] if rest > 0 else kept


async def counted(
    queries: Queries, parameters: Mapping[str, Value], chosen: str = ""
) -> tuple[list[tuple[str, int]], int]:
    """The most frequent names of a game's sessions, and the total of all names.

    `chosen` narrows the sessions: ` AND …`, a condition on session_id. `parameters` have `studio` and `game`.
    """
    join = "ARRAY JOIN CAST(event_counts, 'Array(Tuple(String, UInt64))') AS pair "
    held = _PARTS.format(join=join, chosen=chosen, which=f"NOT {_OVER}")
    over = _PARTS.format(join="", chosen=chosen, which=_OVER)
    sources = [f"SELECT pair.1 AS name, sum(pair.2) AS n {held} GROUP BY name"]
    sources += [
        f"SELECT {name} AS name, count() AS n FROM {table} WHERE studio_id = {{studio:String}} "  # noqa: S608
        f"AND game_id = {{game:String}} AND (session_id, _partition) IN "
        f"(SELECT session_id, _partition {over}) GROUP BY name"
        for table, name in _TABLES
    ]
    rows = await queries.query(
        f"SELECT name, times, sum(times) OVER () FROM (SELECT name, sum(n) AS times "  # noqa: S608
        f"FROM ({' UNION ALL '.join(sources)}) GROUP BY name HAVING times > 0) "
        f"ORDER BY times DESC, name LIMIT {NAMES_MAX + 1}",
        parameters,
    )
    total = int(rows[0][2]) if rows else 0
    return cut([(name, int(times)) for name, times, _ in rows], total), total
