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

    from projections.clickhouse.statements import Value
    from schemas.studio.assignment import Assignment
    from schemas.studio.experiments import Run

DAY_MS: Final = 24 * 3600 * 1000
REASONS: Final = ("notRunning", "pinned", "notInAudience", "wrongVariant")
"""Why a tag does not count, in the order in which it is asked. A verdict begins with `!`, as no key does."""
_FOREVER_MS: Final = 2**53


class JudgedSessions(NamedTuple):
    """SQL of tables, and what their placeholders are filled with.

    All have the columns `session_id, player_id, recorded, closed, wall, active, crashed, verdict`: the
    variant, or `!` and a reason.
    """

    tagged: str
    """The game's sessions with a tag of the experiment."""
    every: str
    """All sessions of the game; the verdict of one without a tag is empty."""
    answered: str
    """Those of `tagged` with an answer in a form."""
    parameters: dict[str, Value]


def judged_sessions(
    studio_id: str, game_id: str, assignment: Assignment, runs: Sequence[Run], *, split: bool = True
) -> JudgedSessions:
    """The sessions of an experiment in its `runs`. `split`: see `whole_sessions`."""
    conditions = Conditions(studio_id).equal("game_id", "game", game_id)
    tenant = str(conditions)
    found = {**conditions.parameters, **assignment_sql.parameters(assignment)}
    found |= {"experiment": assignment.id, "named": f'"{assignment.id}"'}
    found["starts"] = [run.started_at_ms for run in runs]
    found["ends"] = [_FOREVER_MS if run.stopped_at_ms is None else run.stopped_at_ms + DAY_MS for run in runs]
    verdict = _verdict(assignment)
    answered = f"{_NAMED} AND session_id IN (SELECT session_id FROM feedback WHERE {tenant})"  # noqa: S608
    return JudgedSessions(
        tagged=_judged(tenant, verdict, _NAMED, _TAGGED, split=split),
        every=_judged(tenant, f"if({_TAGGED}, {verdict}, '')", split=split),
        answered=_judged(tenant, verdict, answered, _TAGGED, split=split),
        parameters=found,
    )


_NAMED: Final = "position(experiments, {named:String}) > 0"
# Nearly every tag is a text that is not empty: what it says is known, and not looked for once more.
_TAGGED: Final = f"(tag != '' OR {_NAMED} AND JSONHas(experiments, {{experiment:String}}))"
_RAN: Final = (
    "arrayExists((start, end) -> arrived >= start AND arrived < end, "
    "{starts:Array(Int64)}, {ends:Array(Int64)})"
)


def _verdict(assignment: Assignment) -> str:
    return (
        f"multiIf(NOT {_RAN}, '!notRunning', {assignment_sql.pinned()}, '!pinned', "
        f"NOT ({assignment_sql.in_audience(assignment)}), '!notInAudience', "
        f"tag != {assignment_sql.variant(assignment)}, '!wrongVariant', tag)"
    )


def _judged(tenant: str, verdict: str, narrowed: str = "1", which: str = "1", *, split: bool) -> str:
    sessions = whole_sessions(tenant, narrowed, split=split)
    return (
        f"SELECT session_id, player_id, recorded, closed, wall, active, crashed, {verdict} AS verdict FROM ("  # noqa: S608
        "SELECT session_id, player_id, build_id, experiments, closed, crashed, duration_ms AS wall, "
        "active_ms AS active, toUnixTimestamp64Milli(recorded_at) AS recorded, "
        "toUnixTimestamp64Milli(first_arrived_at) AS arrived, "
        "JSONExtractString(experiments, {experiment:String}) AS tag "
        f"FROM ({sessions}) WHERE {which})"
    )
