"""The start page, the guides and the search at /docs, over the documents that the deployment shows."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.docs import docs_router
from api.docs_guides import COMMANDS, GUIDES, Part, guide
from api.docs_lines import CHARACTERS_MAX, line_of
from api.docs_search import FOUND_MAX, Index
from deploy.documents import described_views, documents
from deploy.nouns import NOUNS
from schemas.edge import limits, ports
from schemas.telemetry import s1_batch, s4_item

MARK = ' aria-current="page"'


def given(document: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    return lambda: document


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(openapi_url=None, docs_url=None)
    shown = {name: given(one) for name, one in documents().items()}
    app.include_router(docs_router(shown, described_views()))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize(
    ("question", "url"),
    [
        ("how do I send an event from Unity", "/docs/guides/events-json#send-an-event-from-unity-c"),
        ("Why did my apply fail?", "/docs/guides/apply"),
        ("godot", "/docs/guides/events-json#send-an-event-from-godot-gdscript"),
        ("verify webhook signature python", "/docs/guides/webhooks#verify-a-webhook-in-python"),
        ("retry after 503", "/docs/guides/errors#retries"),
        ("scoreFormula", "/docs/definition#EventDefinition"),
        ("debit wallet", "/docs/s3#/Wallet/post_sdk_players_externalId_wallet_economyKey_debit"),
        ("board_entries", "/docs/tables#board_entries"),
        ("longest pause of a session", "/docs/tables#sessions"),
        ("revoke a key", "/docs/guides/command-line#questlog-keys-revoke"),
        ("QUESTLOG_KAFKA_PORT", "/docs/guides/command-line#questlog-up"),
    ],
)
async def test_a_question_in_plain_words_finds_its_answer(
    http: httpx.AsyncClient, question: str, url: str
) -> None:
    page = (await http.get("/docs", params={"q": question})).text
    found = re.findall(r'<li><a href="([^"]+)"', page.partition('<ol id="found">')[2])
    assert url in found[:3], found


async def test_unity_is_answered_by_its_guide_first_with_its_page_its_heading_and_a_line(
    http: httpx.AsyncClient,
) -> None:
    page = (await http.get("/docs", params={"q": "Unity"})).text
    first = re.search(r'<ol id="found">\n<li><a href="([^"]+)">(.+?)</a><p>(.+?)</p></li>', page)
    assert first is not None
    assert first[1] == "/docs/guides/events-json#send-an-event-from-unity-c"
    assert first[2] == "Send and read events as JSON (S1) &rsaquo; Send an event from Unity (C#)"
    assert "<mark>Unity" in first[3]


async def test_every_page_has_the_search_and_the_same_navigation_with_its_own_place_marked(
    http: httpx.AsyncClient,
) -> None:
    start = (await http.get("/docs")).text
    places = re.findall(r'<a href="([^"]+)"', navigation_of(start))
    assert len(places) > len(GUIDES) + len(documents())
    for place in places[:-1]:
        page = (await http.get(place)).text
        assert re.findall(r'<a href="([^"]+)" aria-current="page">', page) == [place]
        assert navigation_of(page).replace(MARK, "") == navigation_of(start).replace(MARK, "")
        assert page.count('<form role="search" action="/docs" method="get">') == 1
        assert page.count("<h1") == (0 if 'class="swagger"' in page else 1), place
    assert places[-1] == "/dashboard"
    found = (await http.get("/docs", params={"q": 'a"b'})).text
    assert 'value="a&quot;b"' in found
    assert navigation_of(found).replace(' aria-current="page"', "") in start.replace(
        ' aria-current="page"', ""
    )


def navigation_of(page: str) -> str:
    found = re.search(r'<nav id="pages".*?</nav>', page, re.DOTALL)
    assert found is not None
    return found[0]


async def test_pages_that_are_not_there_are_not_named() -> None:
    app = FastAPI(openapi_url=None, docs_url=None)
    app.include_router(docs_router({}))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for absent in ("/docs/tables", "/docs/console"):
            assert (await client.get(absent)).status_code == 404
            assert absent not in (await client.get("/docs")).text


@pytest.mark.parametrize(
    ("text", "stems", "line"),
    [
        ("one\nsend an event\nsend events from Unity", {"unity", "event"}, "send [events] from [Unity]"),
        ("## A\n```bash\n| `key` | **what** [is](/docs) |", {"key"}, "[key] | what is"),
        ("nothing of it\nat all", {"zz"}, "nothing of it"),
        ("scoreFormula: how", {"score"}, "[scoreFormula]: how"),
        ("", {"zz"}, ""),
        (f"{'long ' * 60}word{' long' * 60}", {"word"}, None),
    ],
)
def test_a_find_shows_the_line_with_the_most_words(text: str, stems: set[str], line: str | None) -> None:
    shown = "".join(f"[{piece}]" if is_word else piece for piece, is_word in line_of(text, stems))
    if line is None:
        assert re.fullmatch(r"… [long ]+\[word\][long ]+ …", shown)
        assert len(shown) <= CHARACTERS_MAX + 8
    else:
        assert shown == line


async def test_a_search_shows_what_was_asked_as_text(http: httpx.AsyncClient) -> None:
    page = (await http.get("/docs", params={"q": "<zzzz>"})).text
    assert "<zzzz>" not in page
    assert "&lt;zzzz&gt;" in page
    assert "Nothing holds these words" in page


def test_parts_that_hold_more_words_come_first_then_titles_then_their_order() -> None:
    parts = [
        Part("Other", "1", "retries of webhooks, and retry again"),
        Part("Retries", "2", "of what failed"),
        Part("Webhook retries", "3", ""),
        Part("Webhooks", "4", "webhook " * 9),
        Part("Nothing", "5", "at all"),
    ]
    index = Index(parts)
    assert [part.url for part in index.find("retry webhooks")] == ["1", "4", "3"]
    assert [part.url for part in index.find("how do I RETR a webhook?")] == ["3", "1", "4", "2"]
    assert index.find("") == index.find("?!") == []
    assert [part.url for part in index.find("webhook" + " zz" * 9_000)] == ["4", "3", "1"]
    many = Index([Part("same", str(number), "") for number in range(FOUND_MAX + 5)])
    assert [part.url for part in many.find("same")] == [str(number) for number in range(FOUND_MAX)]


async def test_every_link_of_every_page_leads_somewhere(http: httpx.AsyncClient) -> None:
    pages = {"/docs": (await http.get("/docs")).text}
    for name in (*GUIDES, COMMANDS):
        pages[guide(name).url] = (await http.get(guide(name).url)).text
    assert {guide(name).url for name in GUIDES} <= set(re.findall(r'href="([^"#]+)"', pages["/docs"]))
    for where, page in pages.items():
        for link in re.findall(r'(?:href|src)="(/docs[^"]*)"', page):
            path, _, anchor = link.partition("#")
            if path == "/docs/s1":  # S1's reads are the app's own document
                continue
            answer = await http.get(path)
            assert answer.status_code == 200, (where, link)
            if anchor and not anchor.startswith("/"):
                assert f'id="{anchor}"' in answer.text, (where, link)
        assert not re.findall(r'(?:src|href)="(?!/|#|https://github[.]com/MessagePack)', page), where


async def test_the_console_has_every_path_that_takes_messagepack(http: httpx.AsyncClient) -> None:
    page = (await http.get("/docs/console")).text
    paths = re.findall(r"<option>([^<]+)</option>", page)
    assert paths == ["/api/events", "/api/player", "/api/funnel", "/api/realtime"]
    assert (await http.get("/docs/static/msgpack.LICENSE.txt")).text.startswith("Copyright")


async def test_swagger_ui_leads_to_the_console_where_it_cannot_send(http: httpx.AsyncClient) -> None:
    takes_messagepack = {"s4": ["/api/events", "/api/player", "/api/funnel", "/api/realtime"]}
    for name, document in documents().items():
        script = (await http.get(f"/docs/{name}/start.js")).text
        found = re.search(r"^const packed = (.*);$", script, re.MULTILINE)
        assert found is not None
        packed = json.loads(found[1])
        assert packed == takes_messagepack.get(name, [])
        for path in packed:
            assert "(/docs/console)" in document["paths"][path]["post"]["description"]


def test_the_limits_that_are_told_are_those_that_hold() -> None:
    text = "\n".join(part.text for part in guide("errors").parts)
    default = ports.Limits()
    for told in (
        f"{s1_batch.EVENTS_MAX:,} events, {s1_batch.BODY_BYTES_MAX >> 20} MiB",
        f"{s4_item.ITEMS_MAX:,} items, {s4_item.BODY_BYTES_MAX >> 20} MiB",
        f"{limits.S1_DEFAULT_PER_MINUTE:.0f} requests a minute",
        f"{default.ingest_per_second:.0f} requests a second",
        f"{default.sdk_read_per_minute:.0f} reads and {default.sdk_write_per_minute:.0f} writes a minute",
        f"{default.server_api_per_minute:,.0f} a minute",
        "{free}, {indie} or {studio:,} a minute, by plan".format(**limits.PLAN_PER_MINUTE),
        f"more than {limits.BODY_READ_TIMEOUT_S:.0f} seconds",
    ):
        assert told in text, told


def test_every_webhook_event_is_told() -> None:
    text = "\n".join(part.text for part in guide("webhooks").parts)
    assert {name for noun in NOUNS for name in noun.schema.webhook_events} == set(
        re.findall(r"`([a-z]+[.][a-z]+)`", text)
    )
