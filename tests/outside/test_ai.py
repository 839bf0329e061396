"""A studio's own AI through the running stack: keys by the command line, questions over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.outside.ai_studio import ORDER, AiStudio, Provider
from tests.outside.test_secrets_at_rest import kept_by
from tests.outside.world import Json, World, eventually, unique
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack
SUMMARY_S = 180
"""A summary is asked for a minute after the last analysis."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


def test_a_studio_s_own_ai_from_its_first_key_to_its_last(
    world: World, questlog_stack: QuestlogStack, tmp_path: Path, provider: Provider
) -> None:
    studio = AiStudio(world, questlog_stack, tmp_path, provider)
    server = provider.server
    for number in range(6):
        studio.play(f"device_{number}", ORDER if number < 3 else "Hall")

    eventually(studio.analyzed, lambda total: total == 6, within_s=60)
    assert studio.suggestions().status_code == 402
    assert studio.read("/api/v1/testers/arena/archetypes").json()["reason"] == "requires_byo_key"
    assert "there is no key" in studio.key("test", "chat", code=1)

    secret = unique("sk-")
    assert secret not in studio.key("set", "chat", f"{secret}\n")
    assert secret not in studio.key("set", "embedding", secret)
    assert "gpt-5-mini answers" in studio.key("test", "chat")
    assert "text-embedding-3-small answers" in studio.key("test", "embedding")
    assert server.calls() == 2

    with ThreadPoolExecutor(3) as pool:  # of 10 such reads a minute
        answers = [one.json() for one in pool.map(lambda _: studio.suggestions(), range(3))]
    assert all(one == answers[0] for one in answers)
    assert (answers[0]["source"], server.calls()) == ("ai", 3)
    assert {one["title"] for one in answers[0]["suggestions"]} == {"Mend the crash"}
    sent = json.dumps(server.requests[-1][2])
    for what in ("device_", "https:", "<b>", "sess_"):
        assert what not in sent, what

    found = studio.read("/api/v1/testers/arena/archetypes").json()
    assert "reason" not in found, found
    assert (found["testerCount"], found["modelId"]) == (6, "openai/text-embedding-3-small")
    assert {one["label"] for one in found["archetypes"]} == {"Explorers"}
    assert sum(one["testerCount"] for one in found["archetypes"]) <= 6
    calls = server.calls()
    assert studio.read("/api/v1/testers/arena/archetypes").json() == found
    assert server.calls() == calls

    refused_and_over(studio)
    another = replaced(studio)

    kept = kept_by(world, questlog_stack)
    for value in (secret, another):
        assert [where for where, content in kept if value.encode() in content] == []
        assert any(value in repr(headers) for _, headers, _ in server.requests)


def refused_and_over(studio: AiStudio) -> None:
    """No tokens are left, then the key is refused: rules answer, and nobody pays."""
    server = studio.provider.server
    calls = server.calls()
    studio.apply(1)
    studio.play("device_9", "Cellar", build="2.0")
    eventually(studio.analyzed, lambda total: total == 7, within_s=60)
    over = studio.suggestions("2.0").json()
    assert (over["source"], over["reason"], server.calls()) == ("fallback", "ai_budget", calls)
    assert over["suggestions"][0]["title"].startswith("Fix ")
    studio.apply(1_000_000)
    server.faults = ["401"]
    refused = studio.suggestions("2.0").json()
    assert (refused["source"], refused["reason"]) == ("fallback", "ai_error")
    eventually(
        lambda: studio.say("ai", "key", "list", "--studio", studio.slug),
        lambda said: "\t401" in said,
    )


def replaced(studio: AiStudio) -> str:
    """Another chat key, and no key for vectors any more."""
    another = unique("sk-")
    studio.key("set", "chat", another)
    assert "answers" in studio.key("test", "chat")
    assert "is cleared" in studio.key("clear", "embedding")
    assert "there is no key" in studio.key("clear", "embedding")
    assert studio.read("/api/v1/testers/arena/archetypes").json()["reason"] == "requires_byo_key"
    return another


def test_a_stop_s_digest_and_summaries_come_unasked(
    world: World, questlog_stack: QuestlogStack, tmp_path: Path, provider: Provider
) -> None:
    studio = AiStudio(world, questlog_stack, tmp_path, provider)
    secret, devices = unique("sk-"), [f"device_{number}" for number in range(6)]
    studio.key("set", "chat", secret)
    studio.experiment("start")
    variants = eventually(lambda: [tags_of(studio, one) for one in devices], all)
    for device, tags in zip(devices, variants, strict=True):
        studio.play(device, ORDER, tags=tags)
    eventually(studio.analyzed, lambda total: total == len(devices), within_s=60)

    studio.experiment("stop")
    path = f"/api/v1/experiments/exp_{studio.slug}/comparison"
    digest = eventually(
        lambda: studio.read(path).json()["digest"], lambda found: found is not None, within_s=60
    )
    assert (digest["status"], digest["modelId"]) == ("ok", "openai/gpt-5-mini")
    assert digest["digest"]["recommendation"] == "Keep either."
    assert [one["key"] for one in digest["digest"]["perVariant"]] == ["control", "treatment"]

    build = eventually(
        lambda: studio.read("/api/v1/builds/arena/1.0").json()["summary"],
        lambda found: found is not None,
        within_s=SUMMARY_S,
    )
    assert (build["narrative"], build["basedOnSessions"]) == ("The build crashed.", len(devices))
    assert build["modelId"] == "openai/gpt-5-mini"
    journeys = eventually(
        lambda: [studio.read(f"/api/v1/testers/arena/{one}/journey").json()["journey"] for one in devices],
        lambda found: all(one["summarySource"] == "ai" for one in found),
        within_s=SUMMARY_S,
    )
    assert {one["summary"] for one in journeys} == {"A tester crashed."}
    tester = studio.read("/api/v1/testers/arena/device_0").json()["summary"]
    assert (tester["narrative"], tester["basedOnSessions"]) == ("A tester crashed.", 1)

    requests = provider.server.requests
    assert len(requests) == 1 + 1 + len(devices)  # the digest, the build, each tester: once
    sent = json.dumps([body for _, _, body in requests])
    for what in ("device_", "https:", "<b>", "sess_", studio.slug):
        assert what not in sent, what
    assert all(secret in repr(headers) for _, headers, _ in requests)
    kept = kept_by(world, questlog_stack)
    assert [where for where, content in kept if secret.encode() in content] == []


def tags_of(studio: AiStudio, device: str) -> Json:
    """What the game is told of a device's variants; nothing until the experiment runs."""
    answer = studio.world.http.get(
        "/api/telemetry/experiments",
        params={"gameId": "arena", "deviceId": device, "buildVersion": "1.0"},
        headers={"authorization": f"Bearer {studio.ingest}"},
    )
    assert answer.status_code == 200, answer.text
    tags: Json = answer.json()["experiments"]
    return tags
