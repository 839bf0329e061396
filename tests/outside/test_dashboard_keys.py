"""The key that a dashboard's session acts with: S2's owner for its studio's page, and nobody's elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests import plain_http
from tests.outside.playtests import Client, Owner, Playtester
from tests.outside.world import World

pytestmark = pytest.mark.stack
KEY = "/dashboard/data/playtests/key"


@pytest.fixture
def browser(world: World) -> Iterator[httpx.Client]:
    """What a browser sends from the dashboard's page, with a session of the demo's management key."""
    with signed_in(world, world.keys["pl_mgmt"]) as client:
        yield client


@contextmanager
def signed_in(world: World, key: str) -> Iterator[httpx.Client]:
    base_url = world.demo["base_url"]
    with plain_http.client(base_url=base_url, headers={"origin": base_url}, timeout=30) as client:
        assert client.post("/dashboard/sign-in", data={"key": key}).status_code == 303
        yield client


def session_key(browser: httpx.Client) -> str:
    answer = browser.post(KEY)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    key: str = answer.json()["key"]
    return key


def as_page(browser: httpx.Client, world: World, key: str, path: str, method: str = "POST") -> httpx.Response:
    headers = {"origin": world.demo["base_url"], "authorization": f"Bearer {key}"}
    return browser.request(method, f"/api/v1{path}", headers=headers)


def test_it_accepts_what_its_studio_ordered(
    browser: httpx.Client, world: World, owner: Owner, ada: Playtester
) -> None:
    slot = ada.claim(owner.order()["id"])["id"]
    ada.submit(slot)
    key = session_key(browser)
    accepted = as_page(browser, world, key, f"/playtests/slots/{slot}/accept")
    assert accepted.status_code == 200, accepted.text
    again = as_page(browser, world, key, f"/playtests/slots/{slot}/accept")
    assert (again.status_code, again.json()["error"]["reason"]) == (409, "wrong_status")
    assert owner.get(f"/playtests/slots/{slot}")["slot"]["status"] == "accepted"


def test_it_reads_and_counts_as_the_key_that_signed_in(browser: httpx.Client, world: World) -> None:
    answer = as_page(browser, world, session_key(browser), "/billing/balance", "GET")
    assert answer.status_code == 200
    assert answer.headers["x-ratelimit-limit"] == "1200"


def test_another_studio_s_session_finds_nothing(world: World, owner: Owner, ada: Playtester) -> None:
    order = owner.order()["id"]
    slot = ada.claim(order)["id"]
    with signed_in(world, world.demo["other"]["keys"]["pl_mgmt"]) as other:
        key = session_key(other)
        for path in (f"/playtests/slots/{slot}/accept", f"/playtests/{order}/cancel"):
            assert as_page(other, world, key, path).status_code == 404
        for path in (f"slots?playtest={order}", f"applications?playtest={order}", f"recording?slot={slot}"):
            assert other.get(f"/dashboard/data/playtests/{path}").status_code == 404
        assert other.get("/dashboard/data/playtests/orders?game=relay").status_code == 404
        listed = other.get("/dashboard/data/playtests/reviews").json()["data"]["submissions"]
        assert slot not in {row["slot"]["id"] for row in listed}


def test_it_is_nobody_s_away_from_the_page(browser: httpx.Client, world: World) -> None:
    key = session_key(browser)
    stolen = Client(world, key)
    assert stolen.refused("GET", "/billing/balance", status=401)["code"] == "UNAUTHORIZED"
    for headers in ({"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}):
        assert stolen.call("GET", "/billing/balance", **headers).status_code == 401
    refused = browser.post(KEY, headers={"origin": "https://evil.example"})
    assert (refused.status_code, refused.json()["error"]) == (403, "not_allowed")
    assert plain_http.post(f"{world.demo['base_url']}{KEY}").status_code == 401


def test_signing_out_ends_it_and_the_session(world: World) -> None:
    with signed_in(world, world.keys["pl_mgmt"]) as browser:
        key, cookies = session_key(browser), dict(browser.cookies)
        assert as_page(browser, world, key, "/billing/balance", "GET").status_code == 200
        assert browser.post("/dashboard/sign-out").status_code == 303
        assert as_page(browser, world, key, "/billing/balance", "GET").status_code == 401
    with plain_http.client(base_url=world.demo["base_url"], cookies=cookies) as kept:
        assert kept.get("/dashboard/data/session").status_code == 401
        assert kept.post(KEY).status_code == 401


def test_a_game_s_secret_key_has_no_part_in_its_studio_s_money(world: World) -> None:
    with signed_in(world, world.keys["secret_api_key"]) as browser:
        for path in ("credit", "reviews", "orders?game=doom", "batches?game=doom"):
            answer = browser.get(f"/dashboard/data/playtests/{path}")
            assert (answer.status_code, answer.json()["error"]) == (403, "not_allowed")
        assert browser.post(KEY).status_code == 403
