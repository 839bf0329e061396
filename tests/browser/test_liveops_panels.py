"""The leaderboard that moves by itself, a player's ledger, and the economy."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from projections.liveops.table_rows import LEDGER
from tests.browser.liveops import PLAYERS
from tests.browser.visits import until_holds
from tests.browser.world import DOOM, MANAGEMENT, OTHER, OTHER_MANAGEMENT, SECRET
from tests.outside.world import eventually

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.browser.conftest import Open, Visit
    from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
DAY = "game=doom&range=24h"
SPEED = {"ada": 31.5, "grace": 33.0, "hedy": 40.25}


def names(page: Page) -> Locator:
    return page.locator("#leaderboard tbody th")


RECORDS = """() => { window.shown = new Set(); const look = () => {
    for (const one of document.querySelectorAll('#leaderboard .pill, #leaderboard .move'))
        window.shown.add((one.closest('tr')?.dataset.player ?? 'pill') + ': ' + one.textContent);
    }; look(); new MutationObserver(look).observe(document.getElementById('leaderboard'),
        {subtree: true, childList: true, characterData: true}); }"""
"""Notes what is shown for a while only."""


async def was_shown(page: Page, what: str) -> None:
    """Returns once it has been shown since `RECORDS`, if for a moment."""
    await until_holds(page, f"window.shown.has({json.dumps(what)})")


def pill(page: Page) -> Locator:
    return page.locator("#leaderboard .pill")


async def fetched(visit: Visit, path: str) -> tuple[int, Any]:
    status, body = await visit.page.evaluate(
        "async (path) => { const answer = await fetch(`/dashboard/data/${path}`);"
        " return [answer.status, await answer.text()]; }",
        path,
    )
    return status, json.loads(body)


async def moves(
    world: World, board: str, scores: dict[str, float], external_id: str, previous: float | None
) -> None:
    """Progress: in the board, which the page may load again at any time, and told to its listeners."""
    world.liveops.rank(board, scores)
    await world.liveops.tell(board, external_id, scores[external_id], previous)


async def test_a_row_moves_up_while_the_page_is_open(visiting: Open, world: World) -> None:
    board = world.liveops.board(DOOM, "speedrun", SPEED)
    async with visiting() as visit:
        page = visit.page
        await visit.look(MANAGEMENT, f"{DAY}&event=speedrun", "liveops")
        await expect(names(page)).to_have_text(["ada", "grace", "hedy"])
        await expect(pill(page)).to_have_text("Live")
        await page.evaluate(RECORDS)
        await moves(world, board, {**SPEED, "hedy": 30.0}, "hedy", 40.25)
        await expect(names(page)).to_have_text(["hedy", "ada", "grace"])
        row = page.locator('#leaderboard tr[data-player="hedy"]')
        await expect(row.locator(".rank")).to_have_text("1")
        await was_shown(page, "hedy: ▲ 2up 2 ranks")
        await until_holds(page, "[...window.shown].some((one) => one.startsWith('ada: ▼ 1'))")
        await expect(page.locator("#leaderboard .about")).to_contain_text("3 players · ends in")
        await moves(world, board, {**SPEED, "hedy": 30.0, "somebody new": 32.0}, "somebody new", None)
        await expect(names(page)).to_have_text(["hedy", "ada", "somebody new", "grace"])
        await expect(page.locator("#leaderboard .about")).to_contain_text("4 players")
        assert visit.complaints == []


async def test_rows_slide_unless_the_person_wants_calm(visiting: Open, world: World) -> None:
    counting = """() => { window.slides = 0; const animate = Element.prototype.animate;
        Element.prototype.animate = function (...all) {
            if (this.tagName === 'TR') window.slides += 1;
            return animate.apply(this, all);
        }; }"""
    for calm, slides in ((False, 3), (True, 0)):
        board = world.liveops.board(DOOM, "speedrun", SPEED)
        async with visiting() as visit:
            await visit.page.emulate_media(reduced_motion="reduce" if calm else "no-preference")
            await visit.look(MANAGEMENT, f"{DAY}&event=speedrun", "liveops")
            await expect(pill(visit.page)).to_have_text("Live")
            await visit.page.evaluate(counting)
            await moves(world, board, {**SPEED, "hedy": 30.0}, "hedy", 40.25)
            await expect(names(visit.page).first).to_have_text("hedy")
            assert await visit.page.evaluate("window.slides") == slides


async def test_a_broken_connection_is_resumed_where_it_was(visiting: Open, world: World) -> None:
    board = world.liveops.board(DOOM, "speedrun", SPEED)
    resumed: list[str] = []
    async with visiting() as visit:
        page = visit.page
        await visit.look(MANAGEMENT, f"{DAY}&event=speedrun", "liveops")
        await expect(pill(page)).to_have_text("Live")
        await moves(world, board, {**SPEED, "grace": 29.0}, "grace", 33.0)
        await expect(names(page).first).to_have_text("grace")

        async def noted(request: Any) -> None:
            if "board/stream" in request.url:
                resumed.append((await request.all_headers()).get("last-event-id", ""))

        page.on("request", noted)
        await page.evaluate(RECORDS)
        world.loop.call_soon_threadsafe(world.liveops.break_off)
        await was_shown(page, "pill: Reconnecting")
        await moves(world, board, {**SPEED, "grace": 29.0, "hedy": 28.0}, "hedy", 40.25)
        await expect(names(page).first).to_have_text("hedy")
        await expect(pill(page)).to_have_text("Live")
    assert re.fullmatch(r"\d+-\d+", resumed[0])


async def test_a_finalized_board_says_so_and_holds_no_connection(visiting: Open, world: World) -> None:
    board = world.liveops.board(DOOM, "speedrun", SPEED)
    async with visiting() as visit:
        page = visit.page
        await visit.look(MANAGEMENT, f"{DAY}&event=speedrun", "liveops")
        await expect(pill(page)).to_have_text("Live")
        await world.liveops.finalize(board)
        await expect(pill(page)).to_have_text("Final")
        await expect(names(page)).to_have_text(["ada", "grace", "hedy"])
        await page.select_option("#leaderboard select[aria-label=Event]", "weekly-frags")
        await page.select_option("#leaderboard select[aria-label=Window]", "before")
        await expect(page.locator("#leaderboard .about")).to_contain_text("ended")
        await expect(pill(page)).to_have_text("Final")
        await expect(names(page)).to_have_count(len(PLAYERS))
        assert "event=weekly-frags" in page.url
        assert "window=before" in page.url
        assert visit.complaints == []


async def test_a_page_that_is_paused_holds_no_connection(visiting: Open, world: World) -> None:
    board = world.liveops.board(DOOM, "speedrun", SPEED)
    async with visiting() as visit:
        page = visit.page
        await visit.look(MANAGEMENT, f"{DAY}&event=speedrun", "liveops")
        await expect(pill(page)).to_have_text("Live")
        await page.click("#live")
        await expect(pill(page)).to_have_text("Paused")
        await asyncio.to_thread(eventually, lambda: world.liveops.listeners, lambda left: left == 0)
        world.liveops.rank(board, {**SPEED, "hedy": 20.0})
        await page.click("#live")
        await expect(pill(page)).to_have_text("Live")
        await expect(names(page).first).to_have_text("hedy")


async def test_groups_and_segments_are_asked_for(visiting: Open) -> None:
    async with visiting() as visit:
        page = visit.page
        await visit.look(MANAGEMENT, DAY, "liveops")
        part = page.get_by_label("Group or segment")
        await expect(part).to_be_hidden()
        await page.select_option("#leaderboard select[aria-label=Event]", "leagues")
        await expect(page.locator("#leaderboard .message")).to_contain_text("Which segment?")
        await part.fill("gold")
        await part.press("Enter")
        await expect(page.locator("#leaderboard .message")).to_contain_text("No players here yet")
        await page.select_option("#leaderboard select[aria-label=Event]", "squads")
        await part.fill("no number")
        await part.press("Enter")
        await expect(page.locator("#leaderboard .message")).to_contain_text("No players here yet")
        assert visit.complaints == []


async def test_an_address_that_names_no_event_shows_the_first_one(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, f"{DAY}&event=nothing", "liveops")
        await expect(names(visit.page)).to_have_count(len(PLAYERS))
        assert "event=" not in visit.page.url


async def test_a_player_s_ledger_is_opened_from_the_board_and_read_to_its_end(
    visiting: Open, world: World
) -> None:
    async with visiting() as visit:
        page = visit.page
        await visit.look(MANAGEMENT, DAY, "liveops")
        await expect(page.locator("#player .message")).to_contain_text("No player chosen")
        await page.get_by_role("button", name="ada").click()
        await expect(page.locator("#player h3")).to_contain_text("ada")
        await expect(page.locator('#leaderboard tr[data-player="ada"]')).to_have_attribute(
            "aria-current", "true"
        )
        wallet = world.liveops.rows.wallets[DOOM.id, "ada"][0].quantity
        await expect(page.locator("#player .holdings li").first).to_have_text(f"Gold{wallet:,}")
        rows = page.locator("#player tbody tr")
        await expect(rows).to_have_count(20)
        await expect(rows.first.locator("th")).to_have_text("130")
        older = page.get_by_role("button", name="Older")
        for shown in (40, 60, 80, 100, 120, 130):
            await older.click()
            await expect(rows).to_have_count(shown)
        await expect(older).to_have_count(0)
        await expect(rows.last.locator("th")).to_have_text("1")
        assert "player=ada" in page.url
        assert visit.complaints == []


async def test_a_player_is_found_by_name_or_said_to_be_nobody(visiting: Open) -> None:
    async with visiting() as visit:
        page = visit.page
        await visit.look(MANAGEMENT, f"{DAY}&player=grace", "liveops")
        await expect(page.locator("#player h3")).to_contain_text("grace")
        await page.fill("#player-name", "<b>nobody</b>")
        await page.press("#player-name", "Enter")
        await expect(page.locator("#player .message")).to_contain_text("No such player")
        await page.fill("#player-name", "frances")
        await page.press("#player-name", "Enter")
        await expect(page.locator("#player h3")).to_contain_text("frances")
        assert visit.complaints == []


async def test_the_economy_adds_up_to_the_ledger(visiting: Open, world: World) -> None:
    totals = (
        "SELECT key, sumIf(amount, amount > 0) AS minted, -sumIf(amount, amount < 0) AS spent,"
        f" sum(amount) AS held FROM {LEDGER} FINAL WHERE game_id = {{game:String}} GROUP BY key"
    )
    async with visiting() as visit:
        page = visit.page
        await visit.look(MANAGEMENT, "game=doom&range=7d", "liveops")
        _, found = await fetched(visit, "economy?game=doom&range=7d")
        flows = {flow["key"]: flow for flow in found["flows_of"]["flows"]}
        wanted = {row["key"]: row for row in await world.asked(totals, {"game": DOOM.id})}
        for key in ("gold", "medkit"):
            for name in ("minted", "spent", "held"):
                assert flows[key][name] == int(wanted[key][name])
            assert sum(flows[key]["minted_by"]) == flows[key]["minted"]
        balances = [rows[0].quantity for rows in world.liveops.rows.wallets.values()]
        assert flows["gold"]["held"] == sum(balances)
        cells = page.locator("#economy tbody tr").first.locator("td")
        await expect(cells.first).to_have_text(f"{flows['gold']['minted']:,}")
        await expect(page.locator("#economy canvas")).to_be_visible()
        await page.get_by_role("button", name="Medkit").click()
        await expect(page.locator("#economy .over-time h3")).to_contain_text("Medkit")
        assert visit.complaints == []


async def test_huge_amounts_are_shown_whole_and_exactly_beside_their_names(visiting: Open) -> None:
    most, more = 2**63 - 1, str(3 * 2**63)
    flow = {"type": "currency", "key": "gold", "minted": most, "spent": more, "held": -most,
            "minted_by": [most], "spent_by": [float(more)]}  # fmt: skip
    panel = {"flows_of": {"bucket_minutes": 60, "t": [1_800_000_000], "flows": [flow]},
             "names": {"currency gold": "Gold"}}  # fmt: skip
    async with visiting() as visit:
        page = visit.page
        await page.route("**/dashboard/data/economy?*", lambda route: route.fulfill(json=panel))
        await visit.look(MANAGEMENT, DAY, "liveops")
        cells = page.locator("#economy tbody tr").first.locator("td")
        wanted = [most, 3 * 2**63, most - 3 * 2**63, -most]
        texts = [f"{one:,}" for one in wanted]
        texts[2] = texts[2].replace("-", "\N{MINUS SIGN}")
        await expect(cells).to_have_text(texts)
        name = await page.get_by_role("button", name="Gold").bounding_box()
        assert name is not None
        assert name["width"] > 20
        assert await page.evaluate("document.documentElement.scrollWidth") <= 1440
        assert visit.complaints == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("board?game=doom&event=nothing", 400),
        ("board?game=doom&window=tomorrow", 400),
        ("board?game=doom&event=squads&part=0", 400),
        ("board?game=doom&event=squads&part=x", 400),
        ("board?game=doom&event=leagues&part=" + "x" * 65, 400),
        ("board/stream?game=doom&board=lb_nothing", 404),
        ("board/stream?game=doom&board=" + "x" * 201, 400),
        ("board/stream?game=doom", 404),
        ("player?game=doom&player=" + "x" * 257, 400),
        ("ledger?game=doom&player=ada&cursor=0", 400),
        ("ledger?game=doom&player=ada&cursor=-1", 400),
        ("ledger?game=doom&player=ada&cursor=9007199254740993", 400),
        ("ledger?game=doom&player=nobody", 404),
        ("economy?game=doom&range=eternity", 400),
        ("board?game=other-game", 404),
        ("player?game=other-game&player=ada", 404),
        ("ledger?game=other-game&player=ada", 404),
        ("economy?game=other-game&range=1h", 404),
    ],
)
async def test_what_can_t_be_read_or_seen_is_refused(visiting: Open, path: str, status: int) -> None:
    async with visiting() as visit:
        await visit.look_at_no_panel(MANAGEMENT)
        found, body = await fetched(visit, path)
        assert found == status
        assert body["error"] in {"bad_parameter", "not_found"}


async def test_another_studio_sees_none_of_it(visiting: Open, world: World) -> None:
    ours = world.liveops.board(DOOM, "speedrun", SPEED)
    async with visiting() as visit:
        await visit.look_at_no_panel(OTHER_MANAGEMENT)
        for path in (
            f"board/stream?game=other-game&board={ours}",
            f"board/stream?game=doom&board={ours}",
            "player?game=doom&player=ada",
        ):
            assert (await fetched(visit, path))[0] == 404
        assert (await fetched(visit, f"player?game={OTHER.id}&player=ada"))[1]["player"] is None
        assert (await fetched(visit, "economy?game=other-game&range=30d"))[1]["flows_of"]["flows"] == []


async def test_a_stream_ends_with_the_key_that_opened_it(visiting: Open, world: World) -> None:
    world.liveops.board(DOOM, "speedrun", SPEED)
    async with visiting() as visit:
        page = visit.page
        await visit.look(SECRET, f"{DAY}&event=speedrun", "liveops")
        await expect(pill(page)).to_have_text("Live")
        await page.route("**/dashboard/data/board?*", lambda route: route.abort())
        revoked = world.directory.revoke(SECRET)
        try:
            await expect(page.locator("#key")).to_be_visible()
            await asyncio.to_thread(eventually, lambda: world.liveops.listeners, lambda left: left == 0)
        finally:
            world.directory.restore(SECRET, revoked)


async def test_without_a_session_there_is_no_stream(visiting: Open, world: World) -> None:
    board = world.liveops.board(DOOM, "speedrun", SPEED)
    async with visiting() as visit:
        await visit.page.goto(f"{world.base_url}/dashboard/liveops")
        for path in (f"board/stream?game=doom&board={board}", "board?game=doom", "player?game=doom"):
            assert (await fetched(visit, path))[0] == 401
