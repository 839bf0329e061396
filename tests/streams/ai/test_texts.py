"""Texts that are asked for by themselves: when analyses come to rest, and when an experiment stops."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import pytest

from schemas.edge.ports import Studio
from schemas.studio.ai import AiKey
from schemas.studio.ai_requests import FAILED_HOLDS_MS, AiAnswer, text_key
from schemas.studio.commands import MakeExperimentDigest, StartExperiment, StopExperiment
from schemas.studio.definitions import load_definitions
from schemas.studio.experiments import Digest, DigestText
from streams.ai.summaries import LONGEST_MS, QUIET_MS, Place, Summaries, ToSummarise
from streams.ai.texts import STOP_AGE_MS_MAX, AiTexts
from streams.deciders import studio_ai_requests
from streams.effect_reader import Reading
from tests.ai_server import AiServer, ai_server
from tests.streams.ai.world import AT_MS, TOPIC, AiWorld

DIGEST = Digest(
    status="ok",
    confidence_label="inconclusive",
    generated_at=AT_MS,
    model_id="openai/gpt-5-mini",
    digest=DigestText(recommendation="Wait.", per_variant=[], shared_themes=[], sentiment_shift=[]),
)


class Playing:
    """A studio's places and what is played there: a test changes both."""

    def __init__(self, world: AiWorld) -> None:
        self.world = world
        self.mark = 0
        self.inputs: dict[str, int] = {"1.0": 1}
        """Sessions by build."""
        self.looked = 0
        self.summaries = Summaries(self, self.places, self.summarise, world.asker())

    async def studios(self) -> list[Studio]:
        found = await self.world.studio(self.world.studio_id)
        assert found is not None
        return [found]

    async def ai_keys(self, studio_id: str) -> dict[str, AiKey]:
        return await self.world.ai_keys(studio_id)

    async def ai_answer(self, studio_id: str, request_hash: str) -> AiAnswer | None:
        return await self.world.ai_answer(studio_id, request_hash)

    async def places(self, studio_id: str) -> Sequence[Place]:
        assert studio_id == self.world.studio_id
        return [Place("g", "production", str(self.mark))]

    async def summarise(self, studio_id: str, game_id: str, environment: str) -> Sequence[ToSummarise]:
        assert (studio_id, game_id, environment) == (self.world.studio_id, "g", "production")
        self.looked += 1
        return [
            ToSummarise(kind="build-summary", of=build, input=json.dumps([build, count]), sessions=count)
            for build, count in self.inputs.items()
        ]

    async def at(self, seconds: int) -> int:
        self.world.now_ms = AT_MS + seconds * 1000
        return await self.summaries.tick(self.world.now_ms)


@pytest.fixture
async def server() -> AsyncIterator[AiServer]:
    async with ai_server() as running:
        running.say = lambda _: json.dumps({"narrative": "Most testers were stuck."})
        yield running


@pytest.fixture
async def world(server: AiServer) -> AsyncIterator[AiWorld]:
    made = AiWorld(server)
    yield made
    await made.close()


async def test_summaries_are_asked_for_60_seconds_after_the_last_analysis(world: AiWorld) -> None:
    playing = Playing(world)
    assert [await playing.at(second) for second in (0, 100, 200)] == [0, 0, 0]
    assert playing.looked == 0  # without a key nothing is looked at
    world.set_key("chat")
    assert [await playing.at(second) for second in (300, 350, 360)] == [0, 0, 1]
    assert await playing.at(400) == 0
    assert playing.looked == 1
    await world.run(world.runner("one"))
    key = text_key("build-summary", "g", "production/1.0")
    (text,) = await world.ai_texts(world.studio_id, [key])
    assert text is not None
    assert text.based_on_sessions == 1
    playing.mark, playing.inputs["1.0"] = 1, 2
    assert [await playing.at(second) for second in (410, 450)] == [0, 0]
    playing.mark = 2
    assert [await playing.at(second) for second in (460, 510, 520)] == [0, 0, 1]
    assert QUIET_MS == 60_000


async def test_a_place_that_never_rests_is_asked_for_after_10_minutes(world: AiWorld) -> None:
    world.set_key("chat")
    playing = Playing(world)
    asked = []
    for second in range(0, 700, 30):
        playing.mark = second
        if await playing.at(second):
            asked.append(second)
    assert asked == [600]
    assert LONGEST_MS == 600_000


