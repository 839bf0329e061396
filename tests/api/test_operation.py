"""Health, lag, docs, request ids, unknown paths, and a ClickHouse that is away."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from schemas.edge.ports import StoreUnavailable
from schemas.lag import FailingAt, ProjectionLag
from schemas.studio.definition_schema import definition_schema

if TYPE_CHECKING:
    from tests.api.world import World

pytestmark = pytest.mark.stack


async def test_health_and_lag(world: World) -> None:
    assert (await world.http.get("/healthz")).json() == {"status": "ok"}
    ready = await world.http.get("/readyz")
    assert (ready.status_code, ready.json()) == (
        200,
        {
            "ready": True,
            "projections": [
                {"name": "telemetry → ClickHouse", "state": "ready", "lagRecords": 3, "lagMs": 250}
            ],
        },
    )
    world.lags.rows = [
        *world.lags.rows,
        ProjectionLag(name="studio → Redis", state="down", lag_records=None, lag_seconds=None),
    ]
    down = await world.http.get("/readyz")
    assert (down.status_code, down.json()["ready"]) == (503, False)
    assert down.headers["retry-after"]
    at = FailingAt(partition=1, offset=17, failures=4)
    world.lags.rows = [
        ProjectionLag(name="telemetry", state="failing", lag_records=9, lag_seconds=None, failing=(at,))
    ]
    failing = await world.http.get("/readyz")
    assert failing.status_code == 503
    assert failing.json()["projections"] == [
        {
            "name": "telemetry",
            "state": "failing",
            "lagRecords": 9,
            "lagMs": None,
            "failing": [{"partition": 1, "offset": 17, "failures": 4}],
        }
    ]
    world.lags.rows = []
    assert (await world.http.get("/readyz")).status_code == 503


async def test_request_ids(world: World) -> None:
    given = await world.http.get("/healthz", headers={"x-request-id": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    for odd in ("", "a b", "x" * 200):
        made = await world.http.get("/healthz", headers={"x-request-id": odd})
        assert re.fullmatch(r"[0-9a-f-]{36}", made.headers["x-request-id"])


async def test_unknown_paths_and_methods_answer_in_their_surfaces_shape(world: World) -> None:
    s1 = await world.http.get("/api/v1/nothing")
    assert (s1.status_code, s1.json()) == (404, {"error": "Not found"})
    assert (await world.http.get("/api/v1/games/")).status_code == 404
    s4 = await world.http.get("/api/nothing")
    assert (s4.status_code, s4.json()["error"]) == (404, "not_found")
    s2 = await world.http.get("/api/v1/playtests/x")
    assert (s2.status_code, s2.json()["error"]["code"]) == (404, "NOT_FOUND")
    wrong = await world.http.post("/api/v1/games")
    assert (wrong.status_code, wrong.json()) == (405, {"error": "Method not allowed"})
    assert wrong.headers["allow"] == "GET, HEAD"


async def test_docs_list_every_surface_without_another_host(world: World) -> None:
    page = (await world.http.get("/docs")).text
    assert "S1 Management API" in page
    assert "Writes" in page
    for path in ("/docs", "/docs/s1", "/docs/writes", "/docs/s1/start.js", "/docs/writes/openapi.json"):
        response = await world.http.get(path)
        assert response.status_code == 200
        if not path.endswith(".json"):
            assert "://" not in response.text
    assert 'href="/docs/definition"' in page
    reference = await world.http.get("/docs/definition")
    assert (reference.status_code, "://" in reference.text) == (200, False)
    for field in ("scoreFormula", "maxPerCall", "playtestPricing", "fulfillmentSource", "poolConfig"):
        assert f"<code>{field}</code>" in reference.text
    links = set(re.findall(r'href="#([^"]+)"', reference.text))
    assert links
    assert links - {"content"} <= set(re.findall(r'<h2 id="([^"]+)"', reference.text))
    assert (await world.http.get("/docs/definition.schema.json")).json() == definition_schema()
    for found in re.findall(r'(?:src|href)="(/docs/[^"]+)"', (await world.http.get("/docs/s1")).text):
        assert (await world.http.get(found)).status_code == 200
    assert (await world.http.get("/docs/nothing")).status_code == 404
    assert (await world.http.get("/docs/static/..%2f__init__.py")).status_code == 404


async def test_the_document_is_whole(world: World) -> None:
    document = (await world.http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    reads = [path for path in document["paths"] if path.startswith("/api/v1")]
    assert len(reads) == 9 + 5 + 2  # over telemetry, of testers and comparisons, of experiments
    for path in reads:
        operation = document["paths"][path]["get"]
        assert operation["responses"]["200"]["content"]["application/json"]["example"]
        assert {"401", "403", "429", "503"} <= operation["responses"].keys()
        assert all("example" in one or one["schema"]["examples"] for one in operation["parameters"])


async def test_a_clickhouse_that_is_away_is_503(world: World) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        world.queries._transport.url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        for path in (
            "/api/v1/sessions",
            "/api/v1/games/doom",
            "/api/v1/heatmaps/doom",
            "/api/v1/events/doom",
        ):
            response = await world.read(path)
            assert (response.status_code, response.json()) == (503, {"error": "Service unavailable"})
            assert int(response.headers["retry-after"]) >= 1
    assert (await world.read("/api/v1/games")).status_code == 200


async def test_a_database_without_tables_is_away_too(world: World) -> None:
    world.queries._database = "not_there"
    with pytest.raises(StoreUnavailable):
        await world.queries.query("SELECT count() FROM sessions")


async def test_no_stack_trace_whatever_happens(world: World) -> None:
    async def broken(*_: object, **__: object) -> list[list[object]]:
        raise RuntimeError("a secret of ours")

    world.queries.query = broken  # type: ignore[method-assign]
    response = await world.read("/api/v1/sessions")
    assert (response.status_code, response.json()) == (500, {"error": "Internal error"})
    assert response.headers["x-request-id"]
