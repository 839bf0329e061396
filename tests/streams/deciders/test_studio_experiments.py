from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.studio.commands import (
    MakeExperimentDigest,
    PickExperimentWinner,
    ResumeExperiment,
    StartExperiment,
    StopExperiment,
)
from schemas.studio.definitions import line_of, load_definitions
from schemas.studio.events import (
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentDigestMade,
    ExperimentResumed,
    ExperimentStarted,
    ExperimentStopped,
    ExperimentWinnerPicked,
    GameChanged,
)
from schemas.studio.experiments import RUNS_MAX, Digest, DigestText, Run
from streams.deciders import studio_experiments
from streams.deciders.studio_state import experiment_key
from tests.streams.deciders.given import AT_MS, Studios, define, game

FILE = """\
studio: {name: Demo Studio, slug: demo}
games:
  - id: 72ab8f81-ef36-4712-a046-399a62b9afaa
    slug: doom
    name: Freedoom
    audiences:
      - {id: aud_beta, name: Beta cohort,
         minBuild: "0.5.0"}
    experiments:
      - id: exp_tutorial_v2
        name: Tutorial test
        audienceId: aud_beta
        coverage: 20
        salt: first
        pins: {dev_qa: treatment}
        variants:
          - {key: control, name: Control, allocation: 50}
          - {key: treatment, name: Treatment, allocation: 50}
"""
ID = "exp_tutorial_v2"
START, STOP, RESUME = (kind(experiment_id=ID) for kind in (StartExperiment, StopExperiment, ResumeExperiment))


def winner(key: str | None) -> PickExperimentWinner:
    return PickExperimentWinner(experiment_id=ID, variant_key=key)


@pytest.fixture
def studios() -> Studios:
    world = Studios()
    world.given(load_definitions(FILE))
    return world


def started(*commands: Message) -> Studios:
    world = Studios()
    world.given(load_definitions(FILE))
    for command in (START, *commands):
        world.given(command, "demo")
    return world


def refused(studios: Studios, text: str) -> tuple[str, str, int]:
    verdict = studios.when(load_definitions(text))
    assert isinstance(verdict, CommandRejected)
    assert (verdict.status, verdict.field is not None) == (409, True)
    return verdict.code, verdict.field or "", line_of(text, verdict.field or "")


def test_an_experiment_begins_as_a_draft_and_the_file_again_changes_nothing(studios: Studios) -> None:
    (life,) = studios.state.experiments.values()
    assert (life.id, life.status, life.created_at_ms, life.started_at_ms) == (ID, "draft", AT_MS, None)
    assert studios.when(load_definitions(FILE)) == ()


def test_life_goes_from_draft_over_running_to_stopped_and_back(studios: Studios) -> None:
    kinds: list[type[Message]] = []
    for command in (START, STOP, RESUME):
        (event,) = studios.given(command, "demo")
        kinds.append(type(event))
    assert kinds == [ExperimentStarted, ExperimentStopped, ExperimentResumed]
    (life,) = studios.state.experiments.values()
    assert life.runs == [Run(AT_MS, AT_MS), Run(AT_MS)]
    assert (life.started_at_ms, life.stopped_at_ms) == (AT_MS, None)


@pytest.mark.parametrize(
    ("before", "command"),
    [
        ((), STOP),
        ((), RESUME),
        ((), winner("control")),
        ((), winner(None)),
        ((START,), START),
        ((START,), RESUME),
        ((START, STOP), START),
        ((START, STOP), STOP),
    ],
)
def test_what_its_status_does_not_allow_is_refused(
    studios: Studios, before: tuple[Message, ...], command: Message
) -> None:
    for earlier in before:
        studios.given(earlier, "demo")
    assert studios.refusal(command, "demo") == (409, "wrong_status")


def test_a_winner_is_a_variant_and_can_be_taken_back() -> None:
    studios = started()
    assert studios.refusal(winner("blue"), "demo") == (400, "unknown_variant")
    (picked,) = studios.given(winner("treatment"), "demo")
    assert isinstance(picked, ExperimentWinnerPicked)
    assert picked.experiment.winner == "treatment"
    assert studios.when(winner("treatment"), "demo") == ()
    (none,) = studios.given(winner(None), "demo")
    assert isinstance(none, ExperimentWinnerPicked)
    assert none.experiment.winner == ""


def test_a_digest_needs_a_start() -> None:
    text = DigestText(recommendation="r", per_variant=[], shared_themes=[], sentiment_shift=[])
    digest = Digest(status="degraded", confidence_label="leaning", generated_at=1, model_id=None, digest=text)
    command = MakeExperimentDigest(experiment_id=ID, digest=digest)
    world = Studios()
    world.given(load_definitions(FILE))
    assert world.refusal(command, "demo") == (409, "wrong_status")
    (made,) = started().given(command, "demo")
    assert isinstance(made, ExperimentDigestMade)
    assert made.digest == digest


