"""The page of playtests on a running stack: what it shows is what S2 answers, what it decides is done."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.visits import SHIFTED_MAX, Visit, until_holds, visiting
from tests.outside.playtests import Owner, Playtester, new_playtester
from tests.outside.world import World, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Browser, Route

    from tests.stack import QuestlogStack

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
RECORDING = """async () => {
    const canvas = document.createElement('canvas');
    const pen = canvas.getContext('2d');
    const recorder = new MediaRecorder(canvas.captureStream(30));
    const ended = new Promise((done) => { recorder.ondataavailable = ({data}) => done(data); });
    recorder.start();
    for (let step = 0; step < 12; step += 1) {
        pen.fillStyle = `hsl(${step * 30} 90% 50%)`;
        pen.fillRect(0, 0, 300, 150);
        await new Promise((done) => setTimeout(done, 40));
    }
    recorder.stop();
    const bytes = new Uint8Array(await (await ended).arrayBuffer());
    return btoa(String.fromCharCode(...bytes)); }"""


async def open_page(visit: Visit, key: str, game: str = "relay") -> None:
    await visit.open(key, game, page="playtests")


async def waits_for(visit: Visit, slot: str) -> None:
    await expect(visit.page.locator(f'#queue [data-id="{slot}"]')).to_be_visible()


async def walk_to(visit: Visit, slot: str, key: str) -> None:
    """From the first submission, by this key."""
    await visit.page.keyboard.press("Home")
    chosen = visit.page.locator("#queue [aria-selected=true]")
    for _ in range(await visit.page.locator("#queue [role=option]").count()):
        if await chosen.get_attribute("data-id") == slot:
            return
        await visit.page.keyboard.press(key)
    await expect(chosen).to_have_attribute("data-id", slot)


async def choose(visit: Visit, slot: str) -> None:
    await visit.page.locator(f'#queue [data-id="{slot}"]').click()


@pytest.fixture(scope="module")
def outside(questlog_stack: QuestlogStack) -> Iterator[World]:
    world = World(questlog_stack.demo)
    yield world
    world.http.close()
    world.clickhouse.close()


@pytest.fixture(scope="module")
def owner(outside: World) -> Owner:
    return Owner(outside, outside.keys["wpg_sk"])


@pytest.fixture(scope="module")
def ada(outside: World, questlog_stack: QuestlogStack) -> Playtester:
    made = new_playtester(outside, questlog_stack)
    assert made.call("PATCH", "/playtests/me", {"displayName": "Ada"}).status_code == 200
    return made


@pytest.fixture(scope="module")
def grace(outside: World, questlog_stack: QuestlogStack) -> Playtester:
    return new_playtester(outside, questlog_stack)


def submitted(owner: Owner, playtester: Playtester, **order: Any) -> str:
    """The slot of a submission that waits."""
    slot: str = playtester.claim(owner.order(**order)["id"])["id"]
    playtester.submit(slot, notes="The second door sticks.")
    return slot


def dollars(cents: int) -> str:
    return f"${cents / 100:,.2f}"


async def test_it_shows_what_s2_answers(
    browser: Browser, outside: World, owner: Owner, ada: Playtester, grace: Playtester
) -> None:
    unpaid = owner.post("/games/relay/playtests", {"quantity": 2}, status=201)["playtest"]["id"]
    mixed = owner.order(quantity=3)["id"]
    ada.claim(mixed)
    blocked = grace.claim(mixed)["id"]
    grace.post(f"/playtests/slots/{blocked}/block", {"reasonCode": "crash", "notes": "At the lift."})
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = visit.page
        await open_page(visit, outside.keys["pl_mgmt"])
        listed = owner.get("/games/relay/playtests?limit=50")["playtests"]
        shown = page.locator("#orders li")
        await expect(shown).to_have_count(len(listed))
        for place, order in enumerate(listed):
            row = shown.nth(place)
            assert await row.get_attribute("data-id") == order["id"]
            assert await row.get_attribute("data-status") == order["status"]
            words = await row.locator(".words").inner_text()
            counted = {name: int(number) for number, name in re.findall(r"(\d+) ([a-z]+)", words)}
            assert counted == {name: number for name, number in order["slots"].items() if number}
            for cents in (order["money"]["heldCents"], order["money"]["creditedCents"]):
                if cents:
                    await expect(row.locator(".account")).to_contain_text(dollars(cents))
        await expect(page.locator(f'#orders [data-id="{unpaid}"] .pay')).to_be_visible()
        balance = owner.get("/billing/balance")["balanceCents"]
        await expect(page.locator("#credit dd").first).to_contain_text(dollars(balance))
        await page.locator(f'#orders [data-id="{mixed}"] .pick').click()
        slots = page.locator("#slots li")
        await expect(slots).to_have_count(3)
        for place, slot in enumerate(owner.slots(mixed)):
            await expect(slots.nth(place)).to_have_attribute("data-status", slot["status"])
        await expect(page.locator("#slots [data-status=blocked]")).to_contain_text("crash: At the lift.")
        await expect(page.locator("#slots [data-status=reserved]")).to_contain_text("Ada")
        assert f"playtest={mixed}" in page.url
        await page.select_option("#game", "doom")
        await expect(page.locator("#batches [data-id=ptb_press]")).to_contain_text("of 20 redeemed")
        assert visit.complaints == []


async def test_a_recording_plays_and_a_submission_is_accepted_from_the_keyboard(
    browser: Browser, outside: World, owner: Owner, ada: Playtester
) -> None:
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = visit.page
        await page.goto(f"{visit.base_url}/dashboard/live")
        video = base64.b64decode(await page.evaluate(RECORDING))
        order = owner.order(visibility="public")["id"]
        slot = ada.claim(order)["id"]
        upload = ada.upload(slot, video, "video/webm")
        ada.post(f"/playtests/slots/{slot}/submit", {"uploadId": upload})
        await open_page(visit, outside.keys["pl_mgmt"])
        await waits_for(visit, slot)
        await page.evaluate("document.body.tabIndex = -1; document.body.focus()")
        for _ in range(20):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.id") == "queue":
                break
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert (await page.evaluate("document.activeElement.id"), await page.evaluate(outline)) == (
            "queue",
            "solid",
        )
        await walk_to(visit, slot, "j")
        await until_holds(page, "document.querySelector('video').readyState >= 2")
        await page.keyboard.press("p")
        await until_holds(page, "document.querySelector('video').played.length > 0")
        await page.keyboard.press("a")
        assert await page.evaluate("document.activeElement.textContent") == "Accept"
        await page.keyboard.press("Enter")
        await expect(page.locator("#reviews .notice-line")).to_contain_text("Accepted. $10.00 go to Ada.")
        await expect(page.locator(f'#queue [data-id="{slot}"]')).to_have_count(0)
        assert visit.complaints == []
    path = f"/playtests/slots/{slot}"
    found = await asyncio.to_thread(
        eventually, lambda: owner.get(path)["slot"], lambda one: one["status"] != "publishing"
    )
    assert found["status"] == "accepted"
    published = await asyncio.to_thread(httpx.get, found["publicUrl"])
    assert published.content == video


async def test_a_submission_is_rejected_with_another_try_from_the_keyboard(
    browser: Browser, outside: World, owner: Owner, ada: Playtester
) -> None:
    slot = submitted(owner, ada)
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = visit.page
        await open_page(visit, outside.keys["pl_mgmt"])
        await waits_for(visit, slot)
        await page.locator("#queue").focus()
        await walk_to(visit, slot, "ArrowDown")
        await page.keyboard.press("a")
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Space")
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.type("Please aim for the jar room")  # letters that are shortcuts elsewhere
        await page.keyboard.press("Tab")
        await page.keyboard.press("r")
        await page.keyboard.press("Enter")
        await expect(page.locator("#reviews .notice-line")).to_contain_text("Ada may try again within a day")
        assert visit.complaints == []
    found = owner.get(f"/playtests/slots/{slot}")["slot"]
    assert (found["status"], found["rejection"]["reason"]) == ("rejected", "Please aim for the jar room")
    successor = next(one for one in owner.slots(found["requestId"]) if one["previousSlotId"] == slot)
    assert successor["status"] == "reserved"


async def test_a_comment_needs_a_rating_and_both_arrive(
    browser: Browser, outside: World, owner: Owner, ada: Playtester
) -> None:
    slot = submitted(owner, ada)
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = visit.page
        await open_page(visit, outside.keys["pl_mgmt"])
        await waits_for(visit, slot)
        await choose(visit, slot)
        await page.get_by_label("What the playtester is told").fill("Thorough.")
        await page.get_by_role("button", name="Accept").click()
        await expect(page.locator(".form-problem")).to_contain_text("A comment goes with a rating")
        await page.keyboard.press("ArrowRight")
        await page.get_by_role("button", name="Accept").click()
        await expect(page.locator("#reviews .notice-line")).to_contain_text("Accepted.")
    rating = owner.get(f"/playtests/slots/{slot}")["slot"]["rating"]
    assert rating == {"score": 2, "comment": "Thorough."}


async def test_what_was_decided_elsewhere_is_said_where_it_was_asked(
    browser: Browser, outside: World, owner: Owner, ada: Playtester
) -> None:
    slot = submitted(owner, ada)
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = visit.page
        await open_page(visit, outside.keys["pl_mgmt"])
        await waits_for(visit, slot)
        await choose(visit, slot)
        await page.click("#live")
        owner.post(f"/playtests/slots/{slot}/accept")
        await page.get_by_role("button", name="Reject").click()
        said = page.locator("#reviews .notice-line")
        await expect(said).to_have_attribute("role", "alert")
        await expect(said).to_contain_text("Ada: It was decided or has ended meanwhile")
        await expect(page.locator(f'#queue [data-id="{slot}"]')).to_have_count(0)


async def test_a_decision_whose_answer_is_lost_is_pressed_again_and_happens_once(
    browser: Browser, outside: World, owner: Owner, ada: Playtester
) -> None:
    slot = submitted(owner, ada)
    keys: list[str] = []

    async def lost(route: Route) -> None:
        keys.append(await route.request.header_value("idempotency-key") or "")
        if len(keys) > 1:
            await route.continue_()
            return
        await route.fetch()
        await route.abort()

    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = visit.page
        await open_page(visit, outside.keys["pl_mgmt"])
        await waits_for(visit, slot)
        await choose(visit, slot)
        await page.click("#live")
        await page.route(f"**/slots/{slot}/accept", lost)
        await page.get_by_role("button", name="Accept").click()
        await expect(page.locator(".form-problem")).to_contain_text("press again, it happens once")
        await page.get_by_role("button", name="Accept").click()
        await expect(page.locator("#reviews .notice-line")).to_contain_text("Accepted.")
    assert keys[0] == keys[1] != ""


async def test_applications_are_approved_and_declined(
    browser: Browser, outside: World, owner: Owner, ada: Playtester, grace: Playtester
) -> None:
    order = owner.order(quantity=2, selectionMode="manual", qualifications="Likes doors.")["id"]
    first, second = ada.apply(order, "I open doors.")["id"], grace.apply(order, "<b>I design them.</b>")["id"]
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = visit.page
        await open_page(visit, outside.keys["pl_mgmt"])
        await page.locator(f'#orders [data-id="{order}"] .pick').press("Enter")
        await expect(page.locator("#applications .wanted")).to_have_text("Wanted: Likes doors.")
        await expect(page.locator(f'#applications [data-id="{second}"] .response')).to_have_text(
            "<b>I design them.</b>"
        )
        await page.get_by_role("button", name="Approve Ada").press("Enter")
        await expect(page.locator("#applications .notice-line")).to_contain_text(
            "Ada has a slot; 1 slot left"
        )
        declined = page.locator(f'#applications [data-id="{second}"]')
        await declined.get_by_role("button", name="Decline").press("Enter")
        await expect(declined).to_have_attribute("data-status", "rejected")
        await expect(page.locator(f'#applications [data-id="{first}"]')).to_have_attribute(
            "data-status", "approved"
        )
        assert visit.complaints == []
    pool = owner.get(f"/playtests/{order}/applications")["applications"]
    assert {one["id"]: one["status"] for one in pool} == {first: "approved", second: "rejected"}


async def test_without_credit_paying_says_what_is_needed_and_no_other_studio_is_seen(
    browser: Browser, outside: World, questlog_stack: QuestlogStack, owner: Owner, ada: Playtester
) -> None:
    slot = submitted(owner, ada)
    theirs = questlog_stack.demo["other"]
    other = Owner(outside, theirs["keys"]["wpg_sk"])
    game = theirs["games"][0]["slug"]
    order = other.post(f"/games/{game}/playtests", {"quantity": 100, "durationMinutes": 180}, status=201)
    needed = other.refused("POST", f"/playtests/{order['playtest']['id']}/pay", status=402)
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = visit.page
        await open_page(visit, theirs["keys"]["pl_mgmt"], game)
        await expect(page.locator(f'#queue [data-id="{slot}"]')).to_have_count(0)
        await expect(page.locator("#game option")).to_have_count(1)
        await page.locator(f'#orders [data-id="{order["playtest"]["id"]}"] .pay').click()
        said = page.locator("#orders .notice-line")
        await expect(said).to_contain_text(
            f"{dollars(needed['balanceCents'])} of the {dollars(needed['requiredCents'])} it needs"
        )
    owner.post(f"/playtests/slots/{slot}/accept")


async def test_a_game_s_secret_key_is_told_whose_playtests_are(browser: Browser, outside: World) -> None:
    async with visiting(browser, outside.demo["base_url"]) as visit:
        await visit.page.goto(f"{visit.base_url}/dashboard/live")
        await visit.page.fill("#key", outside.keys["secret_api_key"])
        await visit.page.click("button[type=submit]")
        await visit.page.get_by_role("link", name="Playtests").click()
        await expect(visit.page.locator("#panels .message")).to_contain_text("sign in with a management key")
        assert visit.complaints == []


@pytest.mark.parametrize("width", [1440, 390])
async def test_nothing_moves_or_scrolls_sideways(browser: Browser, outside: World, width: int) -> None:
    async with visiting(browser, outside.demo["base_url"], width, 844) as visit:
        page = visit.page
        await open_page(visit, outside.keys["pl_mgmt"])
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert await page.evaluate("window.shifted") < SHIFTED_MAX
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        unnamed = await page.evaluate(
            "[...document.querySelectorAll('button, select, textarea, input, a, video')].filter((one) =>"
            " one.checkVisibility() && !(one.ariaLabel || one.textContent.trim() || one.labels?.length))"
            ".map((one) => one.outerHTML)"
        )
        assert unnamed == []
        policy = (await asyncio.to_thread(httpx.get, page.url)).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert visit.complaints == []


async def test_a_store_that_is_away_is_said_and_comes_back_by_itself(
    browser: Browser, outside: World
) -> None:
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = visit.page
        body = '{"error": "unavailable", "message": "A store is away or behind the log. Trying again helps."}'
        await page.route("**/playtests/slots?**", lambda route: route.fulfill(status=503, body=body))
        await open_page(visit, outside.keys["pl_mgmt"])
        await expect(page.locator("#slots .problem")).to_contain_text("A store is away")
        await expect(page.locator("#banner")).to_be_visible()
        await page.unroute_all()
        await expect(page.locator("#slots")).to_have_attribute("data-state", re.compile("data|empty"))
        await expect(page.locator("#banner")).to_be_hidden()
