"""What a game asks before a session: keys, limits, shapes, and that a stop and a start are seen."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from api.telemetry.assignments import AssignmentReads
from schemas.edge.ports import Limits, Verdict
from schemas.studio.experiments import ExperimentLife, Run
from tests.api.world import NOW_MS, MemoryDirectory, MemoryExperiments
from tests.documented import async_hook

PATH = "/api/telemetry/experiments"
GAME = "72ab8f81-ef36-4712-a046-399a62b9afaa"
VARIANTS = [
    {"key": "control", "name": "Control", "allocation": 50},
    {"key": "treatment", "name": "Treatment", "allocation": 50},
]
DEFINITION: dict[str, Any] = {
    "audiences": [{"id": "aud_beta", "name": "Beta", "minBuild": "0.5.0"}],
    "experiments": [
        {"id": "exp_tutorial_v2", "name": "T", "salt": "exp_tutorial_v2", "variants": VARIANTS},
        {"id": "exp_beta", "name": "B", "salt": "exp_beta", "variants": VARIANTS, "audienceId": "aud_beta"},
    ],
}


class Counting:
    """A limiter that counts calls by bucket and refuses from `most` on."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.limits: dict[str, float] = {}
        self.most = 1000

    async def take(
        self, bucket: str, *, limit: float, period_ms: int, count_refused: bool = False
    ) -> Verdict:
        self.calls[bucket] += 1
        self.limits[bucket] = limit
        assert count_refused or bucket.startswith("unknown:")
        allowed = self.calls[bucket] <= self.most
        return Verdict(allowed=allowed, retry_after_ms=period_ms, remaining=0, reset_ms=period_ms)

    async def take_all(self, calls: Any) -> Any:
        raise NotImplementedError


