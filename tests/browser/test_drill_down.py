"""From a figure to what is behind it: an event's properties, a session's events, a cell's sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.browser.insights import TESTER
from tests.browser.world import MANAGEMENT

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
DAY = "game=doom&range=7d"


async def read(page: Page, path: str) -> Any:
    return await page.evaluate("async (path) => (await fetch('/dashboard/data/' + path)).json()", path)


async def test_an_event_name_opens_its_trend(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY)
        page = visit.page
        await expect(page.locator("#event .message")).to_contain_text("No event chosen")
        await page.locator("#event-names").get_by_role("button", name="level_completed").press("Enter")
        found = await read(page, f"event?{DAY}&name=level_completed")
        assert sum(found["counts"]) == found["count"] > 10
        await expect(page.locator("#event h3")).to_contain_text(f"{found['count']:,} times")
        listed = page.locator("#event-names tr", has_text="level_completed").locator("td.num").first
        await expect(listed).to_have_text(f"{found['count']:,}")
        await expect(page.locator("#event canvas")).to_be_visible()
        assert "name=level_completed" in page.url
        assert visit.complaints == []


async def test_a_tester_opens_a_session_and_that_its_events_in_order(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, f"{DAY}&tester={TESTER}", "players")
        page = visit.page
        first = page.locator("#journey ol li").first
        session = await first.get_attribute("data-id")
        await first.get_by_role("button").press("Enter")
        await expect(page.locator("#session h3")).to_contain_text(str(session))
        found = await read(page, f"session-events?game=doom&session={session}")
        assert (found["id"], found["tester"], len(found["events"])) == (session, TESTER, found["total"])
        times = [one["at"] for one in found["events"]]
        assert times == sorted(times)
        rows = page.locator("#session tbody tr")
        await expect(rows).to_have_count(found["total"])
        await expect(rows.last).to_contain_text(found["events"][-1]["name"])
        assert visit.complaints == []


async def test_a_cell_of_a_heatmap_opens_its_sessions_from_the_keyboard(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY, "heatmaps")
        page = visit.page
        canvas = page.locator("#heatmaps canvas[role=img]").first
        (room, *_) = (await read(page, f"heatmap?{DAY}"))["rooms"]
        x, y, _, points = room["cells"][0]
        await canvas.press("Enter")
        await expect(page.locator("#cell .content > p")).to_contain_text(
            f"{room['room']}, cell {x}, {y}: {points:,} pos"
        )
        counts = page.locator("#cell td:nth-child(3)")
        shown = [int(text.replace(",", "")) for text in await counts.all_text_contents()]
        assert sum(shown) == points
        await page.locator("#cell tbody a").first.click()
        await expect(page.locator("#session tbody tr").first).to_be_visible()
        await expect(page.locator("#journey ol li").first).to_be_visible()
        assert visit.complaints == []
