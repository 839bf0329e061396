"""Schemathesis over the dashboard's document and a served page: what is answered is what is documented."""

from __future__ import annotations

import copy
import re
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode

from api.dashboard.parameters import RANGE_PATTERN
from api.dashboard.session import COOKIE
from deploy.documents import documents
from tests import plain_http
from tests.api.world import create_database
from tests.browser.world import DOOM, MANAGEMENT, OTHER_MANAGEMENT, World
from tests.documented import documented, hook

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.stack
DOCUMENT = documents()["dashboard"]
STREAM = "/dashboard/data/board/stream"
READS = [path for path, operations in DOCUMENT["paths"].items() if "get" in operations]
DAYS = {"m": 1 / 1440, "h": 1 / 24, "d": 1}


@pytest.fixture(scope="module")
def served(clickhouse_url: str, redis_url: str) -> Iterator[World]:
    world = World(clickhouse_url, create_database(clickhouse_url), redis_url, None)
    with world.served() as found:
        yield found


@pytest.fixture
def page(served: World) -> Iterator[httpx.Client]:
    cookies = {COOKIE: served.cookie(MANAGEMENT)}
    hooks = {"response": [hook]}
    with plain_http.client(base_url=served.base_url, cookies=cookies, event_hooks=hooks) as client:
        yield client


@pytest.mark.parametrize("path", [path for path in READS if path != STREAM])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_document_holds(served: World, path: str, mode: GenerationMode) -> None:
    document = copy.deepcopy(DOCUMENT)
    operation = document["paths"][path]["get"]
    operation.pop("security")  # the cookie is given below; refusals have tests of their own
    operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "game"]
    document["paths"] = {path: {"get": operation}}
    if mode is GenerationMode.NEGATIVE and all(one["in"] == "path" for one in operation["parameters"]):
        return
    found: list[Any] = list(schemathesis.openapi.from_dict(document).get_all_operations())

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(found[0].ok().as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        case.query = {**(case.query or {}), "game": DOOM.slug}
        assume(_sayable(case.query))
        response = case.call(base_url=served.base_url, cookies={COOKIE: served.cookie(MANAGEMENT)})
        case.validate_response(response)
        documented().check("GET", path, response.status_code, "application/json", response.content)

    holds()


def _sayable(query: dict[str, Any]) -> bool:
    """Without what JSON Schema can't say: one of `from` and `to`, in reverse order, or too long a time."""
    since, until = query.get("from"), query.get("to")
    if (since is None) != (until is None):
        return False
    if isinstance(since, int) and isinstance(until, int):
        return 0 < until - since <= 300 * 86_400_000
    match = re.fullmatch(RANGE_PATTERN, str(query.get("range", "1h")))
    return match is None or int(match[1]) * DAYS[match[2]] <= 400


def test_refusals_are_as_documented(served: World, page: httpx.Client) -> None:
    stranger = plain_http.client(base_url=served.base_url, event_hooks=page.event_hooks)
    cookies = {COOKIE: served.cookie(OTHER_MANAGEMENT)}
    other = plain_http.client(base_url=served.base_url, event_hooks=page.event_hooks, cookies=cookies)
    for path in READS:
        assert stranger.get(path).status_code == 401
        if "404" in DOCUMENT["paths"][path]["get"]["responses"]:
            assert other.get(path, params={"game": DOOM.slug, "a": "1", "b": "2"}).status_code == 404
    assert page.get(STREAM, params={"game": DOOM.slug, "board": f"lb_{uuid.uuid4().hex}"}).status_code == 404
    assert page.get("/dashboard/data/summary", params={"game": DOOM.slug, "range": "9"}).status_code == 400
    stranger.close()
    other.close()
