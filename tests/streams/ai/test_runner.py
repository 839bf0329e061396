"""Requests of the log put to a provider on loopback: once each, whatever dies, fails or is read again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from schemas.studio.ai_requests import (
    FAILED_HOLDS_MS,
    LEASE_MS,
    AiAnswer,
    AiRequest,
    month_of,
    text_key,
    vector_id,
)
from tests.ai_server import TOKENS_IN, TOKENS_OUT, AiServer, ai_server
from tests.streams.ai.world import AT_MS, KEY, AiWorld

PLAIN = "Most testers were stuck at the door."


def summary(build: str = "0.4.9", model: str = "openai/gpt-5-mini") -> AiRequest:
    return AiRequest(
        kind="build-summary",
        subject=f"production/{build}",
        game_id="g",
        model_id=model,
        input=json.dumps({"build": build}),
        based_on_sessions=3,
    )


def vectors(*texts: str) -> AiRequest:
    return AiRequest(
        kind="embedding",
        subject="",
        game_id="g",
        model_id="openai/text-embedding-3-small",
        input=json.dumps(texts),
    )


@pytest.fixture
async def server() -> AsyncIterator[AiServer]:
    async with ai_server() as running:
        running.say = lambda _: json.dumps({"narrative": PLAIN})
        yield running


@pytest.fixture
async def world(server: AiServer) -> AsyncIterator[AiWorld]:
    made = AiWorld(server)
    made.set_key("chat")
    made.set_key("embedding")
    yield made
    await made.close()


async def test_a_request_is_answered_counted_and_kept(world: AiWorld) -> None:
    world.ask(summary())
    await world.run(world.runner("one"))
    answer = await world.ai_answer(world.studio_id, summary().hash)
    assert answer is not None
    assert (answer.status, json.loads(answer.output)) == ("ok", {"narrative": PLAIN})
    (text,) = await world.ai_texts(world.studio_id, [text_key("build-summary", "g", "production/0.4.9")])
    assert text is not None
    assert (text.output, text.based_on_sessions, text.generated_at_ms) == (answer.output, 3, AT_MS)
    assert world.ai.month_tokens == TOKENS_IN + TOKENS_OUT
    assert world.ai.taken(month_of(AT_MS)) == TOKENS_IN + TOKENS_OUT
    assert not world.stored[f"ai-pending:{world.studio_id}"]
    assert world.server.calls() == 1


async def test_vectors_are_kept_by_text_and_model(world: AiWorld) -> None:
    request = vectors("stuck at the door", "loved the music")
    world.ask(request)
    await world.run(world.runner("one"))
    ids = [vector_id(request.model_id, text) for text in ("stuck at the door", "loved the music", "other")]
    found = await world.ai_vectors(world.studio_id, ids)
    assert [None if one is None else len(one) for one in found] == [1024, 1024, None]
    assert world.ai.month_tokens == TOKENS_IN


async def test_a_replay_of_the_whole_log_calls_nobody(world: AiWorld) -> None:
    for build in ("1", "2", "3"):
        world.ask(summary(build))
    await world.run(world.runner("one"))
    assert world.server.calls() == 3
    records = len(world.records)
    world.positions.clear()
    await world.run(world.runner("two"))
    assert world.server.calls() == 3
    assert len(world.records) == records


async def test_a_replay_that_pauses_anywhere_calls_nobody(world: AiWorld) -> None:
    world.ask(summary())
    await world.run(world.runner("one"))
    world.positions.clear()
    runner = world.runner("two")
    await runner.assigned(0)
    for record in list(world.records):
        await runner.handle(record)
        await runner.idle(world.now_ms)
        await runner.settle()
    assert world.server.calls() == 1


async def test_two_workers_call_once(world: AiWorld) -> None:
    world.ask(summary())
    one, two = world.runner("one"), world.runner("two")
    for runner in (one, two):
        await runner.assigned(0)
        await world.read_all(runner, 0)
    await asyncio.gather(one.idle(world.now_ms), two.idle(world.now_ms))
    await asyncio.gather(one.settle(), two.settle())
    assert world.server.calls() == 1
    answer = await world.ai_answer(world.studio_id, summary().hash)
    assert answer is not None
    assert answer.status == "ok"


async def test_a_worker_killed_in_mid_call_neither_pays_twice_nor_hangs(world: AiWorld) -> None:
    world.server.faults = ["silence"]
    world.ask(summary())
    killed = world.runner("killed")
    await killed.assigned(0)
    await world.read_all(killed, 0)
    await killed.idle(world.now_ms)
    await world.server.asked.wait()
    await killed.revoked(0)
    assert world.server.calls() == 1
    heir = world.runner("heir")
    await world.run(heir)
    assert world.server.calls() == 1
    assert await world.ai_answer(world.studio_id, summary().hash) is None
    world.now_ms += LEASE_MS
    await heir.idle(world.now_ms)
    await heir.settle()
    answer = await world.ai_answer(world.studio_id, summary().hash)
    assert answer is not None
    assert (answer.status, world.server.calls()) == ("ai_error", 1)
    assert world.ai.month_tokens == summary().tokens_max
    world.now_ms += FAILED_HOLDS_MS
    world.ask(summary())
    await world.run(heir)
    again = await world.ai_answer(world.studio_id, summary().hash)
    assert again is not None
    assert (again.status, again.attempt, world.server.calls()) == ("ok", 2, 2)


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_lost_answers_of_the_log_change_nothing(world: AiWorld, lost: int) -> None:
    world.ask(summary())
    world.lost_answers = lost
    await world.run(world.runner("one"))
    answer = await world.ai_answer(world.studio_id, summary().hash)
    assert answer is not None
    assert (answer.status, world.server.calls()) == ("ok", 1)
    assert world.ai.month_tokens == TOKENS_IN + TOKENS_OUT


@pytest.mark.parametrize(
    "case",
    [
        (["refusal"], "ai_declined", 1, 150),
        (["cut-off"], "ok", 2, 300),
        (["cut-off", "cut-off"], "ai_error", 2, 300),
        (["429", "500"], "ok", 3, 150),
        (["500", "500", "500"], "ai_error", 3, 0),
        (["bad json"], "ai_error", 1, summary().call_tokens_max),
        (["silence"], "ai_error", 1, summary().call_tokens_max),
        (["400"], "ai_error", 1, 0),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "google"])
async def test_what_providers_do_ends_with_a_status_and_what_it_took(
    server: AiServer, provider: str, case: tuple[list[str], str, int, int]
) -> None:
    faults, status, calls, tokens = case
    world = AiWorld(server, provider=provider)
    world.set_key("chat")
    model = "openai/gpt-5-mini" if provider == "openai" else "google/gemini-2.5-flash"
    world.server.faults = list(faults)
    request = summary(model=model)
    world.ask(request)
    await world.run(world.runner("one", answer_s=0.3 if "silence" in faults else 30.0))
    answer = await world.ai_answer(world.studio_id, request.hash)
    assert answer is not None
    assert (answer.status, world.server.calls()) == (status, calls)
    spent = world.ai.month_tokens
    assert spent == (request.call_tokens_max if tokens > 1000 else tokens)
    assert world.ai.taken(month_of(AT_MS)) == spent
    await world.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_paused_until_another_is_set(world: AiWorld, status: int) -> None:
    world.server.faults = [str(status)]
    for build in ("1", "2"):
        world.ask(summary(build))
    runner = world.runner("one")
    await world.run(runner)
    key = (await world.ai_keys(world.studio_id))["chat"]
    assert key.paused_status == status
    assert (await world.asking.usable(world.studio_id, "chat")) is None
    assert (await world.asking.usable(world.studio_id, "embedding")) is not None
    assert await world.asking.answer(world.studio_id, summary("3")) == "ai_error"
    world.set_key("chat")
    world.ask(summary("4"))
    await world.run(runner)
    answer = await world.ai_answer(world.studio_id, summary("4").hash)
    assert answer is not None
    assert answer.status == "ok"


async def test_four_of_a_studio_are_asked_at_once(world: AiWorld) -> None:
    world.server.faults = ["silence"] * 9
    for number in range(9):
        world.ask(summary(str(number)))
    runner = world.runner("one")
    await runner.assigned(0)
    await world.read_all(runner, 0)
    await runner.idle(world.now_ms)
    await world.server.called(4)
    await asyncio.sleep(0.1)  # time for a fifth, which may not come
    assert world.server.calls() == 4
    world.server.silent.set()
    await runner.settle()
    assert world.server.calls() == 9
    await runner.revoked(0)


async def test_fifty_readers_at_the_budget_s_edge_make_one_call_for_each_hash(server: AiServer) -> None:
    most = summary("00").tokens_max
    world = AiWorld(server, monthly_tokens=3 * most + 10)
    world.set_key("chat")
    runner = world.runner("one")
    await runner.assigned(0)
    stop = asyncio.Event()

    async def work() -> None:
        offset = 0
        while not stop.is_set():
            offset = await world.read_all(runner, offset)
            await runner.idle(world.now_ms)
            await asyncio.sleep(0.01)

    working = asyncio.create_task(work())
    builds = [f"{number % 10:02d}" for number in range(50)]
    answers = await asyncio.gather(
        *(world.asking.answer(world.studio_id, summary(build)) for build in builds)
    )
    stop.set()
    await working
    answered = [build for build, one in zip(builds, answers, strict=True) if isinstance(one, AiAnswer)]
    assert sorted(answered) == sorted([*set(answered)] * 5)  # all who asked the same got the same
    assert len(set(answered)) == world.server.calls() == 3
    assert {one for one in answers if not isinstance(one, AiAnswer)} == {"ai_budget"}
    assert world.ai.taken(month_of(AT_MS)) <= 3 * most + 10
    await world.close()


async def test_a_slow_answer_is_there_for_the_next(world: AiWorld) -> None:
    world.server.faults = ["silence"]
    asked = asyncio.create_task(world.asking.answer(world.studio_id, summary(), wait_s=0.3))
    await asyncio.sleep(0)
    runner = world.runner("one")
    await runner.assigned(0)
    await world.read_all(runner, 0)
    await runner.idle(world.now_ms)
    assert await asked == "ai_slow"
    world.server.silent.set()
    await runner.settle()
    found = await world.asking.answer(world.studio_id, summary(), wait_s=0)
    assert isinstance(found, AiAnswer)
    assert world.server.calls() == 1
    await runner.revoked(0)


async def test_the_key_is_in_no_record_and_nothing_stored(
    world: AiWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    world.server.faults = ["401"]
    world.ask(summary())
    world.ask(vectors("a"))
    await world.run(world.runner("one"))
    secret = KEY.encode()
    assert all(secret not in record.value for record in world.records)
    assert secret not in repr(dict(world.stored)).encode()
    assert KEY not in caplog.text
    assert any(KEY in repr(headers) for _, headers, _ in world.server.requests)


async def test_the_position_kept_is_before_what_is_not_done(world: AiWorld) -> None:
    world.server.faults = ["silence"]
    world.ask(summary())
    before = len(world.records) - 1
    runner = world.runner("one")
    await runner.assigned(0)
    await world.read_all(runner, 0)
    await runner.idle(world.now_ms + 5_000)
    await world.server.asked.wait()
    await world.read_all(runner, len(world.records) - 1)
    await runner.idle(world.now_ms + 10_000)
    assert world.positions[0].offset == before
    world.server.silent.set()
    await runner.settle()
    await world.read_all(runner, len(world.records) - 1)
    await runner.idle(world.now_ms + 20_000)
    assert world.positions[0].offset == len(world.records)
    await runner.revoked(0)