async def test_an_unchanged_input_is_not_asked_for_again_even_by_another_worker(world: AiWorld) -> None:
    world.set_key("chat")
    playing = Playing(world)
    await playing.at(0)
    assert await playing.at(60) == 1
    await world.run(world.runner("one"))
    records = len(world.records)
    playing.summaries = Summaries(playing, playing.places, playing.summarise, world.asker())
    playing.mark, playing.inputs["2.0"] = 9, 1
    await playing.at(100)
    assert await playing.at(160) == 1
    await world.run(world.runner("two"))
    assert world.server.calls() == 2
    assert len(world.records) == records + 3


async def test_an_input_that_was_summarised_before_leaves_the_last_summary(world: AiWorld) -> None:
    """It is the last good one that was made, and says of how many sessions: nothing is paid twice."""
    world.set_key("chat")
    playing, runner = Playing(world), world.runner("one")
    await playing.at(0)
    for mark, sessions in enumerate((1, 2, 1)):
        playing.mark, playing.inputs["1.0"] = mark, sessions
        begin = 100 * mark
        asked = [await playing.at(begin + second) for second in (1, 70)]
        assert asked == [0, 1 if mark < 2 else 0]
        await world.run(runner)
    (text,) = await world.ai_texts(world.studio_id, [text_key("build-summary", "g", "production/1.0")])
    assert text is not None
    assert (text.based_on_sessions, world.server.calls()) == (2, 2)


async def test_what_does_not_fit_at_once_is_asked_for_later(
    world: AiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio_ai_requests, "PENDING_MAX", 3)
    world.set_key("chat")
    playing = Playing(world)
    playing.inputs = {str(number): 1 for number in range(7)}
    runner = world.runner("one")
    await playing.at(0)
    asked = []
    for second in (60, 70, 80, 90):
        asked.append(await playing.at(second))
        await world.run(runner)
    assert asked == [3, 3, 1, 0]
    assert world.server.calls() == 7


async def test_a_used_up_budget_is_not_asked_about_again_until_something_changes(server: AiServer) -> None:
    world = AiWorld(server, monthly_tokens=10)
    world.set_key("chat")
    playing = Playing(world)
    await playing.at(0)
    assert [await playing.at(second) for second in (60, 70, 200)] == [0, 0, 0]
    assert playing.looked == 1
    assert FAILED_HOLDS_MS < 200_000


class Made:
    """Digests that were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.digest: Digest | None = DIGEST

    async def __call__(self, studio_id: str, experiment_id: str) -> Digest | None:
        del studio_id
        self.asked.append(experiment_id)
        return self.digest


def texts(world: AiWorld, made: Made) -> AiTexts:
    return AiTexts(
        world.asker(),
        Reading(TOPIC, world, world),
        summaries=Playing(world).summaries,
        make_digest=made,
        clock_ms=lambda: world.now_ms,
    )


def stopped(world: AiWorld) -> None:
    """An experiment that ran and stopped."""
    text = """\
studio: {slug: a, name: A}
games:
  - slug: doom
    name: Doom
    experiments:
      - {id: exp_a, name: A, variants: [{key: a, name: A, allocation: 50}, {key: b, name: B, allocation: 50}]}
"""
    world.given(load_definitions(text))
    world.given(StartExperiment(experiment_id="exp_a"))
    world.given(StopExperiment(experiment_id="exp_a"))


async def test_a_stop_makes_a_digest_and_a_replay_none(world: AiWorld) -> None:
    made = Made()
    stopped(world)
    reader = texts(world, made)
    await reader.assigned(0)
    for record in list(world.records):
        await reader.handle(record)
    await reader.settle()
    assert made.asked == ["exp_a"]
    assert isinstance(world.asked[-1], MakeExperimentDigest)
    assert world.stored[f"experiment-digests:{world.studio_id}"].keys() == {"exp_a"}
    await reader.revoked(0)
    world.now_ms += STOP_AGE_MS_MAX
    world.positions.clear()
    again = texts(world, made)
    await again.assigned(0)
    for record in list(world.records):
        await again.handle(record)
    await again.settle()
    assert made.asked == ["exp_a"]


async def test_without_a_key_a_stop_makes_none(world: AiWorld) -> None:
    made = Made()
    made.digest = None
    stopped(world)
    reader = texts(world, made)
    await reader.assigned(0)
    for record in list(world.records):
        await reader.handle(record)
    await reader.settle()
    assert not any(isinstance(one, MakeExperimentDigest) for one in world.asked)
