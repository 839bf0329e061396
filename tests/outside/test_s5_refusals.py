"""What S5 refuses, in which order, and to whom."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.outside.hosts import SimulatedHost
from tests.outside.playtests import new_key
from tests.outside.projects import REGION, Project
from tests.outside.world import World, burst
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack


async def test_no_room_is_not_remembered(project: Project, host: SimulatedHost) -> None:
    big = {"name": "big", "region": REGION, "compute_size": "xlarge", "version_tag": "s5"}
    key = str(uuid.uuid4())
    await host.join(memory_mb=1024)
    response = project.call("POST", "/v3/servers/start", big, idempotency_key=key)
    assert (response.status_code, response.json()["code"]) == (503, "no_capacity")
    assert int(response.headers["retry-after"]) > 0
    await host.join()
    assert project.call("POST", "/v3/servers/start", big, idempotency_key=key).status_code == 201
    other = big | {"region": "south-africa", "compute_size": "micro"}
    assert project.refused("POST", "/v3/servers/start", other) == (503, "no_capacity")


def test_checks_come_in_their_order(world: World, project: Project, players: Project) -> None:
    nobody = Project(world, "pf_" + "x" * 40)
    for method, path in (("GET", "/v3/servers"), ("POST", "/v3/servers/start"), ("GET", "/v3/nothing")):
        assert nobody.refused(method, path) == (401, "unauthorized")
    for method, path in (("POST", "/v3/servers/start"), ("GET", "/v3/builds"), ("GET", "/v3/nothing")):
        assert players.refused(method, path) == (403, "server_key_required")
    assert project.refused("GET", "/v3/nothing") == (404, "not_found")
    assert project.refused("PATCH", "/v3/nothing") == (404, "not_found")
    refused = project.call("PUT", "/v3/servers", b"{")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert project.call("GET", "/v3/servers/start").headers["allow"] == "POST"
    assert project.call("PATCH", "/v2/servers/x/update/").headers["allow"] == "POST, PUT"
    assert project.refused("POST", "/v3/servers/start", b"{" * (1024 * 1024 + 1)) == (
        413,
        "payload_too_large",
    )
    response = project.call("POST", "/v3/servers/start", {"ttl": 1})
    assert [one["loc"] for one in response.json()["detail"]] == [["ttl"], ["name"], ["region"]]
    assert response.json()["error"] == "Validation error"
    assert project.refused("GET", "/v3/servers?limit=101&offset=-1") == (422, "validation_error")
    unseen = "/v3/builds/upload-url?name=a%E2%80%8B&executable_path=server"
    assert project.refused("POST", unseen) == (422, "validation_error")  # no server could be started by it


def test_limits_are_told_and_counted_for_each_key(world: World, questlog_stack: QuestlogStack) -> None:
    key = new_key(questlog_stack, "pf", "demo", game="doom")  # no other test has used its rate
    answers = burst(
        100, lambda: world.http.delete(f"/api/v3/servers/{uuid.uuid4()}", headers={"api-key": key})
    )
    limited = [one for one in answers if one.status_code == 429]
    assert limited
    assert {one.status_code for one in answers} == {404, 429}
    assert limited[0].json()["detail"] == "Rate limit exceeded. Please retry after a short wait."
    assert limited[0].headers["x-ratelimit-remaining"] == "0"
    assert int(limited[0].headers["retry-after"]) >= 1
    read = world.http.get("/api/v3/servers", headers={"api-key": key})
    assert (read.status_code, read.headers["x-ratelimit-limit"]) == (200, "100")


def test_health_and_browsers_need_no_key(world: World) -> None:
    health = world.http.get("/api/health")
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    preflight = world.http.request("OPTIONS", "/api/v3/servers", headers={"origin": "https://game.example"})
    assert preflight.status_code == 204
    assert "api-key" in preflight.headers["access-control-allow-headers"].lower()
    refused = world.http.get("/api/v3/servers", headers={"origin": "https://game.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")


async def test_another_project_s_things_are_404_and_nothing_tells_them_from_none(
    project: Project, foreign: Project, host: SimulatedHost
) -> None:
    server = project.start()["instance_id"]
    build = project.ok("GET", "/v3/builds?name=s5")["builds"][0]["build_id"]
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/v3/servers/{}", None),
        ("GET", "/v3/servers/{}/logs", None),
        ("GET", "/v3/servers/{}/metrics", None),
        ("DELETE", "/v3/servers/{}", None),
        ("POST", "/v3/servers/{}/restart", None),
        ("POST", "/v3/servers/{}/update", {"custom_data": {}}),
        ("PUT", "/v2/servers/{}/update", None),
        ("GET", "/v3/builds/{}", None),
        ("GET", "/v3/builds/{}/logs", None),
        ("POST", "/v3/builds/{}/process", None),
        ("DELETE", "/v3/builds/{}", None),
    ]
    for method, path, body in calls:
        mine, none = (build, f"build_{'0' * 24}") if "builds" in path else (server, str(uuid.uuid4()))
        answers = [foreign.call(method, path.format(one), body) for one in (mine, none, "x%2Fy", "..")]
        assert {one.status_code for one in answers} == {404}, (method, path)
        assert len({one.content for one in answers}) == 1, (method, path)
    assert foreign.ok("GET", "/v3/servers?include_launching=true")["total"] == 0
    assert foreign.ok("GET", "/v3/builds")["total"] == 0
    assert foreign.ok("GET", "/v3/projects/logs")["logs"] == []
    start = {"name": "x", "region": REGION, "compute_size": "micro", "version_tag": "s5"}
    assert foreign.refused("POST", "/v3/servers/start", start) == (404, "not_found")
    assert host.id


def test_a_plan_s_limits_are_refused_by_name(foreign: Project) -> None:
    """The other studio is on the free plan: five builds."""
    made = [foreign.ok("POST", "/v3/builds/upload-url", status=201)["build_id"] for _ in range(5)]
    response = foreign.call("POST", "/v3/builds/upload-url")
    assert (response.status_code, response.json()["code"]) == (403, "quota_exceeded")
    assert response.json()["limit"] == "builds"
    for build_id in made:
        foreign.ok("DELETE", f"/v3/builds/{build_id}")
