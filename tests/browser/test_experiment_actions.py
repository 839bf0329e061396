"""An experiment's life from the page of insights: started, told about, decided and stopped by its buttons."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.visits import visiting
from tests.outside.test_dashboard_keys import session_key, signed_in
from tests.outside.test_experiments import FILE
from tests.outside.world import World, eventually, questlog, unique

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Browser

    from tests.stack import QuestlogStack

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
ACTIONS = "/dashboard/actions/experiments"


@pytest.fixture(scope="module")
def outside(questlog_stack: QuestlogStack) -> Iterator[World]:
    world = World(questlog_stack.demo)
    yield world
    world.http.close()
    world.clickhouse.close()


@pytest.fixture(scope="module")
def management(questlog_stack: QuestlogStack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The key of a studio with one game and one experiment, a draft."""
    slug, path = unique("lab-"), tmp_path_factory.mktemp("lab") / "lab.yaml"
    path.write_text(FILE.format(slug=slug))
    questlog(questlog_stack, "apply", str(path), "--yes")
    made = questlog(questlog_stack, "keys", "create", "pl_mgmt", "--studio", slug, "--json")
    return str(json.loads(made)["value"])


def row(outside: World, management: str) -> Any:
    (one,) = outside.read("/api/v1/games/arena/experiments", key=management).json()["experiments"]
    return one


async def test_its_life_from_the_keyboard(browser: Browser, outside: World, management: str) -> None:
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = visit.page
        await visit.open(management, "arena", page="builds")
        said = page.locator("#comparison .notice-line")
        await expect(page.locator("#experiments li")).to_have_attribute("data-status", "draft")
        start = page.get_by_role("button", name="Start", exact=True)
        await start.press("Enter")
        await expect(said).to_contain_text("Press again to start")
        assert row(outside, management)["status"] == "draft"
        await page.get_by_role("button", name="Start for good?").press("Enter")
        await expect(said).to_contain_text("Runs. Its variants")
        await expect(page.locator("#experiments li")).to_have_attribute("data-status", "running")
        await page.get_by_role("button", name="Write digest").press("Enter")
        await expect(page.locator("#comparison .digest")).to_contain_text("No difference in who comes back")
        await page.get_by_label("Winner").select_option("treatment")
        await expect(said).to_contain_text("treatment has won")
        await page.get_by_role("button", name="Stop", exact=True).press("Enter")
        await expect(page.get_by_role("button", name="Resume")).to_be_visible()
        found = row(outside, management)
        assert (found["status"], found["winnerVariantKey"]) == ("stopped", "treatment")
        assert visit.complaints == []


def act(
    browser: httpx.Client, key: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    sent = {"authorization": f"Bearer {key}", "origin": str(browser.base_url).rstrip("/"), **headers}
    answer = browser.post(f"{ACTIONS}/{path}", json={} if body is None else body, headers=sent)
    return answer.status_code, answer.json()


async def test_what_may_not_be_is_refused_and_a_repeat_happens_once(outside: World, management: str) -> None:
    with signed_in(outside, management) as browser:
        key = session_key(browser)
        eventually(lambda: row(outside, management)["status"], lambda status: status == "stopped")
        repeat = {"idempotency-key": unique("resume-")}
        first = act(browser, key, "exp_arena/resume", **repeat)
        assert first == act(browser, key, "exp_arena/resume", **repeat)
        assert (first[0], len(first[1]["changes"])) == (200, 1)
        assert "exp_arena: running" in first[1]["changes"][0]
        status, said = act(browser, key, "exp_arena/resume")
        assert (status, said["error"]) == (409, "wrong_status")
        status, said = act(browser, key, "exp_arena/winner", {"variantKey": "nobody"})
        assert (status, said["error"], said["field"]) == (400, "unknown_variant", "variantKey")
        assert act(browser, key, "exp_arena/winner", {"variantKey": 1})[0] == 422
        assert act(browser, key, "exp_arena/winner", {"variantKey": "control"}, **repeat)[0] == 200
        assert act(browser, key, "exp_nothing/start")[0] == 404
        assert act(browser, key, "exp_nothing/digest")[0] == 404
        assert act(browser, key, "exp_monsters/stop")[0] == 404
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert act(browser, key, "exp_arena/stop", **headers)[0] == 401
        assert act(browser, management, "exp_arena/stop")[0] == 401
        assert browser.put(f"{ACTIONS}/exp_arena/stop").status_code == 405
        assert browser.post("/dashboard/sign-out").status_code == 303
        assert act(browser, key, "exp_arena/stop")[0] == 401
    assert row(outside, management)["status"] == "running"
