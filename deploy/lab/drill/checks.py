"""Counts what came of every attempt, and whether every rollup says the same as the rows it sums up."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.drill.numbered_events import Attempt, Fate, Found, Request, Surface, expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.clickhouse.client import ClickHouse

NUMBER: Final = {
    "events": ("toUInt64(x)", "toUInt64(y)"),
    "positions": ("toUInt64(x)", "toUInt64(y)"),
    "funnel_steps": (
        "JSONExtractUInt(properties, '_extra', 'n')",
        "JSONExtractUInt(properties, '_extra', 'a')",
    ),
    "performance": (
        "JSONExtractUInt(properties, '_extra', 'n')",
        "JSONExtractUInt(properties, '_extra', 'a')",
    ),
}
"""Where each table holds an event's number and its attempt."""
ROLLUPS: Final = {
    "events by minute (PROJECTION)": (
        "SELECT event_name, toStartOfMinute(occurred_at) AS minute, count() FROM events"
        " GROUP BY event_name, minute ORDER BY event_name, minute"
    ),
    "bounds of positions (PROJECTION)": (
        "SELECT game_id, room, min(x), max(x), min(y), max(y), count(), max(_offset) FROM positions"
        " GROUP BY game_id, room ORDER BY game_id, room"
    ),
}
"""Questions that a PROJECTION answers."""
EXAMPLES_MAX: Final = 5


class Verdict(msgspec.Struct, frozen=True):
    """One line of the verdict: what was checked, whether it holds, and the figures it rests on."""

    name: str
    holds: bool
    figures: str
    timed: bool = False
    """Whether it holds depends on the machine: campaigns judge it, tests that run beside others do not."""


class DrillOutcome(msgspec.Struct):
    """What a drill found."""

    verdicts: list[Verdict] = []

    @property
    def holds(self) -> bool:
        """True where every line of the verdict does."""
        return all(verdict.holds for verdict in self.verdicts)


async def found_rows(clickhouse: ClickHouse, run: str) -> dict[str, dict[int, Found]]:
    """What each table holds of this run, by attempt."""
    tables: dict[str, dict[int, Found]] = {}
    for table, (number, attempt) in NUMBER.items():
        rows = await clickhouse.rows(
            f"SELECT {attempt} AS attempt, count(), uniqExact({number} AS n), min(n), max(n), sum(n)"  # noqa: S608 - own table
            f" FROM {table} WHERE startsWith(session_id, {{run:String}}) GROUP BY attempt",
            {"run": f"drill-{run}-"},
        )
        tables[table] = {int(row[0]): Found(*(int(value) for value in row[1:])) for row in rows}
    return tables