def test_another_studios_experiment_does_not_exist(studios: Studios) -> None:
    studios.given(define("other", game("mine")))
    assert studios.refusal(START, "other") == (404, "unknown_experiment")


@pytest.mark.parametrize(
    ("old", "new", "field", "line"),
    [
        ("allocation: 50}\n          - {key", "allocation: 40}\n          - {key", "", 0),
        ("audienceId: aud_beta", "audienceId: null", "experiments[0].audienceId", 12),
        ("coverage: 20", "coverage: 19.99", "experiments[0].coverage", 13),
        ("salt: first", "salt: second", "experiments[0].salt", 14),
        ("salt: first\n        ", "", "experiments[0].salt", 10),
        ("key: treatment", "key: other", "experiments[0].variants[1].key", 18),
        ("name: Control", "name: Old", "experiments[0].variants[0].name", 17),
        ('minBuild: "0.5.0"', 'minBuild: "0.4.0"', "audiences[0].minBuild", 8),
        ('minBuild: "0.5.0"', 'minBuild: "0.5.0", deviceIds: [a]', "audiences[0].deviceIds", 8),
    ],
)
def test_what_assigns_is_locked_from_the_first_start(old: str, new: str, field: str, line: int) -> None:
    assert old in FILE
    text = FILE.replace(old, new, 1)
    if not field:  # both allocations must add up to 100
        text = text.replace("Treatment, allocation: 50", "Treatment, allocation: 60")
        field, line = "experiments[0].variants[0].allocation", 17
    text = text.replace("dev_qa: treatment", "dev_qa: control")
    for studios in (started(), started(STOP), started(STOP, RESUME)):
        assert refused(studios, text) == ("locked", f"games[0].{field}", line)
    draft = Studios()
    draft.given(load_definitions(FILE))
    assert isinstance(draft.when(load_definitions(text)), tuple)


def test_names_pins_and_more_coverage_may_change_after_a_start() -> None:
    text = FILE.replace("coverage: 20", "coverage: 60").replace("dev_qa: treatment", "dev_qa: control")
    text = text.replace("Tutorial test", "Tutorial").replace("Beta cohort", "Beta")
    (changed,) = started().given(load_definitions(text))
    assert isinstance(changed, GameChanged)
    assert changed.changed == ["audiences[aud_beta]", f"experiments[{ID}]"]


def test_one_left_out_is_deleted_and_refused_while_it_runs(studios: Studios) -> None:
    without = FILE[: FILE.index("    experiments:")]
    assert refused(started(), without) == ("running", "games[0].experiments", 3)
    for world in (studios, started(STOP)):
        changed, deleted = world.given(load_definitions(without))
        assert isinstance(changed, GameChanged)
        assert isinstance(deleted, ExperimentDeleted)
        assert world.refusal(START, "demo") == (404, "unknown_experiment")
        assert refused(world, FILE) == ("id_taken", "games[0].experiments[0].id", 10)


def test_ids_are_unique_in_a_studio_only(studios: Studios) -> None:
    moved = FILE.replace("72ab8f81-ef36-4712-a046-399a62b9afaa", "game_2").replace("slug: doom", "slug: two")
    assert refused(studios, moved)[:2] == ("id_taken", "games[0].experiments[0].id")
    other = moved.replace("slug: demo", "slug: other")
    assert isinstance(studios.given(load_definitions(other))[-1], ExperimentCreated)


def test_a_games_own_file_left_alone_keeps_its_experiments(studios: Studios) -> None:
    studios.given(START, "demo")
    assert studios.when(define("demo", name="Demo Studio")) == ()


def test_a_studio_and_an_experiment_have_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio_experiments, "EXPERIMENTS_MAX", 0)
    assert Studios().refusal(load_definitions(FILE)) == (409, "too_many_experiments")
    monkeypatch.undo()
    studios = started(STOP)
    key = experiment_key(studios.state.studio_ids["demo"], ID)
    full = msgspec.structs.replace(studios.state.experiments[key], runs=[Run(1, 1)] * RUNS_MAX)
    experiments = studios.state.experiments.set(key, full)
    studios.state = msgspec.structs.replace(studios.state, experiments=experiments)
    assert studios.refusal(RESUME, "demo") == (409, "too_many_runs")


def test_an_id_of_two_games_in_one_command_is_refused() -> None:
    settings: dict[str, Any] = load_definitions(FILE).games[0].settings.definition
    two = define("demo", game("one", definition=settings), game("two", definition=settings))
    assert Studios().refusal(two) == (409, "id_taken")
