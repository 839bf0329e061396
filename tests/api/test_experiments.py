"""The list of experiments and the comparison: shapes, order, walls, what is cached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schemas.studio.assignment import assignments_of
from schemas.studio.experiments import Digest, DigestText, ExperimentLife, Run, Shift
from tests.api.world import NOW_MS, time64

if TYPE_CHECKING:
    from tests.api.world import World

pytestmark = pytest.mark.stack

DAY = 24 * 3600 * 1000
VARIANTS = [
    {"key": "control", "name": "Control", "allocation": 50},
    {"key": "treatment", "name": "Treatment", "allocation": 50},
]
PATH = "/api/v1/experiments/exp_x/comparison"


def experiment(experiment_id: str, **said: Any) -> dict[str, Any]:
    return {"id": experiment_id, "name": experiment_id.title(), "salt": "s", "variants": VARIANTS} | said


def life(world: World, experiment_id: str, **said: Any) -> ExperimentLife:
    content: dict[str, Any] = {"status": "draft", "created_at_ms": NOW_MS} | said
    return ExperimentLife(id=experiment_id, game_id=world.directory.doom.id, **content)


async def test_experiments_newest_first_with_their_audiences(world: World) -> None:
    runs = [Run(NOW_MS, NOW_MS + 5), Run(NOW_MS + 9)]
    world.define(
        life(world, "exp_b"),
        life(world, "exp_a"),
        life(world, "exp_old", created_at_ms=1, status="running", runs=runs, winner="control"),
        audiences=[{"id": "aud_beta", "name": "Beta cohort", "minBuild": "1"}],
        experiments=[
            experiment("exp_a"),
            experiment("exp_b", coverage=12.5),
            experiment("exp_old", audienceId="aud_beta"),
        ],
    )
    answer = (await world.read("/api/v1/games/doom/experiments")).json()
    assert answer["game"]["slug"] == "doom"
    assert [one["id"] for one in answer["experiments"]] == ["exp_a", "exp_b", "exp_old"]
    assert answer["experiments"][1]["coverage"] == 12.5
    assert answer["experiments"][2] == {
        "id": "exp_old",
        "name": "Exp_Old",
        "status": "running",
        "variants": VARIANTS,
        "audienceId": "aud_beta",
        "audienceName": "Beta cohort",
        "coverage": 100,
        "winnerVariantKey": "control",
        "createdAt": 1,
        "startedAt": NOW_MS,
        "stoppedAt": None,
    }
    relay = (await world.read(f"/api/v1/games/{world.directory.relay.id}/experiments")).json()
    assert relay["experiments"] == []
    theirs = await world.read(f"/api/v1/games/{world.directory.theirs.id}/experiments")
    assert (theirs.status_code, theirs.json()) == (404, {"error": "Game not found"})


async def test_an_unknown_experiment_and_another_studios_are_the_same(world: World) -> None:
    world.define(life(world, "exp_x"), experiments=[experiment("exp_x")])
    assert (await world.read(PATH)).status_code == 200
    for path, key in ((PATH, world.directory.other_management), (PATH.replace("_x", "_y"), None)):
        answer = await world.read(path, key)
        assert (answer.status_code, answer.json()) == (404, {"error": "Experiment not found"})


async def test_a_draft_compares_nothing(world: World) -> None:
    world.define(life(world, "exp_x"), experiments=[experiment("exp_x")])
    answer = await world.read(PATH)
    assert int(answer.headers["x-data-age-ms"]) <= 30_000
    content = answer.json()
    assert content["digest"] is None
    comparison = content["comparison"]
    assert (comparison["experimentId"], comparison["gameId"]) == ("exp_x", world.directory.doom.id)
    assert comparison["generatedAt"] == NOW_MS
    assert comparison["srm"] == {"status": "insufficient", "chiSquare": None, "pValue": None}
    assert comparison["variants"][0] == {
        **VARIANTS[0],
        "sessionCount": 0,
        "exposures": 0,
        "retention": [{"day": day, "eligible": 0, "retained": 0, "rate": None} for day in (1, 2, 7)],
        "engagementPct": 0,
        "crashRate": 0,
        "topFriction": [],
        "topPraise": [],
        "sampleQuotes": [],
    }


async def test_a_comparison_says_what_sessions_insights_and_answers_say(world: World) -> None:
    start = NOW_MS - 9 * DAY
    running = life(world, "exp_x", status="running", created_at_ms=start, runs=[Run(start)])
    world.define(running, experiments=[experiment("exp_x")])
    doom = world.directory.doom
    asking = assignments_of(doom.id, doom.definition)["exp_x"]
    mine = [f"d{number}" for number in range(60) if asking.variant(f"d{number}", "") == "treatment"][:8]
    sessions = [
        {
            "session_id": f"s_{device}_{day}",
            "player_id": device,
            "experiments": '{"exp_x":"treatment"}' if day == 0 else "",
            "events": [
                (start + day * DAY, "a"),
                (start + day * DAY + 20_000, "crash" if device == mine[0] else "b"),
            ],
        }
        for device in mine
        for day in ((0, 1) if device in mine[:3] else (0,))
    ]
    await world.sessions(*sessions)
    await world.insights(
        *(
            {
                "session_id": f"s_{device}_0",
                "type": "stuck-point",
                "tag": "act2-stuck",
                "insight_id": f"i{device}",
            }
            for device in mine[:4]
        ),
        {"session_id": f"s_{mine[0]}_0", "type": "stuck-point", "tag": "act2-stuck"},
        {"session_id": f"s_{mine[0]}_0", "type": "bug-report", "tag": "bug-report"},
        {"session_id": f"s_{mine[1]}_0", "type": "positive-moment", "tag": "hub-positive-moment"},
        {"session_id": f"s_{mine[1]}_1", "type": "positive-moment", "tag": "late-positive-moment"},
        {"session_id": f"s_{mine[2]}_0", "type": "session-summary", "tag": "session-summary"},
        {"session_id": f"s_{mine[3]}_0", "type": "praise", "tag": "gone-praise", "removed": 1},
    )
    await world.feedback(
        *(
            {"session_id": f"s_{device}_0", "player_id": device, "submission_id": f"sub_{index}"}
            | {"arrived_at": time64(start + index // 2), "texts": [5, " ", f"{index} " + "ä" * 300]}
            for index, device in enumerate(mine)
        ),
        {
            "session_id": f"s_{mine[7]}_0",
            "submission_id": "sub_7a",
            "arrived_at": time64(start - DAY),
            "texts": ["older"],
        },
        {"session_id": f"s_{mine[0]}_1", "submission_id": "sub_x", "texts": ["of a session without a tag"]},
    )
    text = DigestText(
        recommendation="r", per_variant=[], shared_themes=[], sentiment_shift=[Shift(key="t", delta=None)]
    )
    world.experiments.digests["exp_x"] = Digest(
        status="degraded", confidence_label="leaning", generated_at=5, model_id=None, digest=text
    )
    answer = (await world.read(PATH)).json()
    assert answer["digest"]["confidenceLabel"] == "leaning"
    assert answer["digest"]["digest"]["sentimentShift"] == [{"key": "t", "delta": None}]
    control, treatment = answer["comparison"]["variants"]
    assert (control["sessionCount"], control["sampleQuotes"]) == (0, [])
    assert (treatment["sessionCount"], treatment["exposures"]) == (8, 8)
    assert (treatment["engagementPct"], treatment["crashRate"]) == (1, 0.125)
    assert treatment["retention"] == [
        {"day": 1, "eligible": 8, "retained": 3, "rate": 0.375},
        {"day": 2, "eligible": 8, "retained": 0, "rate": 0},
        {"day": 7, "eligible": 8, "retained": 0, "rate": 0},
    ]
    assert treatment["topFriction"] == [
        {"type": "stuck-point", "tag": "act2", "count": 4},
        {"type": "bug-report", "tag": "bug-report", "count": 1},
    ]
    assert treatment["topPraise"] == [{"type": "positive-moment", "tag": "hub", "count": 1}]
    assert [quote[:2] for quote in treatment["sampleQuotes"]] == ["6 ", "7 ", "4 ", "5 ", "2 "]
    assert {len(quote) for quote in treatment["sampleQuotes"]} == {200}


async def test_answers_of_yes_or_no_are_no_quotes(world: World) -> None:
    running = life(world, "exp_x", status="running", runs=[Run(NOW_MS)])
    world.directory.doom.feedback_forms.append(
        {"id": "ff", "fields": [{"id": "q0", "kind": "yes-no"}, {"id": "q1", "kind": "short-text"}]}
    )
    world.define(running, experiments=[experiment("exp_x", pins={"pinned": "control"})])
    doom = world.directory.doom
    tag = assignments_of(doom.id, doom.definition)["exp_x"].variant("d", "")
    tags = f'{{"exp_x":"{tag}"}}'
    await world.sessions(
        {"session_id": "s", "player_id": "d", "experiments": tags, "closed": 0},
        {"session_id": "p", "player_id": "pinned", "experiments": '{"exp_x":"control"}'},
    )
    await world.feedback(
        {"session_id": "s", "player_id": "d", "texts": ["yes", "no"]},
        {"session_id": "p", "player_id": "pinned", "texts": ["", "pinned"]},
    )
    comparison = (await world.read(PATH)).json()["comparison"]
    (mine,) = [one for one in comparison["variants"] if one["key"] == tag]
    assert (mine["sampleQuotes"], mine["sessionCount"], mine["engagementPct"]) == (["no"], 1, 0)
    assert comparison["rejectedTags"] == {
        "notRunning": 0,
        "notInAudience": 0,
        "wrongVariant": 0,
        "pinned": 1,
    }


async def test_a_comparison_is_kept_for_a_while_and_anew_for_another_definition(world: World) -> None:
    running = life(world, "exp_x", status="running", runs=[Run(NOW_MS)])
    world.define(running, experiments=[experiment("exp_x")])
    first = await world.read(PATH)
    world.experiments.now_ms += 1
    second = await world.read(PATH)
    assert [one.headers["x-cache"] for one in (first, second)] == ["miss", "hit"]
    assert first.content == second.content
    world.define(running, experiments=[experiment("exp_x", coverage=50)])
    assert (await world.read(PATH)).json()["comparison"]["generatedAt"] == NOW_MS + 1
