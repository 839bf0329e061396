"""The data dictionary: every view of analysts with its comments, and a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from deploy.nouns import views
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.views import apply_views
from tests.browser.conftest import DATABASE
from tests.browser.world import SECRET

if TYPE_CHECKING:
    from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]


async def test_views_are_shown_with_their_comments(visiting: Open, clickhouse_url: str) -> None:
    owner = ClickHouse(clickhouse_url, DATABASE)
    made = await apply_views(owner, views())
    await owner.close()
    async with visiting() as visit:
        await visit.look(SECRET, "game=doom", "dictionary")
        page = visit.page
        await expect(page.locator("#views details")).to_have_count(len(made))
        assert sorted(await page.locator("#views summary b").all_text_contents()) == sorted(made)
        await page.fill('#views input[type="search"]', "longest gap")
        await expect(page.locator("#views details")).to_have_count(1)
        row = page.locator('#views details[data-view="sessions"] tbody tr')
        await expect(row).to_have_count(1)
        cells = [
            "longest_pause_seconds",
            "Float64",
            "Longest gap of more than 30 s between its events",
        ]
        for place, text in enumerate(cells):
            await expect(row.locator("th, td").nth(place)).to_contain_text(text)
        assert visit.complaints == []
