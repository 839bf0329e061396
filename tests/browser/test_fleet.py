"""The page of game servers on a running stack: what it shows is what S5 answers, what it presses is done."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import expect

from schemas.fleet.telemetry import BuildLine, Line, Sample, Source
from tests.browser.visits import SHIFTED_MAX, Visit, until_holds, visiting
from tests.outside.hosts import SimulatedHost, simulated_host
from tests.outside.projects import Project, upload
from tests.outside.world import World, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser, Locator, Page, Route

    from tests.stack import QuestlogStack

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
REGION: Final = "ap-south"
"""Of this file's host alone."""
BUILD: Final = "page"


def server_row(page: Page, instance_id: str) -> Locator:
    return page.locator(f'#servers [data-id="{instance_id}"]')


class Machine:
    """A project of the demo, and a host whose processes are made up."""

    def __init__(self, project: Project, host: SimulatedHost) -> None:
        self.project = project
        self.host = host
        self.started: list[str] = []

    def start(self, **fields: Any) -> str:
        """A server's id."""
        body = {"name": "lobby", "region": REGION, "compute_size": "micro", "version_tag": BUILD, **fields}
        server = self.project.ok("POST", "/v3/servers/start", body, status=201)
        self.started.append(server["instance_id"])
        return self.started[-1]

    def source(self, instance_id: str) -> Source:
        world = self.project.world
        return Source(world.demo["studio"]["id"], world.game("doom")["id"], instance_id, 1, "lobby", REGION)

    async def prints(self, instance_id: str, *messages: str, first: int = 0) -> None:
        """A server's output, one line a message; `first` counts what it printed before."""
        now_ms = time.time_ns() // 1_000_000
        lines = [
            Line(0, "stdout", 100 * (first + n), now_ms + n, "error" if "fail" in one else "info", one)
            for n, one in enumerate(messages)
        ]
        await self.host.told(sources=[self.source(instance_id)], lines=lines)

    async def clear(self) -> None:
        """Stop what was started here."""
        for server in self.project.ok("GET", f"/v3/servers?include_launching=true&region={REGION}")[
            "servers"
        ]:
            self.project.ok("DELETE", f"/v3/servers/{server['instance_id']}")
            await self.host.exited(server["instance_id"], server["restarts"] + 1)


@pytest.fixture(scope="module")
def outside(questlog_stack: QuestlogStack) -> Iterator[World]:
    world = World(questlog_stack.demo)
    yield world
    world.http.close()
    world.clickhouse.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def machine(outside: World) -> AsyncIterator[Machine]:
    project = Project(outside, outside.keys["pf"])
    async with simulated_host(outside.demo, REGION) as host:
        made = project.ok("POST", f"/v3/builds/upload-url?name={BUILD}&executable_path=server", status=201)
        upload(made["upload_url"])
        project.ok("POST", f"/v3/builds/{made['build_id']}/process?name={BUILD}", status=202)
        await host.built(made["build_id"])
        one = Machine(project, host)
        yield one
        await one.clear()


def field(page: Page, name: str) -> Locator:
    """Of the form that starts a server."""
    return page.locator(f'dialog [name="{name}"]')


async def opened(visit: Visit, key: str, game: str = "doom", section: str = "fleet") -> Page:
    """The section, once every panel shows something."""
    await visit.open(key, game, page=section)
    return visit.page


