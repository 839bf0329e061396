"""Which sessions count for an experiment, judged on reading: SQL over sessions by their parts.

Source: the analytics contract, "Tags": a session's tag is valid where its first record arrived while the
experiment ran or in the 24 hours after, and says the variant that its device and build get. A rebuild judges
the same, because nothing of the judgement is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from projections.telemetry.queries import assignment_sql
from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.whole_parts import whole_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.clickhouse.transport import Value
    from schemas.studio.assignment import Assignment
    from schemas.studio.experiments import Run

DAY_MS: Final = 24 * 3600 * 1000
REASONS: Final = ("notRunning", "pinned", "notInAudience", "wrongVariant")
"""Why a tag does not count, in the order in which it is asked; a verdict begins with `-`."""
_FOREVER_MS: Final = 2**53


class JudgedSessions(NamedTuple):
    """SQL of a table, and what its placeholders are filled with.

    It has the game's sessions with a tag of the experiment, and the columns `session_id, player_id, recorded,
    closed, wall, active, crashed, verdict`: the variant, or `-` and a reason.
    """

    sql: str
    parameters: dict[str, Value]


def judged_sessions(
    studio_id: str, game_id: str, assignment: Assignment, runs: Sequence[Run]
) -> JudgedSessions:
    """The sessions of an experiment that ran so."""
    conditions = Conditions(studio_id).equal("game_id", "game", game_id)
    found = {**conditions.parameters, **assignment_sql.parameters(assignment)}
    found |= {"experiment": assignment.id, "named": f'"{assignment.id}"'}
    found["starts"] = [run.started_at_ms for run in runs]
    found["ends"] = [_FOREVER_MS if run.stopped_at_ms is None else run.stopped_at_ms + DAY_MS for run in runs]
    ran = (
        "arrayExists((start, end) -> arrived >= start AND arrived < end, "
        "{starts:Array(Int64)}, {ends:Array(Int64)})"
    )
    verdict = (
        f"multiIf(NOT {ran}, '-notRunning', {assignment_sql.pinned()}, '-pinned', "
        f"NOT ({assignment_sql.in_audience(assignment)}), '-notInAudience', "
        f"tag != {assignment_sql.variant(assignment)}, '-wrongVariant', tag)"
    )
    sessions = whole_sessions(str(conditions), "position(experiments, {named:String}) > 0")
    sql = (
        f"SELECT session_id, player_id, recorded, closed, wall, active, crashed, {verdict} AS verdict FROM ("  # noqa: S608
        "SELECT session_id, player_id, build_id, closed, duration_ms AS wall, active_ms AS active, "
        "toUnixTimestamp64Milli(recorded_at) AS recorded, "
        "toUnixTimestamp64Milli(first_arrived_at) AS arrived, "
        f"session_id IN (SELECT session_id FROM session_parts WHERE {conditions} "
        "AND event_counts['crash'] > 0) AS crashed, "
        "JSONExtractString(experiments, {experiment:String}) AS tag "
        f"FROM ({sessions}) WHERE JSONHas(experiments, {{experiment:String}}))"
    )
    return JudgedSessions(sql, found)
