"""Keys, scopes, limits and the order in which they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.edge.limits import PLAN_PER_MINUTE, READS_PER_MINUTE_IP
from tests.api.world import open_world

if TYPE_CHECKING:
    from tests.api.world import World

pytestmark = pytest.mark.stack

PATHS = (
    "/api/v1/games",
    "/api/v1/games/doom",
    "/api/v1/sessions?limit=0",
    "/api/v1/sessions/sess_x",
    "/api/v1/insights",
    "/api/v1/builds/doom/1",
    "/api/v1/testers/doom/d",
    "/api/v1/heatmaps/doom",
    "/api/v1/events/doom",
)


@pytest.mark.parametrize("path", PATHS)
async def test_every_read_needs_a_management_key(world: World, path: str) -> None:
    missing = await world.http.get(path)
    assert (missing.status_code, missing.json()) == (401, {"error": "Missing bearer token"})
    for header in ("", "Bearer", "Bearer ", "Basic abc", world.directory.management):
        bad = await world.http.get(path, headers={"authorization": header})
        assert (bad.status_code, bad.json()) == (401, {"error": "Missing bearer token"})
    for key in ("pl_mgmt_unknown", world.directory.token, "x" * 4000, "\t"):
        unknown = await world.http.get(path, headers={"authorization": f"Bearer x{key}"})
        assert (unknown.status_code, unknown.json()) == (401, {"error": "Invalid key"})
    token = await world.http.get(path, headers={"authorization": f"bearer {world.directory.token}"})
    assert (token.status_code, token.json()) == (401, {"error": "Invalid key"})
    ingest = await world.http.get(path, headers={"authorization": f"Bearer {world.directory.ingest}"})
    assert ingest.status_code == 403
    assert ingest.json()["requiredScope"] == "management"
    assert ingest.json()["error"]


async def test_two_different_authorization_headers_name_nobody(world: World) -> None:
    headers = [("authorization", f"Bearer {world.directory.management}"), ("authorization", "Bearer x")]
    response = await world.http.get("/api/v1/games", headers=headers)
    assert (response.status_code, response.json()) == (401, {"error": "Missing bearer token"})


@pytest.mark.parametrize("plan", ["free", "indie", "studio"])
async def test_a_keys_limit_is_its_plans(
    clickhouse_url: str, database: str, redis_url: str, plan: str
) -> None:
    async with open_world(clickhouse_url, database, redis_url, plan=plan) as world:
        limit = PLAN_PER_MINUTE[plan]
        statuses = [(await world.read("/api/v1/games")).status_code for _ in range(limit)]
        assert set(statuses) == {200}
        refused = await world.read("/api/v1/games")
        body = refused.json()
        assert (refused.status_code, body["error"], body["scope"]) == (429, "Rate limit exceeded", "key")
        assert 0 < body["retryAfterMs"] <= 60_000
        assert int(refused.headers["retry-after"]) * 1000 >= body["retryAfterMs"]
        other = await world.read("/api/v1/games", key=world.directory.other_management)
        assert other.status_code == 200
        assert (await world.http.get("/api/v1/games")).status_code == 401


async def test_the_ip_bucket_stands_before_authentication(world: World) -> None:
    async def knock(ip: str) -> tuple[int, dict[str, object]]:
        response = await world.http.get("/api/v1/games", headers={"x-forwarded-for": ip})
        return response.status_code, response.json()

    for _ in range(READS_PER_MINUTE_IP):
        status, _ = await knock("203.0.113.9")
        assert status == 401
    status, body = await knock("203.0.113.9")
    assert (status, body["error"], body["scope"]) == (429, "Rate limit exceeded", "ip")
    assert (await knock("203.0.113.10"))[0] == 401


async def test_a_directory_that_is_away_is_503(world: World) -> None:
    world.directory.away = True
    response = await world.read("/api/v1/games")
    assert (response.status_code, response.json()) == (503, {"error": "Service unavailable"})
    assert int(response.headers["retry-after"]) >= 1