async def test_it_shows_what_s5_answers(browser: Browser, outside: World, machine: Machine) -> None:
    instance_id = machine.start(name="<b>arena</b>", match_id="m-7", custom_data={"players": 3})
    await machine.host.ready(instance_id)
    waiting = machine.start(name="waits")
    now_ms = time.time_ns() // 1_000_000
    samples = [
        Sample(0, now_ms - 15_000 * (4 - n), 40.0, 2**20 * 100, 2**29, 15_000 * n, 300 * n, 5, 0.5)
        for n in range(5)
    ]
    await machine.host.told(sources=[machine.source(instance_id)], samples=samples)
    await machine.prints(instance_id, "Map <i>loaded</i>", "it failed to bind")
    (build,) = machine.project.ok("GET", f"/v3/builds?name={BUILD}")["builds"]
    said = BuildLine(
        outside.demo["studio"]["id"],
        outside.game("doom")["id"],
        build["build_id"],
        *(1, 1, now_ms, "info", "validate", "3 files, 4000 bytes"),
    )
    await machine.host.told(build_lines=[said])
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = await opened(visit, outside.keys["pl_mgmt"])
        row = server_row(page, instance_id)
        server = machine.project.ok("GET", f"/v3/servers/{instance_id}")
        (port,) = server["network_ports"]
        await expect(row.locator(".what")).to_have_text("<b>arena</b>")
        await expect(row.locator(".state")).to_have_text("running")
        await expect(row.locator("code")).to_have_text(
            f"{port['host']}:{port['external_port']}/{port['protocol']}"
        )
        await expect(row).to_contain_text("3 players")
        await expect(row).to_contain_text("match m-7")
        await expect(server_row(page, waiting).locator(".state")).to_have_text("starting")
        running = machine.project.ok("GET", "/v3/servers")["total"]
        await expect(page.locator('#states [data-state="Running"] dd')).to_contain_text(str(running))
        await server_row(page, instance_id).locator(".pick").click()
        assert f"server={instance_id}" in page.url
        lines = page.locator("#log li")
        await expect(lines).to_have_count(2)
        await expect(lines.nth(0).locator("span")).to_have_text("Map <i>loaded</i>")
        await expect(lines.nth(1)).to_have_class("error")
        await expect(page.locator("#usage canvas")).to_have_count(4)
        await page.get_by_role("button", name="Resource usage as a table").click()
        newest = page.locator("#usage tbody tr").first
        await expect(newest).to_contain_text("40%")
        await expect(newest).to_contain_text("100 MiB")
        await expect(newest.locator("td").last).to_have_text("5")
        built = page.locator(f'#builds [data-id="{build["build_id"]}"]')
        await expect(built.locator(".state")).to_have_text("ready")
        await expect(built).to_contain_text("3 files")
        await built.locator(".pick").click()
        await expect(page.locator("#processing li")).to_contain_text("validate3 files, 4000 bytes")
        await opened(visit, outside.keys["pl_mgmt"], section="system")
        host = page.locator(f'#hosts [data-id="{machine.host.id}"]')
        await expect(host.locator(".state")).to_have_text("up")
        await expect(host).to_contain_text("memory free")
        assert visit.complaints == []


async def test_a_server_is_started_restarted_and_stopped_from_the_keyboard(
    browser: Browser, outside: World, machine: Machine
) -> None:
    name = f"keys-{uuid.uuid4().hex[:6]}"
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = await opened(visit, outside.keys["pl_mgmt"])
        await page.locator("#start").press("Enter")
        assert await page.evaluate("document.activeElement.name") == "name"
        await page.keyboard.type(name)
        await field(page, "region").select_option(REGION)
        await field(page, "compute_size").select_option("micro")
        await field(page, "version_tag").select_option(BUILD)
        await field(page, "name").press("Enter")
        await expect(page.locator("dialog")).to_be_hidden()
        said = page.locator("#servers .notice-line")
        await expect(said).to_contain_text(f"{name} is launching")
        row = page.locator("#servers li", has_text=name)
        instance_id = await row.get_attribute("data-id") or ""
        await machine.host.ready(instance_id)
        await expect(row).to_have_attribute("data-phase", "running")
        await row.get_by_role("button", name=f"Restart {name}").press("Enter")
        await expect(said).to_contain_text(f"{name} starts again")
        await machine.host.exited(instance_id)
        await machine.host.ready(instance_id, 2)
        await expect(row).to_contain_text("1 restart")
        await row.get_by_role("button", name=f"Stop {name}").press("Enter")
        assert machine.project.ok("GET", f"/v3/servers/{instance_id}")["status"] == "running"
        assert await page.evaluate("document.activeElement.textContent") == "Sure?"
        await page.keyboard.press("Enter")
        await expect(said).to_contain_text(f"{name} stops")
        await machine.host.exited(instance_id, 2, exit_code=143)
        await page.locator("#show").select_option("stopped")
        await expect(server_row(page, instance_id)).to_contain_text("API_REQUEST · exit 143")
        assert visit.complaints == []
    ended = machine.project.ok("GET", f"/v3/servers/{instance_id}")
    assert (ended["status"], ended["restarts"], ended["stop_reason"]) == ("stopped", 1, "API_REQUEST")


