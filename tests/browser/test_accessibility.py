"""axe-core finds nothing serious or critical in any section, at signing in, and in the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from api.dashboard.sections import SECTIONS
from tests.browser.axe import grave_faults
from tests.browser.world import MANAGEMENT

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
CHOSEN = "game=doom&range=7d&tester=Radia&player=ada&name=crash&session=session-0001&platform=Win64"
DOCUMENTATION = ("", "?q=unity", "/guides/events-json", "/console", "/definition", "/s4")


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
