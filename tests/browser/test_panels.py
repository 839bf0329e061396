"""What the panels show, and how the page behaves when there is nothing to show or a store is away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from api.dashboard.sections import SECTIONS
from tests.browser.seed import BUILDS, FUNNEL
from tests.browser.world import MANAGEMENT, OTHER_MANAGEMENT

if TYPE_CHECKING:
    from playwright.async_api import Page

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
        await everything_has_data(page, but="event")
        await expect(page.locator("#live-events .now b")).to_have_text(re.compile(r"^\d,\d{3}$"))
        await expect(page.locator("#summary dd").first).to_have_text(re.compile(r"^[1-9]"))
        await expect(page.locator("#event-names tbody th").first).to_have_text("player_pos")
        await all_are_inked(page, 2)
        await visit.look(MANAGEMENT, DAY, "heatmaps")
        await everything_has_data(page, but="cell")
        await expect(page.locator("#heatmaps .room")).to_have_count(4)
        await expect(page.locator("#models tbody tr")).to_have_count(3)
        await all_are_inked(page, 4)
        await visit.look(MANAGEMENT, DAY, "players")
        await expect(page.locator("#funnel .name")).to_have_text(list(FUNNEL))
        await expect(page.locator("#funnel .lost").first).to_contain_text("did not go on")
        await all_are_inked(page, 2)
        await visit.look(MANAGEMENT, DAY, "builds")
        assert set(await page.locator("#fps .build").all_text_contents()) == set(BUILDS)
        await expect(page.locator("#builds tbody th").first).to_have_text("Sessions")
        await visit.look(MANAGEMENT, DAY, "system")
        await expect(page.locator("#projections .pill.behind")).to_have_text("Catching up")
        assert visit.complaints == []
        assert visit.hosts == {world.base_url.removeprefix("http://")}


async def everything_has_data(page: Page, but: str) -> None:
    """All panels but the one that waits for a choice."""
    for panel in await page.locator(f".panel:not(#{but})").all():
        assert await panel.get_attribute("data-state") == "data", await panel.get_attribute("id")


async def all_are_inked(page: Page, canvases: int) -> None:
    inked = """(canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let inked = 0;
        for (let at = 3; at < data.length; at += 4) inked += data[at] > 0;
        return inked / (data.length / 4);
    }"""
    found = page.locator(".plot canvas, .room canvas")
    await expect(found).to_have_count(canvases)
    for canvas in await found.all():
        await canvas.scroll_into_view_if_needed()
        assert await canvas.evaluate(inked) > 0.01


@pytest.mark.parametrize(
    ("section", "empty"),
    [
        ("live", ("timeline", "event-names")),
        ("players", ("funnel", "sessions")),
        ("builds", ("fps", "builds")),
        ("heatmaps", ("heatmaps", "models")),
        ("liveops", ("leaderboard", "player", "economy")),
    ],
)
async def test_another_game_shows_its_own_data_or_says_there_is_none(
    visiting: Open, section: str, empty: tuple[str, ...]
) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY, section)
        await visit.page.select_option("#game", "relay")
        for panel in empty:
            await expect(visit.page.locator(f"#{panel} .message")).to_be_visible()
        assert "game=relay" in visit.page.url
        assert visit.complaints == []


async def test_a_game_that_is_not_there_is_said(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(OTHER_MANAGEMENT, "game=doom&range=7d")
        await expect(visit.page.locator("#unknown-game")).to_contain_text("no game “doom”")
        await expect(visit.page.locator("#unknown-game")).to_contain_text("Other Game is shown")
        await visit.look(MANAGEMENT, DAY)
        await expect(visit.page.locator("#unknown-game")).to_be_hidden()


async def test_sections_are_changed_from_the_keyboard_and_keep_what_is_looked_at(visiting: Open) -> None:
    async with visiting(390, 844) as visit:
        await visit.look(MANAGEMENT, f"{DAY}&build={BUILDS[0]}")
        page = visit.page
        await expect(page.get_by_role("link", name="Heatmaps")).to_be_hidden()
        await page.get_by_role("button", name="Sections").press("Enter")
        await expect(page.get_by_role("link", name="Live", exact=True)).to_have_attribute(
            "aria-current", "page"
        )
        await page.get_by_role("link", name="Heatmaps").press("Enter")
        await page.wait_for_url("**/dashboard/heatmaps?**")
        assert f"game=doom&build={BUILDS[0]}&range=7d" in page.url
        await expect(page.locator("#heatmaps .room").first).to_be_visible()
        assert visit.complaints == []


async def test_build_environment_and_time_narrow_the_figures(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY, "builds")
        page = visit.page
        await expect(page.locator("#build option")).to_have_count(3)
        await page.select_option("#build", BUILDS[1])
        await expect(page.locator("#fps .build")).to_have_text([BUILDS[1]])
        assert f"build={BUILDS[1]}" in page.url
        await page.get_by_role("link", name="Live", exact=True).click()
        await expect(page.locator("#build")).to_have_value(BUILDS[1])
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
        await visit.look(OTHER_MANAGEMENT, "game=other-game&range=7d", "players")
        await expect(visit.page.locator("#game option")).to_have_text(["Other Game"])
        await expect(visit.page.locator("#funnel .name").first).to_have_text("theirs_Title_Screen")
        await visit.look(OTHER_MANAGEMENT, "game=other-game&range=7d", "heatmaps")
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


@pytest.mark.parametrize(
    ("section", "charts"),
    [
        ("live", ("live-events", "timeline", "event")),
        ("players", ("funnel", "sessions", "active")),
        ("builds", ("fps", "builds")),
        ("heatmaps", ("heatmaps",)),
        ("liveops", ("economy",)),
    ],
)
async def test_every_chart_can_be_read_as_a_table(
    visiting: Open, section: str, charts: tuple[str, ...]
) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, f"{DAY}&name=level_completed", section)
        await expect(visit.page.get_by_role("button", name="as a table")).to_have_count(len(charts))
        for name in charts:
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
        await expect(visit.page.get_by_role("link", name="Skip to the panels")).to_be_focused()
        reached = []
        for _ in range(len(SECTIONS) + 12):
            await visit.page.keyboard.press("Tab")
            reached.append(
                await visit.page.evaluate("document.activeElement.id || document.activeElement.pathname")
            )
        assert reached[: len(SECTIONS)] == [f"/dashboard/{section.name}" for section in SECTIONS]
        assert [name for name in reached[len(SECTIONS) :] if name][:10] == [
            "live",
            "/docs",
            "theme",
            "game",
            "build",
            "environment",
            "platform",
            "country",
            "played-by",
            "range",
        ]
        live = visit.page.locator("#live")
        await live.press("Space")
        await expect(live).to_have_attribute("aria-pressed", "false")


UNNAMED = """[...document.querySelectorAll('a, button, select, input, [role=img], [role=region]')]
    .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
    .map((one) => one.outerHTML)"""
SMALL = """[...document.querySelectorAll('a, button, select, input')]
    .filter((one) => one.checkVisibility() && one.type !== 'checkbox' && !one.closest('.skip'))
    .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.height < 44 || box.width < 44))
    .map(([html, box]) => `${box.width} x ${box.height}: ${html}`)"""


@pytest.mark.parametrize("section", [one.name for one in SECTIONS])
async def test_a_section_fits_a_phone_and_everything_in_it_can_be_named_and_hit(
    visiting: Open, section: str
) -> None:
    theme = "dark" if section in {"live", "builds", "liveops"} else "light"
    async with visiting(390, 844, theme=theme) as visit:
        await visit.look(
            MANAGEMENT, f"{DAY}&tester=Radia&player=ada&name=crash&session=session-0001", section
        )
        page = visit.page
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
        assert await page.evaluate(UNNAMED) == []
        assert await page.evaluate(SMALL) == []
        assert await page.locator("h1").count() == 1
        background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(244, 246, 248)", "dark": "rgb(14, 19, 24)"}[theme]
        assert visit.complaints == []


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