async def test_a_start_whose_answer_is_lost_is_pressed_again_and_happens_once(
    browser: Browser, outside: World, machine: Machine
) -> None:
    name = f"once-{uuid.uuid4().hex[:6]}"
    keys: list[str] = []

    async def lost(route: Route) -> None:
        keys.append(await route.request.header_value("idempotency-key") or "")
        if len(keys) > 1:
            await route.continue_()
            return
        await route.fetch()
        await route.abort()

    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = await opened(visit, outside.keys["pl_mgmt"])
        await page.route("**/servers/start", lost)
        await page.locator("#start").click()
        await field(page, "name").fill(name)
        await field(page, "region").select_option(REGION)
        await field(page, "version_tag").select_option(BUILD)
        await page.get_by_role("button", name="Start", exact=True).click()
        await expect(page.locator("dialog .form-problem")).to_contain_text("press again, it happens once")
        await page.get_by_role("button", name="Start", exact=True).click()
        await expect(page.locator("dialog")).to_be_hidden()
        await expect(page.locator("#servers li", has_text=name)).to_have_count(1)
    assert keys[0] == keys[1] != ""
    listed = machine.project.ok("GET", f"/v3/servers?include_launching=true&region={REGION}")["servers"]
    assert [one["name"] for one in listed].count(name) == 1


async def test_what_has_no_room_is_said_in_the_form(
    browser: Browser, outside: World, machine: Machine
) -> None:
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = await opened(visit, outside.keys["pl_mgmt"])
        await page.locator("#start").click()
        await field(page, "name").fill("huge")
        await field(page, "region").select_option(REGION)
        await field(page, "compute_size").select_option("dedicated-xlarge")
        await field(page, "version_tag").select_option(BUILD)
        machine.start(name="in the way")
        await page.get_by_role("button", name="Start", exact=True).click()
        await expect(page.locator("dialog .form-problem")).to_contain_text("No host has room for it")
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog")).to_be_hidden()


async def test_the_log_goes_on_by_itself_and_stands_still_while_paused(
    browser: Browser, outside: World, machine: Machine
) -> None:
    instance_id = machine.start(name="talks")
    await machine.host.ready(instance_id)
    await machine.prints(instance_id, *(f"line {n}" for n in range(150)))
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = await opened(visit, outside.keys["pl_mgmt"])
        await server_row(page, instance_id).locator(".pick").click()
        lines = page.locator("#log li")
        await expect(lines).to_have_count(150)
        at_end = "(() => { const box = document.querySelector('#log .scroll');"
        at_end += " return box.scrollHeight - box.scrollTop - box.clientHeight < 5; })()"
        await until_holds(page, at_end)
        await machine.prints(instance_id, "line 150", first=150)
        await expect(lines).to_have_count(151)
        assert await page.evaluate(at_end)
        await page.click("#live")
        await expect(page.locator("#log")).to_have_attribute("aria-busy", "false")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await machine.prints(instance_id, "line 151", first=151)
        await asyncio.to_thread(
            eventually,
            lambda: machine.project.ok("GET", f"/v3/projects/logs?instance_id={instance_id}&q=line%20151"),
            lambda found: len(found["logs"]) == 1,
        )
        await expect(lines).to_have_count(151)
        assert [url for url in asked if "/data/fleet/" in url] == []
        await page.click("#live")
        await expect(lines).to_have_count(152)
        await expect(lines.last.locator("span")).to_have_text("line 151")
        assert visit.complaints == []