class World:
    def __init__(self) -> None:
        self.directory = MemoryDirectory("free")
        doom = replace(
            self.directory.doom, id=GAME, definition=DEFINITION, limits=Limits(telemetry_per_minute=7)
        )
        self.directory.doom = self.directory.all_games[0] = doom
        self.experiments = MemoryExperiments()
        self.limiter = Counting()
        self.app = AssignmentReads(
            directory=self.directory,
            experiments=self.experiments,
            limiter=self.limiter,
            registry=CollectorRegistry(),
        )

    def running(self, *names: str, status: Any = "running") -> None:
        self.experiments.lives = [
            ExperimentLife(id=name, game_id=GAME, status=status, created_at_ms=NOW_MS, runs=[Run(NOW_MS)])
            for name in names
        ]

    async def ask(self, method: str = "GET", key: str = "", **asked: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {key or self.directory.ingest}"} if key != "none" else {}
        transport = httpx.ASGITransport(app=self.app)
        hooks = {"response": [async_hook]}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", event_hooks=hooks) as http:
            return await http.request(method, PATH, params=asked, headers=headers)

    async def variants(self, game: str = "doom", device: str = "dev_xyz789", **more: str) -> Any:
        answer = await self.ask(gameId=game, deviceId=device, **more)
        assert answer.status_code == 200
        assert answer.json().keys() == {"experiments"}
        return answer.json()["experiments"]


@pytest.fixture
def world() -> World:
    return World()


async def test_a_device_gets_its_variant_of_what_runs(world: World) -> None:
    assert await world.variants() == {}
    world.running("exp_beta", "exp_tutorial_v2")
    assert await world.variants() == {"exp_tutorial_v2": "control"}
    assert await world.variants(GAME, "device_e9c0abcd") == {"exp_tutorial_v2": "treatment"}
    with_build = await world.variants(buildVersion="0.5.1")
    assert list(with_build) == ["exp_beta", "exp_tutorial_v2"]
    assert await world.variants(buildVersion="0.4.9") == {"exp_tutorial_v2": "control"}
    world.running("exp_beta", "exp_tutorial_v2", status="stopped")
    assert await world.variants(buildVersion="0.5.1") == {}


async def test_another_definition_is_seen(world: World) -> None:
    world.running("exp_tutorial_v2")
    assert await world.variants() == {"exp_tutorial_v2": "control"}
    pinned = {**DEFINITION["experiments"][0], "pins": {"dev_xyz789": "treatment"}}
    world.directory.all_games[0] = replace(
        world.directory.doom, definition={"experiments": [pinned]}, definition_version=2
    )
    assert await world.variants() == {"exp_tutorial_v2": "treatment"}


async def test_a_foreign_game_is_as_one_in_which_nothing_runs(world: World) -> None:
    world.running("exp_tutorial_v2")
    for game in ("nothing", "other-game", world.directory.theirs.id, "relay"):
        assert await world.variants(game) == {}


async def test_an_answer_may_be_kept_for_a_minute_and_be_read_by_any_page(world: World) -> None:
    answer = await world.ask(gameId="doom", deviceId="d")
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-request-id"]
    preflight = await world.ask("OPTIONS", key="none")
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
    head = await world.ask("HEAD", gameId="doom", deviceId="d")
    assert head.status_code == 200
    other = await world.ask("POST", gameId="doom", deviceId="d")
    assert (other.status_code, other.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert other.json() == {"error": "Method not allowed"}


async def test_only_an_ingest_key_may_ask(world: World) -> None:
    missing = await world.ask(key="none")
    assert (missing.status_code, missing.json()) == (401, {"error": "Missing bearer token"})
    for key in ("pl_ik_unknown", world.directory.token):
        unknown = await world.ask(key=key)
        assert (unknown.status_code, unknown.json()) == (401, {"error": "Invalid key"})
    management = await world.ask(key=world.directory.management, gameId="doom", deviceId="d")
    assert management.status_code == 403
    assert management.json()["requiredScope"] == "ingest"
    world.limiter.most = 0
    assert (await world.ask(key="pl_ik_unknown")).status_code == 429


@pytest.mark.parametrize(
    ("asked", "path", "code"),
    [
        ({"deviceId": "d"}, ["gameId"], "invalid_type"),
        ({"gameId": "doom"}, ["deviceId"], "invalid_type"),
        ({"gameId": "", "deviceId": "d"}, ["gameId"], "too_small"),
        ({"gameId": "doom", "deviceId": ""}, ["deviceId"], "too_small"),
        ({"gameId": "doom", "deviceId": "d" * 129}, ["deviceId"], "too_big"),
        ({"gameId": "doom", "deviceId": "a\0b"}, ["deviceId"], "custom"),
        ({"gameId": "doom", "deviceId": "d", "buildVersion": ""}, ["buildVersion"], "too_small"),
        ({"gameId": "doom", "deviceId": "d", "buildVersion": "b" * 65}, ["buildVersion"], "too_big"),
    ],
)
async def test_a_bad_question_names_its_field(
    world: World, asked: dict[str, str], path: list[str], code: str
) -> None:
    answer = await world.ask(**asked)
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid query parameters")
    issue = answer.json()["issues"][0]
    assert (issue["path"], issue["code"]) == (path, code)
    if code == "invalid_type":
        assert (issue["received"], issue["message"]) == ("undefined", "Required")


async def test_the_limit_is_the_games_for_each_address_and_apart_from_telemetry(world: World) -> None:
    await world.ask(gameId="doom", deviceId="d")
    await world.ask(gameId="doom")
    await world.ask(gameId="nothing", deviceId="d")
    studio = world.directory.studio_id
    mine, none = (f"s1:assignments:{studio}:{game}:127.0.0.1" for game in (GAME, "-"))
    assert world.limiter.calls == {mine: 2, none: 1}
    assert world.limiter.limits == {mine: 7, none: 120}
    world.limiter.most = 2
    over = await world.ask(gameId="doom", deviceId="d")
    assert (over.status_code, over.headers["retry-after"]) == (429, "60")
    assert over.json() == {"error": "Rate limit exceeded", "retryAfterMs": 60_000, "scope": "ip"}


async def test_without_a_limit_nothing_is_counted(world: World) -> None:
    unlimited = replace(world.directory.doom, limits=Limits(telemetry_per_minute=None))
    world.directory.all_games[0] = unlimited
    await world.ask(gameId="doom", deviceId="d")
    assert not world.limiter.calls


async def test_a_store_that_is_away_is_said_and_nothing_is_guessed(world: World) -> None:
    world.directory.away = True
    away = await world.ask(gameId="doom", deviceId="d")
    assert (away.status_code, away.json()) == (503, {"error": "Service unavailable"})
    assert away.headers["retry-after"]
