"""One seeded dashboard for all tests here, one Chromium for each module, one clean profile for each test."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from api.dashboard.sections import SECTIONS
from api.dashboard.session import COOKIE
from deploy.assets import install_assets
from deploy.stack.kafka_jars import default_cache
from projections.clickhouse.client import ClickHouse
from tests.browser.chromium import FLAGS, chromium_path
from tests.browser.insights import seed_insights
from tests.browser.liveops import seed_liveops
from tests.browser.seed import Seed, seed_game, seed_live
from tests.browser.world import DOOM, OTHER, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager

    from playwright.async_api import Browser, ConsoleMessage, Page, Request

DATABASE = "dashboard_in_browser"
PANELS = {section.name: len(section.panels) for section in SECTIONS}


class Visit:
    """One tab, with what it complained of and whom it talked to."""

    def __init__(self, page: Page, world: World) -> None:
        self.page = page
        self.world = world
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.section = "live"
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)

    async def sign_in(self, key: str) -> None:
        """Sign in by the form."""
        await self.page.goto(f"{self.world.base_url}/dashboard/live")
        await self.page.fill("#key", key)
        await self.page.click("button[type=submit]")
        await expect(self.page.locator("#studio")).not_to_be_empty()

    async def look(self, key: str, query: str, section: str = "live") -> None:
        """Look at a section with the cookie that signing in would give, and wait until it has settled."""
        await self._hold_cookie(key)
        self.section = section
        await self.page.goto(f"{self.world.base_url}/dashboard/{section}?{query}")
        await self.settled()

    async def look_at_no_panel(self, key: str) -> None:
        """Be signed in on a page of the dashboard's origin that asks for nothing by itself."""
        await self._hold_cookie(key)
        answer = await self.page.goto(f"{self.world.base_url}/dashboard/data/session")
        assert answer is not None
        assert answer.ok

    async def settled(self) -> None:
        """Wait until every panel shows data, an empty state or a problem, of the present selection."""
        await expect(self.page.locator(".panel[data-state]:not(.stale)")).to_have_count(PANELS[self.section])

    async def _hold_cookie(self, key: str) -> None:
        address = f"{self.world.base_url}/dashboard"
        await self.page.context.add_cookies(
            [{"name": COOKIE, "value": self.world.cookie(key), "url": address}]
        )

    def _heard(self, message: ConsoleMessage) -> None:
        # The browser has a line for each status from 400 on; 402, no chat key, is what a panel shows.
        if message.type in {"error", "warning"} and "status of 402" not in message.text:
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)


@pytest.fixture(scope="session")
def world(clickhouse_url: str, redis_url: str) -> Iterator[World]:
    """The page over two seeded games of two studios. A test that turns something turns it back."""

    page = World(clickhouse_url, DATABASE, redis_url, install_assets(default_cache()))

    async def seed() -> None:
        client = ClickHouse(clickhouse_url, DATABASE)
        now_ms = int(time.time() * 1000)
        try:
            doom = Seed(DOOM.studio_id, DOOM.id, now_ms, sessions=60)
            await seed_game(client, doom)
            await seed_live(redis_url, doom)
            await seed_liveops(client, page.liveops, DOOM)
            await seed_insights(client, page.experiments, DOOM, doom)
            await seed_game(
                client, Seed(OTHER.studio_id, OTHER.id, now_ms, sessions=6, seed=9, names_prefix="theirs_")
            )
        finally:
            await client.close()

    asyncio.run(seed())
    with page.served() as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium with a profile of its own, which Playwright deletes afterwards."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield chromium
        await chromium.close()


class Open(Protocol):
    """Opens a tab without cookies, of that size and colour scheme."""

    def __call__(
        self, width: int = 1440, height: int = 900, theme: str = "light"
    ) -> AbstractAsyncContextManager[Visit]: ...


@pytest_asyncio.fixture(loop_scope="module")
async def visiting(browser: Browser, world: World) -> Open:
    """`async with visiting(width=…, height=…, theme=…) as visit`."""

    @asynccontextmanager
    async def visit(width: int = 1440, height: int = 900, theme: str = "light") -> AsyncIterator[Visit]:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
        )
        context.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        opened = Visit(await context.new_page(), world)
        try:
            yield opened
        except AssertionError as error:
            error.add_note(f"the browser complained of: {opened.complaints or 'nothing'}")
            raise
        finally:
            await context.close()

    return visit
