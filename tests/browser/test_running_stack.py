"""The same page on a whole running stack: from the wire to the chart, and out again with the key."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from tests.browser.chromium import FLAGS, chromium_path
from tests.outside.players import SdkPlayer
from tests.outside.world import World, gameplay, unique

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from tests.stack import QuestlogStack

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser: Browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        expect.set_options(timeout=60_000)
        yield await browser.new_page()
        await browser.close()


async def sign_in(page: Page, stack: QuestlogStack, key: str) -> None:
    await page.goto(f"{stack.base_url}/")
    await page.fill("#key", key)
    await page.click("button[type=submit]")
    await expect(page.locator("#studio")).not_to_be_empty()


def keys(stack: QuestlogStack, *words: str) -> str:
    command = [
        sys.executable,
        "-m",
        "deploy.cli",
        "keys",
        *words,
        "--studio",
        "demo",
        "--home",
        str(stack.home),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own


async def test_an_event_sent_to_the_gateway_reaches_the_open_page(
    page: Page, questlog_stack: QuestlogStack
) -> None:
    outside = World(questlog_stack.demo)
    await sign_in(page, questlog_stack, outside.keys["pl_mgmt"])
    await page.select_option("#game", "relay")
    event = gameplay(outside.game("relay")["id"], event_name="Seen_In_A_Browser", session_id=unique("s"))
    try:
        assert outside.send([event] * 50).status_code == 200
    finally:
        outside.http.close()
        outside.clickhouse.close()
    row = page.locator("#event-names tbody tr", has_text="Seen_In_A_Browser")
    await expect(row.locator("td").nth(1)).to_have_text("50")
    answer = await asyncio.to_thread(httpx.get, f"{questlog_stack.base_url}/readyz")
    followed = answer.json()["projections"]
    assert {"decider:playtests", "redis:liveops", "clickhouse:telemetry"} <= {one["name"] for one in followed}
    await expect(page.locator("#timeline canvas")).to_be_visible()
    # They count in the running minute, or in the last full one where the minute ended meanwhile.
    await expect(page.locator("#live-events .now")).not_to_have_text(re.compile(r"^0in .* · 0 events so far"))
    await page.get_by_role("link", name="System").click()
    await expect(page.locator("#projections tbody tr")).to_have_count(len(followed))


async def test_another_studios_key_sees_nothing_of_it(page: Page, questlog_stack: QuestlogStack) -> None:
    await sign_in(page, questlog_stack, questlog_stack.demo["other"]["keys"]["pl_mgmt"])
    await expect(page.locator("#game option")).to_have_count(1)
    status = await page.evaluate(
        "async () => (await fetch('/dashboard/data/events?range=1h&game=relay')).status"
    )
    assert status == 404


async def test_a_key_that_is_revoked_signs_the_page_out(page: Page, questlog_stack: QuestlogStack) -> None:
    made = json.loads(keys(questlog_stack, "create", "secret_api_key", "--game", "doom", "--json"))
    await sign_in(page, questlog_stack, made["value"])
    await expect(page.locator("#game option")).to_have_count(1)
    keys(questlog_stack, "revoke", made["key_id"])
    # With the page's cookie, but beside it: the page finds out by itself, and goes to sign-in.
    session = await page.context.request.get(f"{questlog_stack.base_url}/dashboard/data/session")
    assert session.status == 401
    await expect(page.locator("#key")).to_be_visible()


async def test_a_score_moves_the_open_board_and_a_ledger_and_the_economy_follow(
    page: Page, questlog_stack: QuestlogStack
) -> None:
    outside = World(questlog_stack.demo)
    first, second = SdkPlayer(outside, unique("first-")), SdkPlayer(outside, unique("second-"))

    def report(player: SdkPlayer, points: int) -> None:
        attempt = player.start()["attempt"]["id"]
        path = f"events/relay-points/attempts/{attempt}/progress"
        answer = player.post(path, {"mode": "increment", "metricValue": points})
        assert answer.status_code == 200, answer.text

    async def order() -> list[str]:
        listed = await page.locator("#leaderboard tbody th").all_text_contents()
        return [name for name in listed if name in {first.external_id, second.external_id}]

    try:
        report(first, 10**9)
        report(second, 10**9 - 1)
        await sign_in(page, questlog_stack, outside.keys["pl_mgmt"])
        await page.get_by_role("link", name="Live-ops").click()
        await page.select_option("#game", "relay")
        await expect(page.locator("#leaderboard .pill")).to_have_text("Live")  # of any game: its rows tell
        await expect(page.locator("#leaderboard tbody th").first).to_have_text(first.external_id)
        assert await order() == [first.external_id, second.external_id]
        report(second, 2 * 10**9)
        await expect(page.locator("#leaderboard tbody th").first).to_have_text(second.external_id)
        assert await order() == [second.external_id, first.external_id]

        second.credit(12_345)
        assert second.post("wallet/gold/debit", {"amount": 345, "reason": "a hat"}).status_code == 200
        await page.get_by_role("button", name=second.external_id).click()
        await expect(page.locator("#player .holdings li").first).to_have_text("Gold12,000")
        rows = page.locator("#player tbody tr")
        await expect(rows).to_have_count(2)
        await expect(rows.first).to_contain_text("\N{MINUS SIGN}345")
        await expect(rows.first).to_contain_text("debit: a hat")
        gold = page.locator("#economy tbody tr", has_text="Gold").locator("td")
        await expect(gold.first).to_have_text(re.compile(r"^[1-9]\d*,\d{3}$|^[1-9]\d*,\d{3},\d{3}$"))
        await expect(page.locator("#economy canvas")).to_be_visible()
    finally:
        outside.http.close()
        outside.clickhouse.close()


async def test_the_console_sends_messagepack_and_prints_a_curl_that_does(
    page: Page, questlog_stack: QuestlogStack
) -> None:
    outside = World(questlog_stack.demo)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{questlog_stack.base_url}/docs/console")
    await page.fill("#token", outside.keys["relay_public_token"])
    event = gameplay(
        outside.game("relay")["id"], event_name="Sent_By_Console", custom_data={"n": [1, 2.5, None]}
    )
    await page.fill("#body", json.dumps(event))
    await page.click("#console button[type=submit]")
    await expect(page.locator("#answer")).to_have_text('200 OK\n{"status":"queued"}')
    printed = await page.locator("#curl").text_content()
    assert printed is not None
    shell = await asyncio.create_subprocess_exec("bash", "-c", printed, stdout=asyncio.subprocess.PIPE)
    told, _ = await shell.communicate()
    assert told == b'{"status":"queued"}'
    await page.fill("#body", "{")
    await page.click("#console button[type=submit]")
    await expect(page.locator("#answer")).to_contain_text("Nothing was sent, the body is not JSON")
    assert complaints == []
