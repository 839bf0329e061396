"""The session's cookie, and what pages keep in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI

from api.dashboard.access import SessionAuthenticator
from api.dashboard.pages import Pages
from api.dashboard.session import Cookie, SessionSigner
from api.dashboard.static_files import StaticFiles
from schemas.edge.ports import Credential, KeyKind, Verdict
from schemas.identifiers import key_hash

KEY: Final = "pl_mgmt_a-key-of-a-studio"
CREDENTIAL: Final = Credential(key_id="key_1", kind=KeyKind.MANAGEMENT, studio_id="studio", game_id="")
STATIC: Final = Path(__file__).parents[2] / "api" / "dashboard" / "static"
SAME_ORIGIN: Final = {"origin": "https://games.example", "host": "games.example"}


class Keys:
    """A directory of one key, a limiter that lets all pass, and sessions that nobody ended."""

    async def credential(self, value: str) -> Credential | None:
        return CREDENTIAL if value == KEY else None

    async def credential_by_hash(self, wanted: str) -> Credential | None:
        return CREDENTIAL if wanted == key_hash(KEY) else None

    async def take(self, *_: Any, **__: Any) -> Verdict:
        return Verdict(allowed=True, retry_after_ms=0, remaining=9, reset_ms=0)

    async def ended(self, _: str) -> bool:
        return False


def client(*, secure: bool) -> httpx.AsyncClient:
    keys: Any = Keys()
    authenticator = SessionAuthenticator(
        keys, SessionSigner(b"a secret of sixteen bytes"), keys, lambda: 1_000, Cookie(secure=secure)
    )
    app = FastAPI()
    pages = Pages(authenticator, keys, StaticFiles(None), lambda _: "203.0.113.7", media_origins=())
    app.include_router(pages.router())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://games.example")


async def signed_in(http: httpx.AsyncClient, key: str = KEY) -> httpx.Response:
    return await http.post("/dashboard/sign-in", data={"key": key}, headers=SAME_ORIGIN)


async def test_over_https_the_cookie_is_this_host_s_alone() -> None:
    async with client(secure=True) as http:
        cookie = (await signed_in(http)).headers["set-cookie"]
        name, _, attributes = cookie.partition("=")
        assert name == "__Host-questlog_dashboard"
        words = {word.strip().lower() for word in attributes.split(";")[1:]}
        assert words == {"httponly", "max-age=43200", "path=/", "samesite=strict", "secure"}
        assert (await http.get("/dashboard/signed-in")).json() == {"signed_in": True}
        value = cookie.split(";", 1)[0].partition("=")[2]
        http.cookies.clear()
        plain = {"cookie": f"questlog_dashboard={value}"}  # as a page of a neighbouring host could set it
        assert (await http.get("/dashboard/signed-in", headers=plain)).json() == {"signed_in": False}


async def test_over_http_it_is_the_dashboard_s() -> None:
    async with client(secure=False) as http:
        cookie = (await signed_in(http)).headers["set-cookie"]
        assert cookie.startswith("questlog_dashboard=")
        assert "Path=/dashboard" in cookie
        assert "Secure" not in cookie


async def test_signing_in_and_failing_to_are_logged_without_the_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="questlog.dashboard")
    async with client(secure=True) as http:
        assert (await signed_in(http)).status_code == 303
        assert (await signed_in(http, "pl_mgmt_another")).status_code == 401
    found = [(one.levelname, one.getMessage(), vars(one)) for one in caplog.records]
    assert [(level, text) for level, text, _ in found] == [
        ("INFO", "signed in"),
        ("WARNING", "sign-in refused"),
    ]
    assert (found[0][2]["key_id"], found[0][2]["address"]) == ("key_1", "203.0.113.7")
    assert (found[1][2]["status"], found[1][2]["address"]) == (401, "203.0.113.7")
    assert not any(key in str(entry) for *_, entry in found for key in (KEY, "pl_mgmt_another"))


def test_pages_keep_nothing_but_choices_in_the_browser() -> None:
    kept = {
        (path.name, word)
        for path in STATIC.rglob("*.js")
        for word in re.findall(
            r"\b(localStorage|sessionStorage|indexedDB|document\.cookie)\b", path.read_text()
        )
    }
    assert {name for name, _ in kept} <= {"theme.js", "page.js", "sign_in.js"}
    assert not any(word == "document.cookie" for _, word in kept)
