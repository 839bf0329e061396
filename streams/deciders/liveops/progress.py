"""Progress: metrics move, the formula scores them, the board's entry follows, rewards are given.

All of it is one decision: a completed attempt's grants are in the same answer.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.liveops.commands import ReportProgress
from schemas.liveops.events import AttemptCompleted, AttemptProgressed, GrantCreated
from schemas.liveops.names import grant_id, window_aggregate
from schemas.liveops.views import Attempt, BoardEntry, Grant
from streams.deciders.liveops.plausibility import Reported, implausible, rated_increases
from streams.deciders.liveops.refusals import conflict, invalid, not_found
from streams.deciders.liveops.rules import FormulaFailed, Prize, Rules, rules_of
from streams.deciders.liveops.state import Entry, LiveopsState, Player, Run
from streams.deciders.noun import Request, Verdict

VALUE_MAX: Final = 1e15
"""Reported values, their sums and scores lie within this of 0: there, whole numbers are exact."""
AHEAD_MS_MAX: Final = 5 * 60 * 1000


class _Moved(NamedTuple):
    """What a report makes of an attempt."""

    metrics: dict[str, float]
    score: float
    rated: dict[str, float]


def progress(state: LiveopsState, request: Request, command: ReportProgress) -> Verdict:
    """The attempt and its board's entry after a report, and what it earned."""
    player = state.players.get(request.aggregate_id)
    found = _find(player, command)
    if player is None or found is None:
        return not_found("there is no such attempt")
    run, attempt = found
    refusal = _time_problem(run, attempt, request, command)
    if refusal is not None:
        return refusal
    marker = state.markers[window_aggregate(request.game_id, command.event_key, run.window_id)]
    rules = rules_of(marker.definition)
    metrics = _sums(rules, attempt, command)
    if isinstance(metrics, CommandRejected):
        return metrics
    reported = Reported(player, run, attempt, rules, marker.reference)
    rated: dict[str, float] = {}
    if rules.limited:
        increases = {name: value - attempt.metrics[name] for name, value in metrics.items()}
        refused = implausible(reported, increases, request)
        if refused is not None:
            return (refused,)
        rated = rated_increases(rules, increases)
    score = _scored(rules, metrics)
    if isinstance(score, CommandRejected):
        return score
    return _progressed(request, command, reported, _Moved(metrics, score, rated))


def _find(player: Player | None, command: ReportProgress) -> tuple[Run, Attempt] | None:
    if player is not None:
        for run in player.runs.get(command.event_key, ()):
            for attempt in run.attempts:
                if attempt.id == command.attempt_id:
                    return run, attempt
    return None


def _time_problem(
    run: Run, attempt: Attempt, request: Request, command: ReportProgress
) -> CommandRejected | None:
    at_ms, occurred_at_ms = request.at_ms, command.occurred_at_ms
    if occurred_at_ms is not None:
        if not run.starts_at_ms <= occurred_at_ms < run.ends_at_ms:
            return invalid("the time lies outside the event's window", "occurredAt")
        if occurred_at_ms > at_ms + AHEAD_MS_MAX:
            return invalid("the time is more than 5 minutes ahead", "occurredAt")
    if at_ms >= run.ends_at_ms:
        return conflict("window_closed", "the window is over")
    if attempt.status != "active":
        return conflict(f"attempt_{attempt.status}", f"the attempt is {attempt.status}")
    return None


def _values(rules: Rules, command: ReportProgress) -> dict[str, float] | CommandRejected:
    """What is reported, by metric: all of them known, all numbers in bounds, at least one."""
    values = command.metrics
    if command.metric_value is not None:
        name = rules.only_metric
        if name is None:
            return invalid("the event has no target metric: name metrics instead", "metricValue")
        if name in values:
            return invalid(f"{name} is given twice", f"metrics.{name}")
        values = {**values, name: command.metric_value}
    if not values:
        return invalid("metricValue or metrics is needed", "metricValue")
    for name, value in values.items():
        if name not in rules.zero:
            return invalid(f"the event has no metric {name}", f"metrics.{name}")
        if not -VALUE_MAX <= value <= VALUE_MAX:  # also refuses what is not a number
            return invalid("numbers lie within 1e15 of 0", f"metrics.{name}")
    return values


