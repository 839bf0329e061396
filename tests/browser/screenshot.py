"""`python -m tests.browser.screenshot --home .questlog`: the README's picture, taken of a running demo."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from playwright.async_api import async_playwright, expect

from tests.browser.conftest import CHROMIUM, FLAGS

TARGET = Path("api/dashboard/screenshot.png")


async def take(base_url: str, key: str, query: str, theme: str, target: Path) -> None:
    """Sign in, wait until every panel of live-ops shows something, keep the page down to its last panel."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(
            viewport={"width": 1200, "height": 900}, color_scheme="dark" if theme == "dark" else "light"
        )
        await page.goto(f"{base_url}/dashboard")
        await page.fill("#key", key)
        await page.click("button[type=submit]")
        await expect(page.locator("#studio")).not_to_be_empty()
        await page.goto(f"{base_url}/dashboard/liveops?{query}")
        await page.locator("#leaderboard tbody button").first.click()
        await expect(page.locator("#player tbody tr").first).to_be_visible()
        await expect(page.locator("#leaderboard .pill")).to_have_text("Live")
        await expect(page.locator("#economy canvas")).to_be_visible()
        await page.mouse.move(0, 0)
        # Two frames: what was drawn last is on the screen then.
        await page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        last = await page.locator("#economy").bounding_box()
        assert last is not None
        height = last["y"] + last["height"] + 16
        await page.screenshot(
            path=target, full_page=True, clip={"x": 0, "y": 0, "width": 1200, "height": height}
        )
        await browser.close()


def main() -> None:
    """Read demo.json and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".questlog"))
    parser.add_argument("--game", default="doom")
    parser.add_argument("--event", default="weekly-frags", help="whose leaderboard is shown")
    parser.add_argument("--time", default="15m", help="as in the page's address: 15m, 1h, 24h")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--target", type=Path, default=TARGET)
    chosen = parser.parse_args()
    demo = json.loads((chosen.home / "demo.json").read_bytes())
    key = demo["keys"]["pl_mgmt"]
    query = f"game={chosen.game}&range={chosen.time}&event={chosen.event}"
    asyncio.run(take(demo["base_url"], key, query, chosen.theme, chosen.target))


if __name__ == "__main__":
    main()
