"""Decides about experiments: what a file may change of them, and their life. Pure and total.

Source: the analytics contract, "Experiments". From the first start on what assigns is locked, so that every
device keeps its variant with nothing stored: another split is another experiment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.studio.commands import (
    ExperimentCommand,
    MakeExperimentDigest,
    PickExperimentWinner,
    ResumeExperiment,
    StartExperiment,
    StopExperiment,
)
from schemas.studio.events import (
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentDigestMade,
    ExperimentResumed,
    ExperimentStarted,
    ExperimentStopped,
    ExperimentWinnerPicked,
)
from schemas.studio.experiments import RUNS_MAX, ExperimentLife, Run
from schemas.studio.games import GameSettings
from streams.deciders.noun import Request, Verdict
from streams.deciders.refusals import refused
from streams.deciders.studio_state import StudioState, experiment_key

EXPERIMENTS_MAX: Final = 5000
"""Of a studio, deleted ones among them."""

_LOCKED: Final = ("audienceId", "salt")
_AUDIENCE_LOCKED: Final = ("minBuild", "maxBuild", "builds", "deviceIds")
_PASSED_ON: Final = "since its first start: declare another experiment"

Settings = dict[str, Any]


class StudioGame(NamedTuple):
    """A game and whose it is."""

    studio_id: str
    game_id: str


def decide(state: StudioState, request: Request, command: ExperimentCommand) -> Verdict:
    """The event that a command about one experiment gives, or its refusal."""
    life = state.experiments.get(experiment_key(request.studio_id, command.experiment_id))
    if life is None or life.status == "deleted":
        return refused(404, "unknown_experiment", "there is no such experiment", "experimentId")
    return _DECIDERS[type(command)](state, request, command, life)


def _start(_: StudioState, request: Request, __: Any, life: ExperimentLife) -> Verdict:
    if life.status != "draft":
        return _wrong_status(life, "only a draft can be started")
    started = _with(life, status="running", runs=[Run(request.at_ms)])
    return (ExperimentStarted(studio_id=request.studio_id, experiment=started),)


def _stop(_: StudioState, request: Request, __: Any, life: ExperimentLife) -> Verdict:
    if life.status != "running":
        return _wrong_status(life, "only a running one can be stopped")
    *before, last = life.runs
    ended = Run(last.started_at_ms, max(request.at_ms, last.started_at_ms))
    stopped = _with(life, status="stopped", runs=[*before, ended])
    return (ExperimentStopped(studio_id=request.studio_id, experiment=stopped),)


def _resume(_: StudioState, request: Request, __: Any, life: ExperimentLife) -> Verdict:
    if life.status != "stopped":
        return _wrong_status(life, "only a stopped one can be resumed")
    if len(life.runs) >= RUNS_MAX:
        return refused(409, "too_many_runs", f"an experiment runs at most {RUNS_MAX} times")
    resumed = _with(life, status="running", runs=[*life.runs, Run(request.at_ms)])
    return (ExperimentResumed(studio_id=request.studio_id, experiment=resumed),)


def _pick(state: StudioState, request: Request, command: Any, life: ExperimentLife) -> Verdict:
    if life.status == "draft":
        return _wrong_status(life, "it has no winner before its first start")
    defined = _by_id(state.games[life.game_id].settings.definition.get("experiments", []))[life.id]
    key: str | None = command.variant_key
    keys = [variant["key"] for variant in defined["variants"]]
    if key is not None and key not in keys:
        return refused(400, "unknown_variant", f"its variants are {', '.join(keys)}", "variantKey")
    winner = key or ""
    if winner == life.winner:
        return ()
    return (ExperimentWinnerPicked(studio_id=request.studio_id, experiment=_with(life, winner=winner)),)


def _digest(_: StudioState, request: Request, command: Any, life: ExperimentLife) -> Verdict:
    if life.status == "draft":
        return _wrong_status(life, "it has nothing to compare before its first start")
    return (
        ExperimentDigestMade(
            studio_id=request.studio_id,
            game_id=life.game_id,
            experiment_id=life.id,
            digest=command.digest,
        ),
    )


_DECIDERS: Final[
    dict[type[ExperimentCommand], Callable[[StudioState, Request, Any, ExperimentLife], Verdict]]
] = {
    StartExperiment: _start,
    StopExperiment: _stop,
    ResumeExperiment: _resume,
    PickExperimentWinner: _pick,
    MakeExperimentDigest: _digest,
}


def defined(
    state: StudioState, request: Request, game: StudioGame, after: GameSettings
) -> list[Message] | CommandRejected:
    """What a game's new settings make of its experiments. A refusal's field is a path below the game."""
    studio_id, game_id = game
    before = state.games[game_id].settings if game_id in state.games else None
    old = before.definition if before is not None else {}
    new = after.definition
    events: list[Message] = []
    for index, experiment in enumerate(new.get("experiments", [])):
        life = state.experiments.get(experiment_key(studio_id, experiment["id"]))
        if life is None:
            created = ExperimentLife(
                id=experiment["id"], game_id=game_id, status="draft", created_at_ms=request.at_ms
            )
            events.append(ExperimentCreated(studio_id=studio_id, experiment=created))
        elif life.status == "deleted" or life.game_id != game_id:
            taken = f"{life.id} was an experiment of this studio before: an id is never used again"
            return refused(409, "id_taken", taken, f"experiments[{index}].id")
        elif life.runs:
            for field, message in _changes_of_locked(old, new, index, experiment):
                return refused(409, "locked", message, field)
    kept = _by_id(new.get("experiments", []))
    for experiment_id in _by_id(old.get("experiments", [])).keys() - kept.keys():
        life = state.experiments[experiment_key(studio_id, experiment_id)]
        if life.status == "running":
            message = f"{experiment_id} is running: stop it before you leave it out"
            return refused(409, "running", message, "experiments")
        events.append(ExperimentDeleted(studio_id=studio_id, experiment=_with(life, status="deleted")))
    return events


def too_many(state: StudioState, studio_id: str, created: int) -> CommandRejected | None:
    """The refusal of so many more experiments, where a studio may not have them."""
    if not created:
        return None
    known = sum(key.startswith(f"{studio_id}/") for key in state.experiments)
    if known + created <= EXPERIMENTS_MAX:
        return None
    most = f"a studio has at most {EXPERIMENTS_MAX} experiments, deleted ones among them"
    return refused(409, "too_many_experiments", most, "games")


def _changes_of_locked(
    old: Settings, new: Settings, index: int, experiment: Settings
) -> Iterator[tuple[str, str]]:
    """Field below the game and message of each change that may not be."""
    path = f"experiments[{index}]"
    earlier = _by_id(old["experiments"])[experiment["id"]]
    for field in _LOCKED:
        if earlier[field] != experiment[field]:
            yield f"{path}.{field}", f"is locked as {_shown(earlier[field])} {_PASSED_ON}"
    yield from _changes_of_variants(path, earlier["variants"], experiment["variants"])
    if experiment["coverage"] < earlier["coverage"]:
        yield f"{path}.coverage", f"may only rise, and is {earlier['coverage']:g} already"
    if experiment["audienceId"] is not None:
        yield from _changes_of_audience(old["audiences"], new["audiences"], experiment["audienceId"])


def _changes_of_variants(
    path: str, earlier: list[Settings], variants: list[Settings]
) -> Iterator[tuple[str, str]]:
    if len(earlier) != len(variants):
        yield f"{path}.variants", f"are locked {_PASSED_ON}"
        return
    for index, (one, other) in enumerate(zip(earlier, variants, strict=True)):
        for field in ("key", "name", "allocation"):
            if one[field] != other[field]:
                message = f"is locked as {_shown(one[field])} {_PASSED_ON}"
                yield f"{path}.variants[{index}].{field}", message


def _changes_of_audience(
    earlier: list[Settings], audiences: list[Settings], audience_id: str
) -> Iterator[tuple[str, str]]:
    known = _by_id(earlier).get(audience_id)
    index, audience = next((index, one) for index, one in enumerate(audiences) if one["id"] == audience_id)
    for field in _AUDIENCE_LOCKED:
        if known is not None and known[field] != audience[field]:
            message = "is locked: an experiment of this audience was started. Declare another audience"
            yield f"audiences[{index}].{field}", message


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


def _by_id(entries: list[Settings]) -> dict[str, Settings]:
    return {entry["id"]: entry for entry in entries}


def _with(life: ExperimentLife, **changes: Any) -> ExperimentLife:
    return msgspec.structs.replace(life, **changes)


def _wrong_status(life: ExperimentLife, rule: str) -> CommandRejected:
    return refused(409, "wrong_status", f"the experiment is {_SHOWN_STATUS[life.status]}: {rule}")


_SHOWN_STATUS: Final = {"draft": "a draft", "running": "running", "stopped": "stopped"}
