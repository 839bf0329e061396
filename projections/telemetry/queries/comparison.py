"""An experiment's variants side by side: counted from sessions, insights and feedback, by four queries.

Source: the analytics contract, "`experiments/{id}/comparison`". What is counted depends on the log and on `t`
alone; statistics and texts are made of it elsewhere.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from projections.telemetry.queries.experiment_sessions import DAY_MS, REASONS, judged_sessions
from projections.telemetry.queries.whole_parts import has_split
from schemas.rounding import half_up_to
from schemas.studio.assignment import assignments_of
from schemas.telemetry.friction import FRICTION_TYPES, PRAISE_TYPES, Cluster, TagCount, top_clusters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.clickhouse.statements import Value
    from projections.telemetry.queries.client import Queries
    from projections.telemetry.queries.experiment_sessions import JudgedSessions
    from schemas.edge.ports import Game
    from schemas.studio.assignment import Assignment
    from schemas.studio.experiments import ExperimentLife, Run

RETENTION_DAYS: Final = (1, 2, 7)
TAGS_MAX: Final = 2000
"""Different tags of one variant that are looked at, those of the most testers first."""
QUOTES_MAX: Final = 5
QUOTE_CHARACTERS: Final = 200
QUERY_SECONDS: Final = 20.0


class Compared(NamedTuple):
    """What is compared: an experiment of a game as it is defined and as it ran."""

    studio_id: str
    game_id: str
    assignment: Assignment
    runs: Sequence[Run]
    closed_questions: Sequence[str]
    """Form and field, with a line feed between, of the questions whose answers are no text: yes or no."""


def compared_of(game: Game, life: ExperimentLife) -> Compared | None:
    """An experiment as its game defines it; None where the game's file does not have it."""
    assignment = assignments_of(game.id, game.definition).get(life.id)
    if assignment is None:
        return None
    return Compared(game.studio_id, game.id, assignment, life.runs, closed_questions(game))


def closed_questions(game: Game) -> list[str]:
    """Form and field, with a line feed between, of a game's questions that are answered by yes or no."""
    return [
        f"{form['id']}\n{field['id']}"
        for form in game.feedback_forms
        for field in form.get("fields") or []
        if field.get("kind") == "yes-no"
    ]


class Retention(msgspec.Struct, frozen=True):
    """Of the devices exposed at least `day` + 1 days ago, how many had a session on that day after it."""

    day: int
    eligible: int
    retained: int

    @property
    def rate(self) -> float | None:
        """4 places; None where none is eligible."""
        return half_up_to(self.retained, self.eligible, 4) if self.eligible else None


class VariantFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted of one variant."""

    key: str
    sessions: int = 0
    closed: int = 0
    crashed: int = 0
    wall_ms: int = 0
    active_ms: int = 0
    exposures: int = 0
    retention: list[Retention] = []
    friction: list[Cluster] = []
    praise: list[Cluster] = []
    friction_count: int = 0
    praise_count: int = 0
    """Findings, not testers."""
    quotes: list[str] = []

    @property
    def engagement(self) -> float:
        """Active of wall time of closed sessions, 2 places; 0 without wall."""
        return half_up_to(self.active_ms, self.wall_ms, 2)

    @property
    def crash_rate(self) -> float:
        """Share of closed sessions with a crash, 4 places."""
        return half_up_to(self.crashed, self.closed, 4)


class Comparison(msgspec.Struct, frozen=True):
    """All variants in the definition's order, the baseline first; rejected tags by reason."""

    generated_at_ms: int
    variants: list[VariantFigures]
    rejected: dict[str, int]


async def compare(queries: Queries, compared: Compared, now_ms: int) -> Comparison:
    """Count everything as of `now_ms`."""
    studio_id, game_id, assignment, runs, _ = compared
    tenant = {"studio": studio_id, "game": game_id}
    split = await queries.query(
        has_split("studio_id = {studio:String} AND game_id = {game:String}"), tenant, seconds=QUERY_SECONDS
    )
    judged = judged_sessions(studio_id, game_id, assignment, runs, split=bool(split))
    sessions, clusters, quotes = await asyncio.gather(
        _sessions(queries, judged, now_ms),
        _clusters(queries, judged),
        _quotes(queries, judged, compared.closed_questions),
    )
    variants = [
        VariantFigures(
            key=split.key,
            **sessions.get(split.key, {"retention": [Retention(day, 0, 0) for day in RETENTION_DAYS]}),
            **clusters.get(split.key, {}),
            quotes=quotes.get(split.key, []),
        )
        for split in assignment.splits
    ]
    rejected = {reason: sessions.get(f"!{reason}", {}).get("sessions", 0) for reason in REASONS}
    return Comparison(now_ms, variants, rejected)


_Said = dict[str, dict[str, Any]]
_VALID: Final = "NOT startsWith(verdict, '!')"
_SUMS: Final = {
    "sessions": "count()",
    "closed": "countIf(closed)",
    "crashed": "countIf(closed AND crashed)",
    "wall_ms": "sumIf(wall, closed)",
    "active_ms": "sumIf(active, closed)",
}


