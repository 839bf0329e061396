from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.telemetry.record import EntryKind
from tests.schemas.telemetry.s4_samples import APP, NOW, patient, values
from tests.streams.gateway.world import Answer, World

BATCH: dict[str, Any] = {
    "gameId": "doom",
    "sessionId": "sess_1",
    "deviceId": "device_1",
    "source": "unity-telemetry",
    "events": [{"name": "a", "t": NOW}, {"name": "a", "t": NOW}],
}
FEEDBACK: dict[str, Any] = {
    "gameId": APP,
    "sessionId": "sess_1",
    "deviceId": "device_1",
    "formId": "ff",
    "submissionId": "sub_1",
    "answers": [{"fieldId": "q1", "value": 5}],
}


async def send(
    world: World, content: object, path: str = "/api/telemetry", key: str = "pl_ik_1", **headers: Any
) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    if key:
        headers["authorization"] = f"Bearer {key}"
    return await world.call(path, body, **headers)


async def test_a_batch_is_accepted_whole() -> None:
    world = World()
    answer = await send(world, BATCH)
    assert (answer.status, answer.json()) == (202, {"ok": True, "accepted": 2})
    (entry,) = world.log.entries
    assert (entry.kind, entry.item_count, entry.game_id) == (EntryKind.S1_BATCH, 2, APP)
    assert json.loads(entry.body) == BATCH
    assert (await send(world, BATCH | {"gameId": APP})).status == 202


async def test_errors_keep_s1_s_words() -> None:
    world = World()
    assert (await send(world, BATCH, key="")).json() == {"error": "Missing bearer token"}
    unknown = await send(world, BATCH, key="pl_ik_9")
    assert (unknown.status, unknown.json()) == (401, {"error": "Invalid key"})
    for key in ("token", "secret", "wpg_sk_1"):
        assert (await send(world, BATCH, key=key)).json() == {"error": "Invalid key"}
    scope = await send(world, BATCH, key="pl_mgmt_1")
    assert (scope.status, scope.json()["requiredScope"]) == (403, "ingest")
    for game in ("nothing", "game_theirs", "theirs"):
        answer = await send(world, BATCH | {"gameId": game})
        assert (answer.status, answer.json()) == (404, {"error": "unknown game"})
    bad = await send(world, BATCH | {"sessionId": ""})
    assert bad.status == 400
    assert bad.json()["issues"][0]["path"] == ["sessionId"]
    large = await send(world, b" " * (1024 * 1024 + 1))
    assert (large.status, large.json()) == (413, {"error": "Payload too large"})
    method = await world.call("/api/telemetry", method="PUT")
    assert (method.status, method.json()) == (405, {"error": "Method not allowed"})
    missing = await world.call("/api/telemetry/nothing")
    assert (missing.status, missing.json()) == (404, {"error": "Not found"})
    world.log.away = True
    away = await send(world, BATCH)
    assert (away.status, away.json()) == (503, {"error": "Service unavailable"})
    assert away.headers["retry-after"]
    assert world.log.records == []


async def test_the_limit_is_the_game_s_for_each_address() -> None:
    world = World()
    limited = BATCH | {"gameId": "limited"}
    world.limiter.taken["s1:studio_1:game_limited:1.2.3.4"] = 119
    assert (await send(world, limited)).status == 202
    over = await send(world, limited)
    assert over.status == 429
    assert over.json() == {"error": "Rate limit exceeded", "retryAfterMs": 60_000, "scope": "ip"}
    assert world.limiter.refused_counted["s1:studio_1:game_limited:1.2.3.4"]
    assert (await send(world, BATCH)).status == 202


async def test_what_names_no_game_counts_against_the_default() -> None:
    world = World()
    world.limiter.taken["s1:studio_1:-:1.2.3.4"] = 118
    assert (await send(world, b"{")).status == 400
    assert (await send(world, BATCH | {"gameId": "nothing"})).status == 404
    assert (await send(world, b"{")).status == 429
    assert (await send(world, BATCH | {"gameId": "nothing"})).status == 429
    assert (await send(world, BATCH | {"events": 5})).status == 400  # it names a game without a limit


async def test_feedback() -> None:
    world = World()
    answer = await send(world, FEEDBACK, "/api/telemetry/feedback")
    assert (answer.status, answer.json()) == (201, {"ok": True})
    assert world.log.entries[0].kind == EntryKind.S1_FEEDBACK
    bad = await send(
        world, FEEDBACK | {"answers": [{"fieldId": "q1", "value": 9}]}, "/api/telemetry/feedback"
    )
    assert bad.status == 400
    assert bad.json()["issues"][0]["path"] == ["answers", 0, "value"]
    assert len(world.log.entries) == 1


@pytest.mark.parametrize("path", ["/api/telemetry", "/api/telemetry/feedback"])
@patient
@given(body=st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()))
async def test_whatever_comes_is_answered_in_shape(path: str, body: bytes) -> None:
    answer = await send(World(), body, path)
    assert answer.status == 400
    assert answer.json()["issues"]


async def test_a_large_batch_over_the_limit_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    large = {"events": [{"name": "a", "t": NOW, "props": {"text": "x" * 100_000}}], "gameId": "limited"}
    assert (await send(world, BATCH | large)).status == 202
    world.limiter.taken = dict.fromkeys(world.limiter.taken, 1000)

    def decoded(*_: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("streams.gateway.s1.validate_batch", decoded)
    assert (await send(world, BATCH | large)).status == 429


async def test_a_large_bad_batch_is_refused_in_the_same_words() -> None:
    world = World()
    events = [{"name": "a", "t": NOW, "props": {"text": "x" * 100_000}}, {"name": "", "t": NOW}]
    answer = await send(world, BATCH | {"events": events})
    assert (answer.status, answer.json()["issues"][0]["path"]) == (400, ["events", 1, "name"])
    unknown = await send(world, BATCH | {"events": events[:1], "gameId": "nothing"})
    assert (unknown.status, unknown.json()) == (404, {"error": "unknown game"})