def _sums(rules: Rules, attempt: Attempt, command: ReportProgress) -> dict[str, float] | CommandRejected:
    """The attempt's metrics after a report."""
    values = _values(rules, command)
    if isinstance(values, CommandRejected):
        return values
    metrics = dict(attempt.metrics)
    for name, value in values.items():
        metrics[name] = (metrics[name] + value if command.mode == "increment" else value) + 0.0
        if abs(metrics[name]) > VALUE_MAX:
            return _beyond(name)
    return metrics


def _scored(rules: Rules, metrics: dict[str, float]) -> float | CommandRejected:
    try:
        score = rules.score(metrics)
    except FormulaFailed as error:
        return invalid(f"the score can't be computed: {error}")
    return score if abs(score) <= VALUE_MAX else _beyond("the score")


def _beyond(what: str) -> CommandRejected:
    """The report is in order, what it would make of the attempt is not: nothing changes."""
    return conflict("out_of_range", f"{what} would be more than 1e15 from 0")


def _progressed(request: Request, command: ReportProgress, reported: Reported, moved: _Moved) -> Verdict:
    player, run, attempt, rules, reference = reported
    metrics, score, rated = moved
    definition, at_ms = rules.definition, request.at_ms
    value = score
    if definition.keep == "sum":
        value = run.settled.get(attempt.board_id, 0.0) + score
        if abs(value) > VALUE_MAX:
            return _beyond("the total score")
    target = definition.target
    completed = command.mode == "set" if target is None else metrics[target.metric] >= target.value
    after = Attempt(
        id=attempt.id,
        event_key=attempt.event_key,
        window_id=attempt.window_id,
        board_id=attempt.board_id,
        status="completed" if completed else "active",
        metrics=metrics,
        score=score,
        started_at_ms=attempt.started_at_ms,
        completed_at_ms=at_ms if completed else None,
        lobby_id=attempt.lobby_id,
    )
    previous = run.entries.get(attempt.board_id)
    given = previous.given if previous is not None else ()
    reached = [prize for least, prize in rules.thresholds if value >= least and prize.index not in given]
    game_id, external_id = request.game_id, player.external_id
    progressed = AttemptProgressed(
        game_id=game_id,
        external_id=external_id,
        attempt=after,
        entry=_entry(previous, attempt.board_id, rules, value, at_ms),
        occurred_at_ms=at_ms if command.occurred_at_ms is None else command.occurred_at_ms,
        rated=rated,
        thresholds=[prize.index for prize in reached],
    )
    if not completed and not reached:
        return (progressed,)
    events: list[Message] = [progressed]
    earned = [(prize, attempt.board_id) for prize in reached]
    if completed:
        events.append(AttemptCompleted(game_id=game_id, external_id=external_id, attempt=after))
        earned += [(prize, attempt.id) for prize in rules.completions]
    for prize, source in earned:
        grant = _grant(
            grant_id(source, external_id, prize.trigger, prize.ordinal), prize, after, at_ms, reference
        )
        events.append(GrantCreated(game_id=game_id, external_id=external_id, grant=grant))
    return tuple(events)


def _entry(previous: Entry | None, board_id: str, rules: Rules, value: float, at_ms: int) -> BoardEntry:
    keep, descending = rules.definition.keep, rules.order == "desc"
    if previous is None:
        return BoardEntry(
            board_id=board_id,
            order=rules.order,
            score=value,
            achieved_at_ms=at_ms,
            previous_score=None,
            previous_achieved_at_ms=None,
            best=value,
            is_personal_best=True,
        )
    better = value > previous.best if descending else value < previous.best
    best = value if better else previous.best
    score = best if keep == "best" else value
    return BoardEntry(
        board_id=board_id,
        order=rules.order,
        score=score,
        achieved_at_ms=previous.achieved_at_ms if score == previous.score else at_ms,
        previous_score=previous.score,
        previous_achieved_at_ms=previous.achieved_at_ms,
        best=best,
        is_personal_best=better,
    )


def _grant(grant: str, prize: Prize, attempt: Attempt, at_ms: int, reference: str) -> Grant:
    return Grant(
        id=grant,
        kind="crate" if prize.table else "reward",
        status="pending",
        event_key=attempt.event_key,
        attempt_id=attempt.id,
        trigger=prize.trigger,
        entries=prize.entries,
        created_at_ms=at_ms,
        board_id=attempt.board_id,
        table=prize.table,
        table_version=reference if prize.table else "",
    )
