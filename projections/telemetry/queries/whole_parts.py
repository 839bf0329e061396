"""Sessions by their parts, for reads of many: what the view `sessions` says, in few columns and less time.

Nearly every session has one part, because a session stays in one partition of the log: its row says all.
The view joins the parts of each session, and its active time takes the union of their spans; only sessions
that do have several parts are asked there.
"""

from __future__ import annotations

from typing import Final

from projections.telemetry.queries.filters import HAS_EVENTS

KEY: Final = "cityHash64(game_id, session_id)"
"""Numbers are grouped in a fraction of the time of texts. Sessions that share one are asked of the view."""
COLUMNS: Final = (
    "session_id, player_id, build_id, experiments, closed, crashed, duration_ms, active_ms, recorded_at, "
    "first_arrived_at"
)
_CRASHED: Final = "event_counts['crash'] > 0 AS crashed"
OF_VIEW: Final = COLUMNS.replace("crashed", _CRASHED)
"""SQL of the columns, of a row of the view `sessions`."""


def whole_sessions(tenant: str, narrowed: str = "1", *, split: bool = True) -> str:
    """SQL of a table: the sessions of one game with COLUMNS, as the view has them.

    `tenant` is the condition on studio and game. `narrowed` is a condition on a part; a session is there
    where one of its parts meets it. `split`: whether any session may have several parts (`has_split`).
    """
    ours = (
        "SELECT session_id, player_id, build_id, "  # noqa: S608 - conditions of ours
        "if(experiments = '{}', '', experiments) AS experiments, closed, "
        f"{_CRASHED}, "
        "toUnixTimestamp64Milli(last_event_at) - toUnixTimestamp64Milli(first_event_at) AS duration_ms, "
        "part_active_ms AS active_ms, coalesce(started_at, first_event_at) AS recorded_at, first_arrived_at "
        f"FROM session_parts FINAL WHERE {tenant} AND {HAS_EVENTS} AND {narrowed}"
    )
    if not split:
        return ours
    several = of_several(tenant)
    return (
        f"{ours} AND {KEY} NOT IN ({several}) "  # noqa: S608
        f"UNION ALL SELECT {OF_VIEW} FROM sessions WHERE {tenant} AND session_id IN "
        f"(SELECT session_id FROM session_parts WHERE {tenant} AND {KEY} IN ({several}) AND {narrowed})"
    )


def of_several(tenant: str) -> str:
    """SQL: the `KEY` of each session that has several parts."""
    return (
        f"SELECT {KEY} FROM session_parts WHERE {tenant} "  # noqa: S608
        f"GROUP BY {KEY} HAVING min(_partition) != max(_partition)"
    )


def has_split(tenant: str) -> str:
    """SQL: one row where a session of the tenant has several parts, else none."""
    # Where all is in one partition nothing is grouped.
    several = f"(SELECT min(_partition) != max(_partition) FROM session_parts WHERE {tenant})"  # noqa: S608
    return f"{of_several(f'{tenant} AND {several}')} LIMIT 1"
