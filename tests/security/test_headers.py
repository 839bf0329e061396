"""What every answer tells browsers, on the running stack and over HTTPS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import pytest

from deploy.edge_headers import SafeHeaders
from tests import plain_http
from tests.stack import QuestlogStack

Json = MutableMapping[str, Any]
PATHS: Final = (
    "/api/v1/games",
    "/api/health",
    "/sdk/v1/time",
    "/api/v1/playtests",
    "/api/v3/servers",
    "/nothing",
    "/healthz",
    "/objects/none",
    "/docs",
    "/dashboard/live",
)


async def headers_of(given: list[tuple[bytes, bytes]], *, https: bool) -> list[tuple[bytes, bytes]]:
    """Of an answer whose application gave these."""
    sent: list[Json] = []

    async def send(message: Json) -> None:
        sent.append(message)

    sending: Callable[[Json], Awaitable[None]] = SafeHeaders(https=https).sending(send)
    await sending({"type": "http.response.start", "status": 200, "headers": given})
    await sending({"type": "http.response.body", "body": b"x"})
    assert sent[1] == {"type": "http.response.body", "body": b"x"}
    return list(sent[0]["headers"])


async def test_what_an_answer_says_itself_stands() -> None:
    own = [(b"content-security-policy", b"default-src 'self'"), (b"cache-control", b"public, max-age=60")]
    found = await headers_of(own, https=False)
    assert found[:2] == own
    assert [name for name, _ in found] == [
        b"content-security-policy",
        b"cache-control",
        b"x-content-type-options",
    ]


async def test_over_https_every_answer_asks_for_https_for_a_year() -> None:
    found = dict(await headers_of([], https=True))
    assert found[b"strict-transport-security"] == b"max-age=31536000; includeSubDomains"
    assert b"strict-transport-security" not in dict(await headers_of([], https=False))


@pytest.mark.stack
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_says_that_it_is_nothing_that_a_browser_runs_or_frames(
    questlog_stack: QuestlogStack, path: str
) -> None:
    answer = plain_http.get(questlog_stack.base_url + path)
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    (policy,) = answer.headers.get_list("content-security-policy")
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "default-src 'none'" in policy or "object-src 'none'" in policy
    assert answer.headers["cache-control"]


@pytest.mark.stack
@pytest.mark.parametrize("path", ["/api/v1/games", "/api/events", "/dashboard/live"])
def test_trace_shows_nothing(questlog_stack: QuestlogStack, path: str) -> None:
    answer = plain_http.request("TRACE", questlog_stack.base_url + path, headers={"x-mark": "seen"})
    assert answer.status_code in {400, 401, 404, 405}
    assert "seen" not in answer.text
