"""Signed-in tabs on a running stack."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from playwright.async_api import expect

from api.dashboard.sections import SECTIONS
from tests import plain_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, ConsoleMessage, Page

SHIFTS = """window.shifted = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries())
        if (!entry.hadRecentInput) window.shifted += entry.value; })
    .observe({type: 'layout-shift', buffered: true});"""
SHIFTED_MAX = 0.02
SURE_MS = (5_000, 6_000)
"""How long the page waits for the second press of a button that asks whether one is sure."""
PATIENCE = f"""const later = window.setTimeout;
    window.setTimeout = (call, ms, ...more) =>
        later(call, {[*SURE_MS]}.includes(ms) ? 600_000 : ms, ...more);"""
"""However late a test presses again, the button still asks."""
PANELS = {section.name: len(section.panels) for section in SECTIONS}
_signed_in: dict[tuple[str, str], tuple[str, str]] = {}
"""Cookies by address and key: nobody may sign in more than ten times a minute, and these tests are many."""


async def until_holds(page: Page, condition: str, *, within_s: float = 60) -> None:
    """Returns once the condition, a JavaScript expression, holds.

    `Page.wait_for_function` evaluates texts within the page after its first look, which our pages' policy
    forbids (no `unsafe-eval`): it works only where the condition holds at once.
    """
    look = f"const look = () => ({condition}) ? holds() : setTimeout(look, 50); look();"
    async with asyncio.timeout(within_s):
        await page.evaluate(f"new Promise((holds) => {{ {look} }})")


async def signed_in(base_url: str, key: str) -> tuple[str, str]:
    """Name and value of the cookie that signing in with the key gives."""
    if (base_url, key) not in _signed_in:
        async with plain_http.async_client(base_url=base_url, headers={"origin": base_url}) as client:
            assert (await client.post("/dashboard/sign-in", data={"key": key})).status_code == 303
            (cookie,) = client.cookies.jar
        _signed_in[base_url, key] = (cookie.name, cookie.value or "")
    return _signed_in[base_url, key]


class Visit:
    """One signed-in tab, with what it complained of."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    async def open(self, key: str, game: str, *, page: str) -> None:
        """A section, settled, with the cookie that signing in gives."""
        name, value = await signed_in(self.base_url, key)
        address = f"{self.base_url}/dashboard"
        await self.page.context.add_cookies([{"name": name, "value": value, "url": address}])
        await self.page.goto(f"{self.base_url}/dashboard/{page}?game={game}")
        await expect(self.page.locator(".panel[data-state]:not(.stale)")).to_have_count(PANELS[page])


@asynccontextmanager
async def visiting(
    browser: Browser, base_url: str, width: int = 1440, height: int = 1000
) -> AsyncIterator[Visit]:
    context = await browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    try:
        page = await context.new_page()
        await page.add_init_script(SHIFTS)
        await page.add_init_script(PATIENCE)
        yield Visit(page, base_url)
    finally:
        await context.close()