async def test_another_studio_sees_none_of_it_and_a_game_s_secret_key_is_told_why(
    browser: Browser, outside: World, machine: Machine
) -> None:
    instance_id = machine.start(name="theirs")
    theirs = outside.other
    async with visiting(browser, outside.demo["base_url"]) as visit:
        page = await opened(visit, theirs["keys"]["pl_mgmt"], theirs["games"][0]["slug"])
        await expect(server_row(page, instance_id)).to_have_count(0)
        await expect(visit.page.locator("#servers .message")).to_contain_text("No servers")
        statuses = await visit.page.evaluate(
            "Promise.all(['servers?game=doom', 'key?game=doom', 'logs?game=doom&server=" + instance_id + "']"
            ".map(async (path) => (await fetch(`/dashboard/data/fleet/${path}`,"
            " {method: path.startsWith('key') ? 'POST' : 'GET'})).status))"
        )
        assert statuses == [404, 404, 404]
    async with visiting(browser, outside.demo["base_url"]) as visit:
        await visit.page.goto(f"{visit.base_url}/dashboard/live")
        await visit.page.fill("#key", outside.keys["secret_api_key"])
        await visit.page.click("button[type=submit]")
        await visit.page.get_by_role("link", name="Fleet").click()
        await expect(visit.page.locator("#panels .message")).to_contain_text("sign in with a management key")
        assert visit.complaints == []


@pytest.mark.parametrize("width", [1440, 390])
async def test_nothing_moves_or_scrolls_sideways(
    browser: Browser, outside: World, machine: Machine, width: int
) -> None:
    instance_id = machine.start(name="a name that is rather long for its place " * 2)
    await machine.host.ready(instance_id)
    async with visiting(browser, outside.demo["base_url"], width, 844) as visit:
        page = await opened(visit, outside.keys["pl_mgmt"])
        await expect(server_row(page, instance_id)).to_be_visible()
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert await page.evaluate("window.shifted") < SHIFTED_MAX
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        unnamed = await page.evaluate(
            "[...document.querySelectorAll('button, select, input, a')].filter((one) =>"
            " one.checkVisibility() && !(one.ariaLabel || one.textContent.trim() || one.labels?.length))"
            ".map((one) => one.outerHTML)"
        )
        assert unnamed == []
        assert visit.complaints == []


async def test_a_store_that_is_away_is_said_and_comes_back_by_itself(
    browser: Browser, outside: World, machine: Machine
) -> None:
    async with visiting(browser, outside.demo["base_url"]) as visit:
        body = '{"error": "unavailable", "message": "A store is away or behind the log. Trying again helps."}'
        await visit.page.route("**/fleet/hosts", lambda route: route.fulfill(status=503, body=body))
        page = await opened(visit, outside.keys["pl_mgmt"], section="system")
        await expect(page.locator("#hosts .problem")).to_contain_text("A store is away")
        await expect(page.locator("#banner")).to_be_visible()
        await page.unroute_all()
        await expect(page.locator("#hosts")).to_have_attribute("data-state", "data")
        await expect(page.locator(f'#hosts [data-id="{machine.host.id}"]')).to_be_visible()
        await expect(page.locator("#banner")).to_be_hidden()


async def test_a_host_that_may_promise_its_memory_twice_says_so(
    browser: Browser, outside: World, machine: Machine
) -> None:
    async def overcommitted(route: Route) -> None:
        panel = await (await route.fetch()).json()
        for host in panel["hosts"]:
            host |= {"overcommit": True, "memory_mb": 1024, "memory_used_mb": 3072}
        await route.fulfill(json=panel)

    async with visiting(browser, outside.demo["base_url"]) as visit:
        await visit.page.route("**/fleet/hosts", overcommitted)
        page = await opened(visit, outside.keys["pl_mgmt"], section="system")
        host = page.locator(f'#hosts [data-id="{machine.host.id}"]')
        await expect(host).to_contain_text("3 GiB of 1 GiB memory promised, more may be (overcommit)")
        assert visit.complaints == []
