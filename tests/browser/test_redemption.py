"""The page of a link in a browser, on a running stack: phone width, no scripts, one person, one key."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from tests.browser.axe import grave_faults
from tests.browser.chromium import FLAGS, chromium_path
from tests.outside.batches import PRESS, BatchStudio
from tests.outside.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser, BrowserContext, Page, Route

    from tests.stack import QuestlogStack

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

PHONE: Any = {"width": 360, "height": 740}
INSTRUCTIONS = (
    """# Welcome <img src=x onerror="document.title='broken'">

<script>document.title = 'broken'</script>
<iframe src="https://example.com"></iframe>

- [our site](https://example.com/a) and [not this](javascript:document.title='broken')
- ![a picture](https://example.com/p.png)
- `averyverylongwordwithoutanyspaces"""
    + "x" * 200
    + """`
"""
)
CODES = ("AAAA-BBBB", "CCCC-DDDD", "EEEE-FFFF")
NOTE = "For you <b>alone</b>"


class Links(NamedTuple):
    """Of three people who were invited."""

    ann: str
    bob: str
    cai: str


@pytest.fixture(scope="module")
def links(questlog_stack: QuestlogStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Links]:
    """Codes of a batch whose instructions try everything, one for each."""
    world = World(questlog_stack.demo)
    made = BatchStudio(world, questlog_stack, tmp_path_factory.mktemp("batches"))
    made.define({**PRESS, "instructions": INSTRUCTIONS})
    made.add("ptb_press", *CODES)
    people = [f"{name}@example.com" for name in ("ann", "bob", "cai")]
    sent = made.invite("ptb_press", *people, note=NOTE)
    yield Links(*(sent[email] for email in people))
    world.http.close()
    world.clickhouse.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield chromium
        await chromium.close()


@asynccontextmanager
async def person(browser: Browser, *, scripts: bool = True) -> AsyncIterator[tuple[BrowserContext, Page]]:
    """A profile of their own, on a phone."""
    context = await browser.new_context(viewport=PHONE, java_script_enabled=scripts)
    context.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    try:
        yield context, await context.new_page()
    finally:
        await context.close()


async def test_the_page_fits_a_phone_and_shows_html_as_text(browser: Browser, links: Links) -> None:
    async with person(browser) as (_, page):
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        answer = await page.goto(links.ann)
        assert answer is not None
        assert answer.headers["cache-control"] == "no-store"
        await expect(page.locator("blockquote")).to_have_text(NOTE)
        await expect(page.locator("main")).to_contain_text("<script>document.title = 'broken'</script>")
        assert await page.title() == "A key for Arena"
        assert await page.locator("script, iframe, img, main b").count() == 0
        leads = await page.locator("main a").evaluate_all("all => all.map(one => one.href)")
        assert leads == ["https://example.com/a", "https://example.com/p.png"]  # a picture is a link
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"]
        box = await page.locator("button").bounding_box()
        assert box is not None
        assert box["height"] >= 40
        assert hosts == {urlsplit(links.ann).netloc}
        for theme in ("dark", "light"):
            await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            assert await grave_faults(page) == [], theme


async def test_a_lost_answer_asked_again_shows_the_same_key_and_nobody_else_gets_it(
    browser: Browser, links: Links
) -> None:
    link = links.bob
    async with person(browser, scripts=False) as (context, page):
        await page.goto(link)
        await page.fill("#handle", "x")  # the browser itself refuses it
        await page.fill("#email", "bob@example.com")
        await page.click("button")
        await expect(page.locator("#key")).to_have_count(0)
        await page.fill("#handle", "Bob")

        lost = asyncio.Event()

        async def lose(route: Route) -> None:
            if route.request.method != "POST":
                await route.continue_()
                return
            answer = await route.fetch()  # it happened, and nobody is told
            assert answer.status == 200
            await route.abort("connectionreset")
            lost.set()

        await context.route("**/redeem/**", lose)
        await page.click("button", no_wait_after=True)
        async with asyncio.timeout(30):
            await lost.wait()
        await context.unroute("**/redeem/**")
        await page.goto(link)
        await expect(page.locator("#key")).to_have_text(CODES[1])
        await expect(page.locator("#claim-token")).to_have_text(re.compile("^pl_tt_"))
        await page.reload()
        await expect(page.locator("#key")).to_have_text(CODES[1])
    async with person(browser) as (_, page):
        answer = await page.goto(link)
        assert answer is not None
        assert answer.status == 409
        await expect(page.locator("main")).to_contain_text("This link has been used.")
        assert CODES[1] not in await page.content()


async def test_a_taken_handle_is_told_beside_the_form(browser: Browser, links: Links) -> None:
    async with person(browser, scripts=False) as (_, page):
        await page.goto(links.cai)
        await page.fill("#handle", "bob")
        await page.fill("#email", "cai@example.com")
        await page.click("button")
        await expect(page.get_by_role("alert")).to_have_text("This handle is taken.")
        await expect(page.locator("#email")).to_have_value("cai@example.com")
        await page.fill("#handle", "Cai")
        await page.click("button")
        await expect(page.locator("#key")).to_have_text(CODES[2])
