"""Insights in their sections: what is shown is what S1's routes answer, and what players wrote stays text."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from schemas.studio.ai import DEFAULT_AI
from tests.browser.insights import DRAFT, EXPERIMENT, HOSTILE, TESTER
from tests.browser.seed import BUILDS
from tests.browser.world import MANAGEMENT, OTHER_MANAGEMENT, SECRET

if TYPE_CHECKING:
    from playwright.async_api import Page

    from schemas.studio.ai_requests import AiRequest
    from tests.browser.conftest import Open, Visit
    from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
SHIFTED_MAX = 0.02
SHIFTS = """window.shifted = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries())
        if (!entry.hadRecentInput) window.shifted += entry.value; })
    .observe({type: 'layout-shift', buffered: true});"""


async def look(
    visit: Visit, world: World, key: str, query: str = "game=doom", section: str = "builds"
) -> Page:
    """The section with the cookie that signing in gives, once every panel has settled."""
    await world.forget_ai_reads()
    await visit.look(key, query, section)
    return visit.page


async def read(page: Page, path: str) -> Any:
    """What S1's handlers answer to the page's session."""
    return await page.evaluate("async (path) => (await fetch('/dashboard/data/s1' + path)).json()", path)


async def test_builds_are_compared_as_s1_answers(visiting: Open, world: World) -> None:
    async with visiting() as visit:
        page = await look(visit, world, MANAGEMENT, f"game=doom&a={BUILDS[0]}&b={BUILDS[1]}")
        found = await read(page, f"/builds/compare?game=doom&a={BUILDS[0]}&b={BUILDS[1]}&env=all")
        changes = found["diff"]["changes"]
        assert {one["kind"] for one in changes} >= {"resolved", "introduced"}
        rows = page.locator("#compare .changes li")
        await expect(rows).to_have_count(len(changes))
        for one in changes:
            row = page.locator(f'#compare li[data-tag="{one["tag"]}"]')
            await expect(row).to_have_attribute("data-kind", one["kind"])
            await expect(row.locator(".shares")).to_have_text(f"{one['pctA']}% → {one['pctB']}%")
        totals = await page.locator("#compare .totals dd").all_text_contents()
        names = ("introduced", "gotLarger", "gotSmaller", "resolved", "carriedOver")
        assert totals == [str(found["diff"]["totals"][name]) for name in names]
        await expect(page.locator("#compare h3").first).to_have_text("Worse")
        await expect(page.locator('#compare li[data-tag="hangar-bug"] q')).to_have_text(HOSTILE)
        await page.select_option('#compare [aria-label="Later build"]', BUILDS[0])
        await page.select_option('#compare [aria-label="Environment"]', "staging")
        assert "in=staging" in page.url
        assert await page.title() != "owned"
        assert visit.complaints == []


def fixes(request: AiRequest) -> str:
    """A model's answer: one for each target."""
    return json.dumps(
        {
            "suggestions": [
                {
                    "title": f"Move the switch of {target['tag']}",
                    "rationale": "It is behind the door.",
                    "evidence": [one["id"] for one in target["insights"]],
                    "confidence": 0.82,
                    "tag": target["tag"],
                }
                for target in json.loads(request.input)["targets"]
            ]
        }
    )


async def test_suggestions_are_those_of_rest_or_why_there_are_none(visiting: Open, world: World) -> None:
    path = f"/builds/compare/suggestions?game=doom&a={BUILDS[0]}&b={BUILDS[1]}&env=production"
    query = f"game=doom&a={BUILDS[0]}&b={BUILDS[1]}"
    async with visiting() as visit:
        page = await look(visit, world, MANAGEMENT, query)
        await expect(page.locator("#suggestions .message")).to_contain_text(
            "ai key set --studio SLUG --for chat"
        )
        refused = await page.evaluate(
            "async (path) => { const answer = await fetch('/dashboard/data/s1' + path);"
            " return [answer.status, (await answer.json()).error]; }",
            path,
        )
        assert refused == [402, "key_needed"]
        await page.evaluate("""navigator.clipboard.writeText = async (text) => { window.copied = text; }""")
        await page.locator("#suggestions .curl").click()
        assert (await page.evaluate("window.copied")).endswith(f"$MGMT\" '{world.base_url}/api/v1{path}'")
    world.ai.settings["chat"] = DEFAULT_AI
    try:
        await by_rule_then_by_the_model(visiting, world, query, path)
    finally:
        world.ai.settings.clear()