def judge_attempts(attempts: Sequence[Attempt], found: dict[str, dict[int, Found]]) -> list[Verdict]:
    """Every accepted event exactly once; every unknown attempt whole or absent; no refused one. Pure.

    S1 drops repeats by identity, so of a request's attempts exactly one may be there, whichever came first.
    """
    whole: set[int] = set()
    half: list[int] = []
    for attempt in attempts:
        own = {table: rows[attempt.number] for table, rows in found.items() if attempt.number in rows}
        if own == expected(attempt.request):
            whole.add(attempt.number)
        elif own:
            half.append(attempt.number)
    known = {attempt.number for attempt in attempts}
    strangers = {number for rows in found.values() for number in rows} - known
    fates: dict[Fate, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        fates[attempt.fate].append(attempt)
    s4_missing = [
        attempt.number
        for attempt in fates[Fate.ACCEPTED]
        if attempt.request.surface is Surface.S4 and attempt.number not in whole
    ]
    landed: dict[Request, int] = defaultdict(int)
    for attempt in attempts:
        if attempt.request.surface is Surface.S1:
            landed[attempt.request] += attempt.number in whole
    accepted_s1 = {a.request for a in fates[Fate.ACCEPTED] if a.request.surface is Surface.S1}
    s1_missing = [request.first for request in accepted_s1 if landed[request] == 0]
    s1_twice = [request.first for request, times in landed.items() if times > 1]
    refused = [attempt.number for attempt in fates[Fate.REFUSED] if attempt.number in whole]
    unknown = [attempt.number for attempt in fates[Fate.UNKNOWN] if attempt.number in whole]
    accepted_events = sum(attempt.request.count for attempt in fates[Fate.ACCEPTED])
    return [
        Verdict(
            "every accepted event exactly once",
            not (s4_missing or s1_missing or s1_twice or half),
            f"{accepted_events:,} events in {len(fates[Fate.ACCEPTED]):,} requests; missing or doubled: S4 "
            f"{_some(s4_missing)}, S1 missing {_some(s1_missing)}, S1 twice {_some(s1_twice)}",
        ),
        Verdict(
            "every unanswered or 503 request whole or absent",
            not half,
            f"{len(fates[Fate.UNKNOWN]):,} such: {len(unknown):,} whole, half {_some(half)}",
        ),
        Verdict(
            "nothing that was refused, nothing that was never sent",
            not (refused or strangers),
            f"{len(fates[Fate.REFUSED]):,} refused, of them there {_some(refused)}; "
            f"never sent {_some(sorted(strangers))}",
        ),
    ]


async def judge_rollups(clickhouse: ClickHouse, game_id: str) -> list[Verdict]:
    """PROJECTIONs against their rows, and sessions against the events they count.

    Everything that was sent must be queryable: rows that arrive between two queries look like a difference.
    """
    verdicts = []
    for name, sql in ROLLUPS.items():
        rolled = await clickhouse.rows(f"{sql} SETTINGS force_optimize_projection = 1")
        raw = await clickhouse.rows(f"{sql} SETTINGS optimize_use_projections = 0")
        wrong = [row for row in rolled if row not in raw] + [row for row in raw if row not in rolled]
        verdicts.append(Verdict(name, rolled == raw, f"{len(raw)} groups; different {_some(wrong)}"))
    verdicts.append(await _judge_sessions(clickhouse, game_id))
    return verdicts


async def _judge_sessions(clickhouse: ClickHouse, game_id: str) -> Verdict:
    raw: dict[str, dict[str, int]] = defaultdict(dict)
    for sql in (
        "SELECT session_id, event_name, count() FROM events WHERE game_id = {game:String} GROUP BY ALL",
        "SELECT session_id, 'player_pos', count() FROM positions WHERE game_id = {game:String} GROUP BY ALL",
        "SELECT session_id, step_name, count() FROM funnel_steps WHERE game_id = {game:String} GROUP BY ALL",
    ):
        for session_id, name, count in await clickhouse.rows(sql, {"game": game_id}):
            raw[session_id][name] = raw[session_id].get(name, 0) + int(count)
    rows = await clickhouse.rows(
        "SELECT session_id, event_counts FROM sessions WHERE game_id = {game:String}", {"game": game_id}
    )
    counted = {session_id: {name: int(n) for name, n in counts.items()} for session_id, counts in rows}
    events = sum(sum(counts.values()) for counts in counted.values())
    wrong = [
        session_id
        for session_id in raw.keys() | counted.keys()
        if raw.get(session_id) != counted.get(session_id)
    ]
    return Verdict(
        "event counts of sessions",
        not wrong,
        f"{len(counted):,} sessions, {events:,} events; wrong {_some(wrong)}",
    )


async def judge_live(clickhouse: ClickHouse, per_minute: dict[int, int], game_id: str) -> Verdict:
    """Live counters of a game (unix minute of arrival to events) against the rows."""
    rows = await clickhouse.rows(
        "SELECT minute, sum(n) FROM ("
        "SELECT intDiv(toUnixTimestamp(arrived_at), 60) AS minute, count() AS n FROM events"
        " WHERE game_id = {game:String} GROUP BY minute"
        " UNION ALL SELECT intDiv(toUnixTimestamp(arrived_at), 60) AS minute, count() AS n FROM positions"
        " WHERE game_id = {game:String} GROUP BY minute"
        " UNION ALL SELECT intDiv(toUnixTimestamp(arrived_at), 60) AS minute, count() AS n FROM funnel_steps"
        " WHERE game_id = {game:String} GROUP BY minute"
        ") GROUP BY minute",
        {"game": game_id},
    )
    raw = {int(minute): int(events) for minute, events in rows}
    wrong = sorted(m for m in raw.keys() | per_minute.keys() if raw.get(m, 0) != per_minute.get(m, 0))
    return Verdict(
        "live counters in Redis",
        not wrong,
        f"{len(raw)} minutes, {sum(raw.values()):,} events; wrong minutes {_some(wrong)}",
    )


def _some(values: Sequence[Any]) -> str:
    if not values:
        return "0"
    shown = ", ".join(str(value) for value in values[:EXAMPLES_MAX])
    return f"{len(values)} ({shown}{', …' if len(values) > EXAMPLES_MAX else ''})"
