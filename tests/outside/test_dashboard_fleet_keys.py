"""The key that a dashboard's session acts with on S5: one game's server key, for its page alone."""

from __future__ import annotations

import httpx
import pytest

from tests import plain_http
from tests.outside.hosts import SimulatedHost
from tests.outside.projects import Project
from tests.outside.test_dashboard_keys import signed_in
from tests.outside.world import World

pytestmark = pytest.mark.stack
KEY = "/dashboard/data/fleet/key"


def session_key(browser: httpx.Client, game: str = "doom") -> str:
    answer = browser.post(KEY, params={"game": game})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    key: str = answer.json()["key"]
    assert key.startswith("pf_ds_")
    return key


def as_page(browser: httpx.Client, world: World, key: str, method: str, path: str) -> httpx.Response:
    headers = {"origin": world.demo["base_url"], "api-key": key}
    return browser.request(method, f"/api/v3{path}", headers=headers)


def what_can_t_be_read_is_named(browser: httpx.Client) -> None:
    for path, named in (
        ("servers?game=doom&show=all", "show"),
        ("servers?game=doom&page=0", "page"),
        ("metrics?game=doom&server=x&period=9h", "period"),
        ("logs?game=doom&server=x&after=y", "after"),
    ):
        answer = browser.get(f"/dashboard/data/fleet/{path}")
        assert (answer.status_code, answer.json()["field"]) == (400, named)
    missing = browser.get("/dashboard/data/fleet/logs?game=doom&server=nobody")
    assert (missing.status_code, missing.json()["error"]) == (404, "not_found")


async def test_it_stops_servers_of_its_game_and_is_nobody_s_elsewhere(
    world: World, project: Project, host: SimulatedHost
) -> None:
    instance_id = project.start(name="pressed")["instance_id"]
    await host.ready(instance_id)
    path = f"/servers/{instance_id}"
    with signed_in(world, world.keys["pl_mgmt"]) as browser:
        what_can_t_be_read_is_named(browser)
        key = session_key(browser)
        stolen = Project(world, key)
        assert stolen.refused("DELETE", f"/v3{path}") == (401, "unauthorized")
        assert stolen.call("DELETE", f"/v3{path}", origin="https://evil.example").status_code == 401
        assert as_page(browser, world, session_key(browser, "relay"), "DELETE", path).status_code == 404
        assert as_page(browser, world, key, "GET", path).status_code == 401  # it writes; the page reads
        refused = browser.post(KEY, params={"game": "doom"}, headers={"origin": "https://evil.example"})
        assert (refused.status_code, refused.json()["error"]) == (403, "not_allowed")
        stopped = as_page(browser, world, key, "DELETE", path)
        assert (stopped.status_code, stopped.json()) == (200, {"status": "stopped"})
        assert "access-control-allow-origin" in stopped.headers
        assert browser.post("/dashboard/sign-out").status_code == 303
        assert as_page(browser, world, key, "DELETE", path).status_code == 401
    await host.exited(instance_id)
    assert project.ok("GET", f"/v3{path}")["stop_reason"] == "API_REQUEST"


def test_who_may_not_have_one_gets_none(world: World) -> None:
    with signed_in(world, world.keys["secret_api_key"]) as browser:
        for path in ("states?game=doom", "servers?game=doom", "builds?game=doom", "hosts"):
            answer = browser.get(f"/dashboard/data/fleet/{path}")
            assert (answer.status_code, answer.json()["error"]) == (403, "not_allowed")
        assert browser.post(KEY, params={"game": "doom"}).status_code == 403
    with signed_in(world, world.other["keys"]["pl_mgmt"]) as browser:
        assert browser.post(KEY, params={"game": "doom"}).status_code == 404
    assert plain_http.post(f"{world.demo['base_url']}{KEY}", params={"game": "doom"}).status_code == 401
