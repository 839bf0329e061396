"""Every panel of every section says what its figures count and which call gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from api.dashboard.sections import SECTIONS, Section
from tests.browser.world import MANAGEMENT

if TYPE_CHECKING:
    from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
CHOSEN = "game=doom&range=7d&tester=Radia&player=ada&name=crash&session=session-0001"
SAID_CHARACTERS_MIN = 40
"""A definition is a sentence at least."""


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
@pytest.mark.parametrize("width", [1440, 390])
async def test_every_panel_has_its_definition_and_a_call(
    visiting: Open, section: Section, width: int
) -> None:
    async with visiting(width=width) as visit:
        await visit.look(MANAGEMENT, CHOSEN, section.name)
        page = visit.page
        calls: dict[str, list[str]] = {}
        for panel in section.panels:
            heading = (await page.locator(f"#{panel.id} h2").text_content() or "").strip()
            await page.locator(f"#{panel.id} > header button", has_text="About").press("Enter")
            about = page.locator(f"#{panel.id}-about")
            await expect(about).to_be_visible()
            assert await about.locator("h3").text_content() == heading
            said = " ".join(await about.locator("p").all_text_contents())
            assert len(said) >= SAID_CHARACTERS_MIN, (panel.id, said)
            calls[panel.id] = await about.locator("code").all_text_contents()
            await page.keyboard.press("Escape")
            await expect(about).to_be_hidden()
        lacking = [name for name, given in calls.items() if not given and name not in NOTHING_CHOSEN]
        assert lacking == [], calls
        broken = [
            call for given in calls.values() for call in given if "undefined" in call or "/null" in call
        ]
        assert broken == []
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert visit.complaints == []


NOTHING_CHOSEN = {"slots", "applications", "usage", "log", "processing"}
"""Their calls name what is chosen in the panel before, of which the seeded studio has none."""