async def by_rule_then_by_the_model(visiting: Open, world: World, query: str, path: str) -> None:
    world.ai.say = lambda _: "ai_budget"
    async with visiting() as visit:
        page = await look(visit, world, MANAGEMENT, query)
        rows = page.locator("#suggestions ol li")
        await expect(page.locator("#suggestions .warning")).to_contain_text(
            "tokens are used up: these are made"
        )
        ruled = (await read(page, path))["suggestions"]
        assert len(ruled) > 1
        await expect(rows.locator("b")).to_have_text([one["title"] for one in ruled])
        world.ai.say = fixes
        await world.forget_ai_reads()
        await page.get_by_role("button", name="Ask again").press("Enter")
        await expect(page.locator("#suggestions .warning")).to_be_hidden()
        found = (await read(page, path))["suggestions"]
        await expect(rows.locator("b")).to_have_text([one["title"] for one in found])
        await expect(rows.locator("p:not(.evidence)")).to_have_text([one["rationale"] for one in found])
        for one in found:
            row = page.locator(f'#suggestions li[data-tag="{one["tag"]}"]')
            await expect(row).to_contain_text("82% sure")
            await expect(row.locator(".evidence")).to_have_attribute("title", ", ".join(one["evidence"]))
        assert visit.complaints == []


async def test_variants_are_shown_with_their_split_and_lift(visiting: Open, world: World) -> None:
    async with visiting() as visit:
        page = await look(visit, world, MANAGEMENT)
        compared = (await read(page, f"/experiments/{EXPERIMENT}/comparison"))["comparison"]
        await expect(page.locator("#experiments li")).to_have_count(2)
        await expect(page.locator(f'#experiments li[data-id="{EXPERIMENT}"]')).to_have_class("chosen")
        exposed = page.locator("#comparison tbody tr", has_text="Exposed devices").locator("td")
        counts = [str(one["exposures"]) for one in compared["variants"]]
        assert sum(map(int, counts)) > 10
        await expect(exposed).to_have_text(counts)
        await expect(page.locator("#comparison .srm")).to_have_attribute(
            "data-srm", compared["srm"]["status"]
        )
        await expect(page.locator("#comparison .quotes q").first).to_be_visible()
        await expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
        draft = page.locator(f'#experiments li[data-id="{DRAFT}"] button')
        await draft.press("Enter")
        await expect(page.locator("#comparison h3").first).to_have_text("Ammunition in the middle")
        await expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
        assert f"experiment={DRAFT}" in page.url
        await page.evaluate("""navigator.clipboard.writeText = async (text) => { window.copied = text; }""")
        await page.locator("#comparison .curl").click()
        path = f"/api/v1/experiments/{DRAFT}/comparison"
        assert (await page.evaluate("window.copied")).endswith(f"$MGMT\" '{world.base_url}{path}'")
        assert visit.complaints == []


async def test_a_split_that_cannot_be_trusted_is_an_alert(visiting: Open, world: World) -> None:
    async with visiting() as visit:
        page = await look(visit, world, MANAGEMENT)
        answer = await read(page, f"/experiments/{EXPERIMENT}/comparison")
        answer["comparison"]["srm"] = {"status": "mismatch", "chiSquare": 11.24, "pValue": 0.000802259}
        pattern = re.compile(r"/s1/experiments/.*/comparison")
        await page.route(pattern, lambda route: route.fulfill(json=answer))
        said = page.locator("#comparison [role=alert].warning")
        await expect(said).to_contain_text("Do not trust these figures. Exposures do not fit", timeout=20_000)
        await expect(said).to_contain_text("p 0.0008")


