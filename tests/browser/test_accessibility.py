"""axe-core finds nothing serious or critical in any section, at signing in, and in the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from api.dashboard.sections import SECTIONS
from tests.browser.axe import grave_faults
from tests.browser.world import MANAGEMENT

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from tests.browser.conftest import Open
    from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
CHOSEN = "game=doom&range=7d&tester=Radia&player=ada&name=crash&session=session-0001&platform=Win64"
DOCUMENTATION = (
    "",
    "?q=unity",
    "/guides/events-json",
    "/console",
    "/definition",
    "/tables",
    "/guides/command-line",
    "/s4",
)


async def faults_in_every_look(page: Page) -> list[str]:
    """On a desk in the light and the dark theme, and on a phone."""
    found = [f"light: {one}" for one in await grave_faults(page)]
    await page.emulate_media(color_scheme="dark")
    found += [f"dark: {one}" for one in await grave_faults(page, rules=("color-contrast",))]
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": 390, "height": 844})
    return found + [f"phone: {one}" for one in await grave_faults(page)]


@pytest.mark.parametrize("section", [one.name for one in SECTIONS])
async def test_a_section_breaks_no_rule(visiting: Open, section: str) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, CHOSEN, section)
        assert await faults_in_every_look(visit.page) == []


async def test_signing_in_breaks_no_rule(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.page.goto(f"{visit.world.base_url}/dashboard/live")
        await visit.page.fill("#key", "unknown")
        await visit.page.keyboard.press("Enter")
        await expect(visit.page.get_by_role("alert")).to_be_visible()
        assert await faults_in_every_look(visit.page) == []


async def test_the_documentation_breaks_no_rule_and_leads_to_the_console(visiting: Open) -> None:
    async with visiting() as visit:
        page = visit.page
        for path in DOCUMENTATION:
            await page.set_viewport_size({"width": 1440, "height": 900})
            await page.goto(f"{visit.world.base_url}/docs{path}")
            if path == "/s4":
                continue
            assert await faults_in_every_look(page) == [], path
        # Swagger UI's own page: what it would send as JSON leads to the console instead.
        await page.locator(".opblock", has_text="/api/events").first.click()
        await expect(page.locator(".opblock-description a")).to_have_attribute("href", "/docs/console")
        await expect(page.locator(".opblock.is-open .try-out")).to_have_count(0)
        await page.locator(".opblock", has_text="/api/export").first.click()
        await expect(page.locator(".opblock.is-open .try-out")).to_have_count(1)
        assert visit.complaints == []


async def test_the_documentation_is_searched_by_the_keyboard(
    visiting: Open,
) -> None:
    async with visiting() as visit:
        page = visit.page
        await page.goto(f"{visit.world.base_url}/docs/guides/events-json")
        await expect(page.get_by_role("navigation", name="Pages").get_by_role("link")).not_to_have_count(0)
        await page.keyboard.press("/")
        await expect(page.locator("#q")).to_be_focused()
        await page.keyboard.type("a/b unity")
        assert await page.input_value("#q") == "a/b unity"
        await page.keyboard.press("Enter")
        await page.locator("#found a", has_text="Unity").first.click()
        await expect(page.get_by_role("heading", name="Send an event from Unity (C#)")).to_be_in_viewport()
        assert visit.hosts == {visit.world.base_url.removeprefix("http://")}
        assert visit.complaints == []


@pytest.mark.parametrize("javascript", [True, False])
async def test_the_documentation_fits_a_phone_and_its_pages_open_without_script(
    browser: Browser,
    world: World,
    javascript: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, java_script_enabled=javascript
    )
    try:
        page = await context.new_page()
        for path in DOCUMENTATION[:-1]:
            await page.goto(f"{world.base_url}/docs{path}")
            width = await page.locator("html").evaluate("(root) => root.scrollWidth") if javascript else 390
            assert width == 390, path
        link = page.get_by_role("link", name="Webhooks", exact=True)
        await expect(link).to_be_hidden()
        await page.get_by_role("button", name="Pages").click()
        await link.click()
        await expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()
    finally:
        await context.close()
