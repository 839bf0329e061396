"""What the panels show, and how the page behaves when there is nothing to show or a store is away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.seed import BUILDS, FUNNEL
from tests.browser.world import MANAGEMENT, OTHER_MANAGEMENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Open
    from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
DAY = "game=doom&range=7d"


async def test_every_panel_shows_the_seeded_data_and_nothing_comes_from_elsewhere(
    visiting: Open, world: World
) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY)
        page = visit.page
        for panel in await page.locator(".panel").all():
            assert await panel.get_attribute("data-state") == "data", await panel.get_attribute("id")
        await expect(page.locator("#live-events .now b")).to_have_text(re.compile(r"^\d,\d{3}$"))
        await expect(page.locator("#live-events canvas")).to_be_visible()
        await expect(page.locator("#summary dd").first).to_have_text(re.compile(r"^[1-9]"))
        await expect(page.locator("#timeline canvas")).to_be_visible()
        await expect(page.locator("#sessions canvas")).to_be_visible()
        await expect(page.locator("#event-names tbody th").first).to_have_text("player_pos")
        await expect(page.locator("#funnel .name")).to_have_text(list(FUNNEL))
        await expect(page.locator("#funnel .lost").first).to_contain_text("did not go on")
        assert set(await page.locator("#fps .build").all_text_contents()) == set(BUILDS)
        await expect(page.locator("#builds tbody th").first).to_have_text("Sessions")
        await expect(page.locator("#heatmaps .room")).to_have_count(4)
        await expect(page.locator("#models tbody tr")).to_have_count(3)
        await expect(page.locator("#projections .pill.behind")).to_have_text("Catching up")
        assert visit.complaints == []
        assert visit.hosts == {world.base_url.removeprefix("http://")}


async def test_charts_are_really_drawn(visiting: Open) -> None:
    inked = """(canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let inked = 0;
        for (let at = 3; at < data.length; at += 4) inked += data[at] > 0;
        return inked / (data.length / 4);
    }"""
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY)
        canvases = visit.page.locator(".plot canvas, .room canvas")
        await expect(canvases).to_have_count(8)
        for canvas in await canvases.all():
            await canvas.scroll_into_view_if_needed()
            assert await canvas.evaluate(inked) > 0.01


async def test_another_game_shows_its_own_data_or_says_there_is_none(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY)
        await visit.page.select_option("#game", "relay")
        await expect(visit.page.locator("#event-names .message")).to_contain_text("No events in this time")
        await visit.settled()
        for empty in (
            "timeline",
            "funnel",
            "fps",
            "heatmaps",
            "models",
            "builds",
            "sessions",
            "leaderboard",
            "player",
            "economy",
        ):
            await expect(visit.page.locator(f"#{empty} .message")).to_be_visible()
        assert "game=relay" in visit.page.url
        assert visit.complaints == []


async def test_build_environment_and_time_narrow_the_figures(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY)
        page = visit.page
        await expect(page.locator("#build option")).to_have_count(3)
        await page.select_option("#build", BUILDS[1])
        await expect(page.locator("#fps .build")).to_have_text([BUILDS[1]])
        await page.select_option("#environment", "staging")
        await page.select_option("#range", "custom")
        await page.fill("#from", "2024-01-01T00:00")
        await page.fill("#to", "2024-01-02T00:00")
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("#timeline .message")).to_be_visible()
        assert "env=staging" in page.url
        await page.fill("#to", "2023-01-02T00:00")
        await page.get_by_role("button", name="Show").click()
        assert (
            await page.locator("#to").evaluate("(input) => input.validationMessage")
            == "Must be after the start"
        )


async def test_another_studio_sees_its_own_game_alone(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(OTHER_MANAGEMENT, "game=doom&range=7d")
        await expect(visit.page.locator("#game option")).to_have_text(["Other Game"])
        await expect(visit.page.locator("#funnel .name").first).to_have_text("theirs_Title_Screen")
        for room in await visit.page.locator("#heatmaps .room b").all_text_contents():
            assert room.startswith("theirs_")


async def test_a_store_that_is_away_leaves_the_figures_and_a_banner_and_it_recovers(
    visiting: Open, world: World
) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY)
        world.queries.away = True
        try:
            await visit.page.select_option("#range", "24h")
            banner = visit.page.locator("#banner")
            await expect(banner).to_contain_text("a store is away or catching up")
            await expect(visit.page.locator("#timeline .problem")).to_contain_text("Retry")
            await expect(visit.page.locator("#live-events .now b")).to_be_visible()
        finally:
            world.queries.away = False
        await banner.get_by_role("button").click()
        await visit.settled()
        await expect(banner).to_be_hidden()
        await expect(visit.page.locator("#timeline canvas")).to_be_visible()


async def test_every_chart_can_be_read_as_a_table(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY)
        await expect(visit.page.get_by_role("button", name="as a table")).to_have_count(8)
        for name in ("live-events", "timeline", "funnel", "sessions", "fps", "builds", "economy", "heatmaps"):
            panel = visit.page.locator(f"#{name}")
            button = panel.get_by_role("button", name="as a table")
            await button.press("Enter")
            await expect(button).to_have_attribute("aria-pressed", "true")
            await expect(panel.locator("caption")).to_be_attached()
            await expect(panel.locator("tbody tr").first).to_be_visible()
            await button.press("Enter")
            await expect(panel.locator("canvas, .funnel, .fps, .compare").first).to_be_visible()
        assert visit.complaints == []


async def test_the_keyboard_reaches_everything(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY)
        await visit.page.keyboard.press("Tab")
        await expect(visit.page.get_by_role("link", name="Skip to the figures")).to_be_focused()
        reached = []
        for _ in range(12):
            await visit.page.keyboard.press("Tab")
            reached.append(await visit.page.evaluate("document.activeElement.id"))
        assert [name for name in reached if name][:6] == [
            "game",
            "build",
            "environment",
            "range",
            "live",
            "theme",
        ]
        live = visit.page.locator("#live")
        await live.press("Space")
        await expect(live).to_have_attribute("aria-pressed", "false")


async def test_every_image_and_control_has_a_name(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY)
        unnamed = await visit.page.evaluate(
            """[...document.querySelectorAll('button, select, input, [role=img], [role=region]')]
               .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
               .map((one) => one.outerHTML)"""
        )
        assert unnamed == []
        assert await visit.page.locator("h1").count() == 1
        assert await visit.page.locator("main section > header > h2").count() == 14


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(360, 780), (820, 1100), (1440, 900)])
async def test_it_fits_the_screen_in_both_themes(
    visiting: Open, tmp_path: Path, theme: str, width: int, height: int
) -> None:
    async with visiting(width=width, height=height, theme=theme) as visit:
        await visit.look(MANAGEMENT, DAY)
        assert await visit.page.evaluate("document.documentElement.scrollWidth") == width
        screenshot = tmp_path / f"{theme}-{width}.png"
        await visit.page.screenshot(path=screenshot, full_page=True)
        assert screenshot.stat().st_size > 30_000
        background = await visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(244, 246, 248)", "dark": "rgb(14, 19, 24)"}[theme]


async def test_the_theme_button_wins_over_the_system_and_is_remembered(visiting: Open) -> None:
    async with visiting(theme="light") as visit:
        await visit.look(MANAGEMENT, DAY)
        await visit.page.get_by_role("button", name="Switch to the dark theme").click()
        await visit.page.reload()
        await expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
        await visit.page.get_by_role("button", name="Switch to the light theme").click()
        await expect(visit.page.locator("html")).to_have_attribute("data-theme", "light")
        await visit.settled()
        assert visit.complaints == []
