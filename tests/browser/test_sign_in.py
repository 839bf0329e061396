"""Signing in and out: who gets in, who doesn't, and where the key is never seen."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import expect

from api.dashboard import pages
from tests import plain_http
from tests.browser.world import DOOM, MANAGEMENT, OTHER, OTHER_MANAGEMENT, SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.browser.conftest import Open
    from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]
DATA = "/dashboard/data"


@asynccontextmanager
async def signed_in(world: World, key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with plain_http.async_client(base_url=world.base_url, headers={"Origin": world.base_url}) as client:
        answer = await client.post("/dashboard/sign-in", data={"key": key})
        assert answer.status_code == 303
        yield client


async def test_a_management_key_opens_all_games_of_its_studio(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.sign_in(MANAGEMENT)
        await expect(visit.page.locator("#studio")).to_have_text("Demo Studio")
        assert await visit.page.locator("#game option").all_text_contents() == ["Freedoom", "Relay"]
        (cookie,) = await visit.page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/dashboard")
        assert MANAGEMENT not in cookie["value"]
        assert "key" not in visit.page.url


async def test_a_secret_key_opens_its_game_alone(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.sign_in(SECRET)
        await expect(visit.page.locator("#game option")).to_have_text(["Freedoom"])


@pytest.mark.parametrize(("key", "says"), [("nobody's", "not known"), (TOKEN, "can't open the dashboard")])
async def test_any_other_key_is_refused_with_a_sentence(visiting: Open, key: str, says: str) -> None:
    async with visiting() as visit:
        await visit.page.goto(f"{visit.world.base_url}/dashboard/live")
        await visit.page.fill("#key", key)
        await visit.page.keyboard.press("Enter")
        await expect(visit.page.get_by_role("alert")).to_contain_text(says)
        assert await visit.page.context.cookies() == []
        assert await visit.page.input_value("#key") == ""


async def test_signing_out_forgets_the_session(visiting: Open) -> None:
    async with visiting() as visit:
        await visit.sign_in(MANAGEMENT)
        await visit.page.get_by_role("button", name="Sign out").click()
        await expect(visit.page.locator("#key")).to_be_focused()
        assert await visit.page.context.cookies() == []


async def test_a_revoked_key_is_out_on_the_next_call(visiting: Open, world: World) -> None:
    async with visiting() as visit:
        await visit.sign_in(SECRET)
        await visit.settled()
        credential = world.directory.revoke(SECRET)
        try:
            await expect(visit.page.locator("#key")).to_be_visible()
        finally:
            world.directory.restore(SECRET, credential)


async def test_a_link_from_elsewhere_finds_the_session_that_is_there(visiting: Open, world: World) -> None:
    async with visiting() as visit:
        await visit.sign_in(MANAGEMENT)
        elsewhere = world.base_url.replace("127.0.0.1", "localhost")
        await visit.page.goto(f"{elsewhere}/dashboard/live")
        target = f"{world.base_url}/dashboard/live?game=relay"
        await visit.page.evaluate("(url) => { location.href = url; }", target)
        await expect(visit.page.locator("#game")).to_have_value("relay")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/", "/dashboard/live"),
        ("/dashboard", "/dashboard/live"),
        ("/dashboard/analytics?game=doom&event=speedrun", "/dashboard/liveops?game=doom&event=speedrun"),
    ],
)
async def test_the_root_and_old_addresses_lead_somewhere(world: World, path: str, target: str) -> None:
    async with plain_http.async_client(base_url=world.base_url) as client:
        answer = await client.get(path)
        assert answer.headers["location"] == target
        assert (await client.get(target)).status_code == 200


async def test_no_session_no_data(world: World) -> None:
    async with plain_http.async_client(base_url=world.base_url) as client:
        for path in ("session", "summary", "live", "projections", "heatmap"):
            answer = await client.get(f"{DATA}/{path}?game=doom")
            assert (answer.status_code, answer.json()["error"]) == (401, "signed_out")
        page = await client.get("/dashboard/live")
        assert page.status_code == 200
        assert 'name="key"' in page.text


async def test_a_game_of_another_studio_is_not_there(world: World) -> None:
    for key in (MANAGEMENT, SECRET):
        async with signed_in(world, key) as client:
            for wanted in (OTHER.id, OTHER.slug, "no-such-game", ""):
                for path in ("events", "live", "heatmap", "models", "choices"):
                    answer = await client.get(f"{DATA}/{path}", params={"game": wanted})
                    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    async with signed_in(world, OTHER_MANAGEMENT) as client:
        assert (await client.get(f"{DATA}/events", params={"game": DOOM.id})).status_code == 404
        theirs = (await client.get(f"{DATA}/events", params={"game": OTHER.slug, "range": "30d"})).json()
        assert {one["name"] for one in theirs["names"]} >= {"theirs_weapon_fired", "player_pos"}
    async with signed_in(world, MANAGEMENT) as client:
        ours = await client.get(f"{DATA}/events", params={"game": "doom", "range": "30d"})
        assert "theirs_" not in ours.text


async def test_a_secret_key_does_not_reach_its_studios_other_games(world: World) -> None:
    async with signed_in(world, SECRET) as client:
        assert (await client.get(f"{DATA}/events", params={"game": "relay"})).status_code == 404


async def test_attempts_are_limited_by_address(world: World) -> None:
    headers = {"Origin": world.base_url, "X-Test-Address": "192.0.2.7"}
    async with plain_http.async_client(base_url=world.base_url, headers=headers) as client:
        guess = {"key": "guess"}
        for _ in range(10):
            assert (await client.post("/dashboard/sign-in", data=guess)).status_code == 401
        async with asyncio.timeout(60):  # one more is allowed each 6 s, which a busy machine may take
            while (await client.post("/dashboard/sign-in", data=guess)).status_code == 401:
                pass
        answer = await client.post("/dashboard/sign-in", data={"key": MANAGEMENT})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert "set-cookie" not in answer.headers
        client.headers["X-Test-Address"] = "192.0.2.8"
        assert (await client.post("/dashboard/sign-in", data={"key": MANAGEMENT})).status_code == 303


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1:1", "http://["])
async def test_forms_of_other_sites_do_nothing(world: World, origin: str | None) -> None:
    async with signed_in(world, MANAGEMENT) as client:
        del client.headers["origin"]
        headers = {"Origin": origin} if origin else {}
        for path, data in (("sign-out", {}), ("sign-in", {"key": OTHER_MANAGEMENT})):
            answer = await client.post(f"/dashboard/{path}", data=data, headers=headers)
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [b"", b"key=", b"key=a&key=b", b"\xff\xfe", b"key=%ff", b"&" * 50, b"key=" + b"x" * 600, b"k" * 9000],
)
async def test_a_malformed_form_is_told_so(world: World, body: bytes) -> None:
    async with plain_http.async_client(base_url=world.base_url, headers={"Origin": world.base_url}) as client:
        answer = await client.post(
            "/dashboard/sign-in", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code in {400, 413}
        assert "set-cookie" not in answer.headers


async def test_a_form_that_does_not_arrive_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_FORM_SECONDS", 0.2)
    host, port = world.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = "POST /dashboard/sign-in HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nContent-Length: 9\r\n\r\nkey="
    writer.write(head.encode())
    async with asyncio.timeout(60):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_forged_and_foreign_cookies_are_nobody(world: World) -> None:
    async with signed_in(world, MANAGEMENT) as client:
        token = client.cookies["questlog_dashboard"]
    head, _, signature = token.partition(".")
    for forged in (
        "",
        "x",
        ".",
        head,
        f"{head}.",
        f"{head}.{signature[:-2]}AA",
        f"e30.{signature}",
        "a" * 5000,
    ):
        async with plain_http.async_client(base_url=world.base_url) as client:
            answer = await client.get(f"{DATA}/session", headers={"Cookie": f"questlog_dashboard={forged}"})
            assert answer.status_code == 401


async def test_every_answer_carries_the_policy(world: World) -> None:
    async with signed_in(world, MANAGEMENT) as client:
        for path in (
            "live",
            "data/session",
            "static/js/main_live.js",
            "static/nothing.js",
            "static/vendor/uPlot.esm.js",
        ):
            headers = (await client.get(f"/dashboard/{path}")).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
        for path in (
            "static/../pages.py",
            "static/%2e%2e/pages.py",
            "static/vendor/../../x",
            "static/frame.html",
        ):
            assert (await client.get(f"/dashboard/{path}")).status_code == 404


async def test_when_keys_cannot_be_checked_nobody_gets_in_and_nothing_breaks(world: World) -> None:
    async with signed_in(world, MANAGEMENT) as client:
        world.directory.away = True
        try:
            answer = await client.get(f"{DATA}/session")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert (await client.post("/dashboard/sign-in", data={"key": MANAGEMENT})).status_code == 503
            assert (await client.get("/dashboard/live")).status_code == 200
        finally:
            world.directory.away = False
