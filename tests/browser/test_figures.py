"""Figures: how they are compared and kept, and that they are those of the calls behind them."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.seed import FUNNEL, PLATFORMS, countries
from tests.browser.world import DOOM, MANAGEMENT

if TYPE_CHECKING:
    from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
DAY = "game=doom&range=7d"


async def test_figures_are_compared_and_kept_as_they_read(visiting: Open) -> None:
    script = """async () => {
        const at = "/dashboard/static/js/";
        const { compared, decimal, signed, count } = await import(at + "format.js");
        const { pair } = await import(at + "panels/builds.js");
        const { csvOf } = await import(at + "csv.js");
        const build = (name, sessions) => ({ build: name, sessions });
        const [big, old, tiny] = [build("2", 9), build("1", 5), build("readme", 1)];
        const table = document.createElement("table");
        const cells = ["=1+1", "3,703", "\\u221212.5%", "\\u2013", "-x", 'a "b", c'];
        for (const text of cells) (table.rows[0] ?? table.insertRow()).insertCell().textContent = text;
        return {
            same: compared(0.804, 0.796, decimal, -1), worse: compared(0.9, 0.8, decimal, -1),
            better: compared(0.9, 0.8, decimal, 1), none: compared(3, 0, decimal, 1),
            huge: [count(9223372036854775807n), signed(-9223372036854775807n)],
            pairs: [[tiny, big, old], [tiny, big], [tiny]].map((list) => pair(list).map((one) => one.build)),
            picked: pair([tiny, big, old], tiny).map((one) => one.build),
            csv: csvOf([table]),
        };
    }"""
    async with visiting() as visit:
        await visit.look_at_no_panel(MANAGEMENT)
        await visit.page.goto(f"{visit.world.base_url}/dashboard/live")
        found = await visit.page.evaluate(script)
    assert found["same"] == {"text": "±0%", "tone": "faint"}
    assert found["worse"] == {"text": "+12.5%", "tone": "worse"}
    assert found["better"]["tone"] == "better"
    assert found["none"] == {"text": "", "tone": "faint"}
    assert found["huge"] == ["9,223,372,036,854,775,807", "−9,223,372,036,854,775,807"]  # noqa: RUF001
    assert found["pairs"] == [["2", "1"], ["2", "2"], ["readme", "readme"]]
    assert found["picked"] == ["readme", "2"]
    assert found["csv"] == '\'=1+1,3703,-12.5%,,\'-x,"a ""b"", c"'


async def test_a_table_is_kept_whole_and_its_figures_are_those_of_the_call_it_names(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, "game=doom&range=7d")
        page = visit.page
        await page.get_by_role("button", name="About Events over time").press("Enter")
        about = page.locator("#timeline-about")
        await expect(about).to_contain_text("Positions: points of players’ paths")  # noqa: RUF001
        await expect(about).to_contain_text("recordedAt")
        calls = await about.locator("code").all_text_contents()
        assert f"{visit.world.base_url}/api/v1/events/doom?from=" in calls[1]
        await page.keyboard.press("Escape")
        await expect(about).to_be_hidden()
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Keep Events over time as CSV").click()
        kept = await download.value
        assert kept.suggested_filename == "doom-timeline-7d.csv"
        head, *rows = (await asyncio.to_thread((await kept.path()).read_text, "utf-8-sig")).splitlines()
        assert head == "From,Events,Positions"
        path = calls[0].split("'")[1].removeprefix(visit.world.base_url)
        answer = await page.evaluate("async (path) => (await fetch(path)).json()", path)
        assert len(rows) == len(answer["t"])
        for place, column in ((1, "events"), (2, "points")):
            assert sum(int(row.split(",")[place]) for row in rows) == sum(answer[column])
        assert rows[-1].startswith(time.strftime("%Y-%m-%dT%H:%M", time.gmtime(answer["t"][0])))
        await page.get_by_role("button", name="Events over time as a table").click()
        await expect(page.locator("#timeline tbody th").first).to_contain_text("so far")


async def test_days_are_counted_as_the_sessions_of_rest_say(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY, "players")
        page = visit.page
        listed = await page.evaluate(
            "async () => (await fetch('/dashboard/data/s1/sessions?game=doom&limit=100')).json()"
        )
        assert len(listed["items"]) == listed["total"]
        days: dict[int, set[str]] = {}
        firsts: dict[str, int] = {}
        for one in listed["items"]:
            day = one["recordedAt"] // 86_400_000
            days.setdefault(day, set()).add(one["deviceId"])
            firsts[one["deviceId"]] = min(day, firsts.get(one["deviceId"], day))
        await page.get_by_role("button", name="Active players as a table").click()
        rows = page.locator("#active tbody tr")
        for place, day in enumerate(sorted(days, reverse=True)):
            cells = rows.nth(max(days) - day).locator("td")
            if place == 0:
                await expect(rows.first.locator("th")).to_contain_text("so far")
                await expect(cells.nth(2)).to_have_text(str(len(set().union(*days.values()))))
            await expect(cells.first).to_have_text(str(len(days[day])))
        await expect(page.locator("#retention tbody tr").first.locator("td").first).to_have_text(
            str(len(firsts))
        )
        await expect(page.locator("#retention tbody tr")).to_have_count(1 + len(set(firsts.values())))
        assert "first seen" in " ".join(await page.locator("#sessions li").all_text_contents())
        assert visit.complaints == []


async def test_the_steps_of_a_funnel_are_picked_on_the_page(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY, "players")
        page = visit.page
        panel = page.locator("#funnel")
        await expect(panel.locator("select").first.locator("option")).to_have_text(
            ["Campaign", "As players go", "Steps I pick"]
        )
        reached = panel.locator(".reach b")
        bars = [int(text.replace(",", "")) for text in await reached.all_text_contents()]
        assert bars == sorted(bars, reverse=True)
        await panel.locator("select").first.select_option("picked")
        await expect(panel.locator(".steps li")).to_have_count(len(FUNNEL))
        for name in FUNNEL[2:]:
            await panel.get_by_role("button", name=f"Take out: {name}").press("Enter")
            await expect(panel.get_by_role("button", name=f"Take out: {name}")).to_have_count(0)
        await page.fill("#funnel-step", "player_death")
        await page.keyboard.press("Enter")
        steps = [*FUNNEL[:2], "player_death"]
        await expect(panel.locator(".funnel .name")).to_have_text(steps)
        await panel.locator("select").nth(1).select_option("60")
        await expect(page).to_have_url(re.compile("within=60"))
        query = {"game": "doom", "range": "7d", "steps": json.dumps(steps), "window": "60"}
        found = await page.evaluate(
            "async (query) => (await fetch('/dashboard/data/funnel?' + new URLSearchParams(query))).json()",
            query,
        )
        assert (found["by"], found["window_minutes"]) == ("picked", 60)
        players = [step["players"] for step in found["steps"]]
        assert players[0] > players[1] > players[2] > 0
        await expect(reached).to_have_text([f"{count:,}" for count in players])
        assert visit.complaints == []


async def test_platform_country_and_tester_narrow_the_figures_as_the_sessions_of_rest_say(
    visiting: Open,
) -> None:
    async with visiting() as visit:
        await visit.look(MANAGEMENT, DAY)
        page = visit.page
        listed = await page.evaluate(
            "async () => (await fetch('/dashboard/data/s1/sessions?game=doom&limit=100')).json()"
        )
        found = listed["items"]
        assert len(found) == listed["total"]
        await expect(page.locator("#platform option")).to_have_count(1 + len(PLATFORMS))
        await expect(page.locator("#country option")).to_have_text(["All countries", "DE", "US"])
        sessions = page.locator("#summary .figures > div", has_text="Sessions").locator("dd")

        await page.select_option("#platform", PLATFORMS[0])
        await page.select_option("#country", "DE")
        known = [one for one in found if one["metadata"].get("platform") == PLATFORMS[0]]
        played = countries(DOOM.id, len(found))
        narrowed = [one for one in known if played[one["id"]] == "DE"]
        assert 0 < len(narrowed) < len(known) < len(found)
        await expect(sessions).to_have_text(re.compile(rf"^{len(narrowed)}\D"))
        assert f"platform={PLATFORMS[0]}&country=DE" in page.url
        not_filtered = page.locator("#live-events .unfiltered")
        await expect(not_filtered).to_have_text("Not filtered by platform and country.")
        await expect(page.locator("#summary .unfiltered")).to_be_hidden()

        tester = narrowed[0]["deviceId"]
        await page.select_option("#platform", "")
        await page.select_option("#country", "")
        await page.fill("#played-by", tester)
        await page.keyboard.press("Enter")
        theirs = [one for one in found if one["deviceId"] == tester]
        await expect(sessions).to_have_text(re.compile(rf"^{len(theirs)}\D"))
        assert f"played_by={tester}" in page.url
        await expect(not_filtered).to_have_text("Not filtered by tester.")
        await page.get_by_role("link", name="Players and sessions").click()
        await expect(page.locator("#played-by")).to_have_value(tester)
        await expect(page.locator("#retention tbody tr").first.locator("td").first).to_have_text("1")
        await expect(page.locator("#session .unfiltered")).to_be_hidden()
        await page.get_by_role("link", name="Live-ops").click()
        await expect(page.locator("#economy .unfiltered")).to_have_text("Not filtered by tester.")
        assert visit.complaints == []
