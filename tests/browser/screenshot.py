"""`python -m tests.browser.screenshot`: the README's picture, of a running demo or of `tests.browser.serve`.

`--home .questlog` signs in with a demo's key; `--url` and `--key` with another's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Final

from playwright.async_api import FloatRect, async_playwright, expect

from api.dashboard.sections import SECTIONS
from tests.browser.chromium import FLAGS, chromium_path
from tests.browser.conftest import PANELS

TARGET: Final = Path("api/dashboard/screenshot.jpg")
WIDTH: Final = 1200
QUALITY: Final = 82
"""Of JPEG: the page's texts are sharp, at a third of what PNG takes."""


async def take(address: str, key: str, section: str, theme: str, target: Path) -> None:
    """Sign in, wait until every panel of the section shows something, keep the page down to its last panel.

    `address` is the section's, with its query.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page = await browser.new_page(
            viewport={"width": WIDTH, "height": 900}, color_scheme="dark" if theme == "dark" else "light"
        )
        await page.goto(address)
        await page.fill("#key", key)
        await page.click("button[type=submit]")
        await expect(page.locator("#studio")).not_to_be_empty()
        await page.goto(address)
        await expect(page.locator(".panel[data-state=data]:not(.stale)")).to_have_count(PANELS[section])
        await page.mouse.move(0, 0)
        # Two frames: what was drawn last is on the screen then.
        await page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        panels = await page.locator("#panels").bounding_box()
        assert panels is not None
        shown = FloatRect(x=0, y=0, width=WIDTH, height=panels["y"] + panels["height"])
        await page.screenshot(path=target, type="jpeg", quality=QUALITY, full_page=True, clip=shown)
        await browser.close()


def main() -> None:
    """Read demo.json where there is one, and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".questlog"))
    parser.add_argument("--url", default="", help="instead of the home's")
    parser.add_argument("--key", default="", help="instead of the home's")
    parser.add_argument("--section", choices=[one.name for one in SECTIONS], default="live")
    parser.add_argument("--query", default="game=doom&range=24h&name=player_death")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--target", type=Path, default=TARGET)
    chosen = parser.parse_args()
    url, key = chosen.url, chosen.key
    if not url:
        demo = json.loads((chosen.home / "demo.json").read_bytes())
        url, key = demo["base_url"], demo["keys"]["pl_mgmt"]
    address = f"{url}/dashboard/{chosen.section}?{chosen.query}"
    asyncio.run(take(address, key, chosen.section, chosen.theme, chosen.target))


if __name__ == "__main__":
    main()