async def _sessions(queries: Queries, judged: JudgedSessions, now_ms: int) -> _Said:
    """By verdict: sums over sessions, exposures and retention.

    Sessions are judged once and grouped twice, by verdict and by device; what is a sum of sessions is taken
    from the former, exposures and returns from the latter. A device's valid sessions are all of one variant.
    Any session of an exposed device counts as a return.
    """
    valid = f"(verdict != '' AND {_VALID})"
    sums = ", ".join(f"{value} AS sum_{name}" for name, value in _SUMS.items())
    grouped = (
        f"SELECT grouping(player_id) = 0 AS of_device, verdict, {sums}, "  # noqa: S608
        f"anyIf(verdict, {valid}) AS variant, minIf(recorded, {valid}) AS exposed_at, "
        f"groupArray(recorded) AS visits FROM ({judged.every}) "
        "GROUP BY GROUPING SETS ((player_id), (verdict))"
    )
    columns = [f"sumIf(sum_{name}, NOT of_device)" for name in _SUMS]
    columns.append("countIf(of_device)")
    for day in RETENTION_DAYS:
        due = f"of_device AND exposed_at + {(day + 1) * DAY_MS} <= {{now:Int64}}"
        back = (
            f"arrayExists(at -> at >= exposed_at + {day * DAY_MS} "
            f"AND at < exposed_at + {(day + 1) * DAY_MS}, visits)"
        )
        columns += [f"countIf({due})", f"countIf({due} AND {back})"]
    rows = await queries.query(
        f"SELECT if(of_device, variant, verdict) AS said, {', '.join(columns)} "  # noqa: S608
        f"FROM ({grouped}) WHERE said != '' GROUP BY said",
        {**judged.parameters, "now": now_ms},
        seconds=QUERY_SECONDS,
    )
    found: _Said = {}
    for verdict, *numbers in rows:
        sums_of, (exposures, *days) = numbers[: len(_SUMS)], numbers[len(_SUMS) :]
        pairs = zip(RETENTION_DAYS, days[::2], days[1::2], strict=True)
        found[verdict] = dict(zip(_SUMS, sums_of, strict=True)) | {
            "exposures": exposures,
            "retention": [Retention(*one) for one in pairs],
        }
    return found


async def _clusters(queries: Queries, judged: JudgedSessions) -> _Said:
    valid = f"SELECT session_id, player_id, verdict FROM ({judged.tagged}) WHERE {_VALID}"  # noqa: S608
    rows = await queries.query(
        "SELECT verdict, type, tag, uniqExact(player_id) AS testers, count() FROM ("  # noqa: S608
        "SELECT session_id, type, tag FROM insights FINAL "
        "WHERE studio_id = {studio:String} AND game_id = {game:String} AND removed = 0 "
        "AND type IN {types:Array(String)}) AS i "
        f"INNER JOIN ({valid}) AS s USING session_id GROUP BY verdict, type, tag "
        f"ORDER BY testers DESC, type, tag LIMIT {TAGS_MAX} BY verdict",
        {**judged.parameters, "types": [*FRICTION_TYPES, *PRAISE_TYPES]},
        seconds=QUERY_SECONDS,
    )
    found: _Said = {}
    for variant in {row[0] for row in rows}:
        own = [row[1:] for row in rows if row[0] == variant]
        counts = [TagCount(kind, tag, testers) for kind, tag, testers, _ in own]
        found[variant] = {
            "friction": top_clusters(counts, FRICTION_TYPES),
            "praise": top_clusters(counts, PRAISE_TYPES),
            "friction_count": sum(row[3] for row in own if row[0] in FRICTION_TYPES),
            "praise_count": sum(row[3] for row in own if row[0] in PRAISE_TYPES),
        }
    return found


async def _quotes(
    queries: Queries, judged: JudgedSessions, closed_questions: Sequence[str]
) -> dict[str, list[str]]:
    """Text answers on valid sessions, newest first, then by submission; one a device."""
    texts = (
        "arrayFilter(text -> trimBoth(text) != '', arrayMap(answer -> if("
        "JSONType(answer, 'value') = 'String' AND NOT has({closed_questions:Array(String)}, "
        "concat(form_id, '\\n', JSONExtractString(answer, 'fieldId'))), "
        "JSONExtractString(answer, 'value'), ''), JSONExtractArrayRaw(answers)))"
    )
    said = (
        f"SELECT session_id, form_id, submission_id, arrived_at, {texts}[1] AS text "  # noqa: S608
        "FROM feedback FINAL WHERE studio_id = {studio:String} AND game_id = {game:String} AND text != ''"
    )
    valid = f"SELECT session_id, player_id, verdict FROM ({judged.answered}) WHERE {_VALID}"  # noqa: S608
    parameters: dict[str, Value] = {**judged.parameters, "closed_questions": list(closed_questions)}
    rows = await queries.query(
        f"SELECT verdict, substringUTF8(text, 1, {QUOTE_CHARACTERS}) FROM ("  # noqa: S608
        f"SELECT verdict, text, arrived_at, submission_id, form_id "
        f"FROM ({said}) AS f INNER JOIN ({valid}) AS s USING session_id "
        "ORDER BY arrived_at DESC, submission_id, form_id LIMIT 1 BY player_id) "
        f"ORDER BY arrived_at DESC, submission_id, form_id LIMIT {QUOTES_MAX} BY verdict",
        parameters,
        seconds=QUERY_SECONDS,
    )
    found: dict[str, list[str]] = {}
    for variant, text in rows:
        found.setdefault(variant, []).append(text)
    return found