async def test_a_tester_is_found_and_followed_from_the_keyboard(visiting: Open, world: World) -> None:
    async with visiting() as visit:
        page = await look(visit, world, MANAGEMENT, section="players")
        await expect(page.locator("#journey .message")).to_contain_text("No tester chosen")
        await page.locator("#tester-q").fill(TESTER.upper())
        await page.keyboard.press("Enter")
        first = page.locator("#testers li button").first
        await expect(first).to_have_text(TESTER)
        await first.press("Enter")
        found = (await read(page, f"/testers/doom/{TESTER}/journey"))["journey"]
        rows = page.locator("#journey ol li")
        await expect(rows).to_have_count(found["totalSessions"])
        shown = [await row.get_attribute("data-id") for row in await rows.all()]
        assert shown == [one["sessionId"] for one in found["entries"]]
        await expect(page.locator("#journey .summary")).to_have_text(found["summary"])
        frictions = [one["topFriction"]["summary"] for one in found["entries"] if one["topFriction"]]
        await expect(page.locator("#journey .found .bad + q")).to_have_text(frictions)
        assert f"tester={TESTER}" in page.url
        assert visit.complaints == []


async def test_feedback_is_counted_and_quoted_as_text(visiting: Open, world: World) -> None:
    async with visiting() as visit:
        page = await look(visit, world, MANAGEMENT, section="players")
        (form,) = (await read(page, "/games/doom/prompts"))["forms"]
        await expect(page.locator("#feedback h3")).to_contain_text(f"{form['responseCount']} submissions")
        counts = await page.locator("#feedback .answers dd span").all_text_contents()
        assert sum(map(int, counts)) == form["responseCount"]
        await expect(page.locator("#feedback .texts q").first).to_have_text(HOSTILE)
        await expect(page.locator("#archetypes .message")).to_contain_text("No groups without embeddings")
        assert await page.title() != "owned"
        await page.locator("#feedback .texts button.name").first.click()
        await expect(page.locator("#journey ol li").first).to_be_visible()
        assert visit.complaints == []


async def test_whose_session_sees_and_does_what(visiting: Open, world: World) -> None:
    async with visiting() as visit:
        page = await look(visit, world, SECRET)
        await expect(page.locator("#game option")).to_have_count(1)
        await expect(page.locator("#comparison table")).to_be_visible()
        await expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()
        assert (await read(page, "/sessions?game=relay"))["error"] == "not_found"
        assert (await read(page, "/sessions"))["error"] == "bad_parameter"
        assert (await read(page, "/games/relay/experiments"))["error"] == "not_found"
    async with visiting() as visit:
        page = await look(visit, world, OTHER_MANAGEMENT, "game=other-game", "players")
        await expect(page.locator("#feedback .message")).to_contain_text("no feedback forms")
        page = await look(visit, world, OTHER_MANAGEMENT, "game=other-game")
        await expect(page.locator("#experiments .message")).to_contain_text("No experiments of this game")
        for path in (f"/experiments/{EXPERIMENT}/comparison", f"/testers/doom/{TESTER}/journey"):
            assert (await read(page, path))["error"] == "not_found"


async def test_a_store_that_is_away_is_said_and_comes_back(visiting: Open, world: World) -> None:
    async with visiting() as visit:
        page = await look(visit, world, MANAGEMENT)
        world.queries.away = True
        try:
            await page.select_option('#compare [aria-label="Environment"]', "production")
            await expect(page.locator("#compare .problem")).to_contain_text("A store is away")
            await expect(page.locator("#banner")).to_be_visible()
        finally:
            world.queries.away = False
        await expect(page.locator("#banner")).to_be_hidden()
        await expect(page.locator("#compare .problem")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("section", ["live", "players", "builds", "heatmaps", "liveops"])
async def test_nothing_moves(visiting: Open, world: World, width: int, section: str) -> None:
    async with visiting(width, 844) as visit:
        await visit.page.add_init_script(SHIFTS)
        page = await look(visit, world, MANAGEMENT, f"game=doom&range=7d&tester={TESTER}&player=ada", section)
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert await page.evaluate("window.shifted") < SHIFTED_MAX
        assert visit.complaints == []
