"""Schemathesis over the OpenAPI document and a served api: what is answered is what is documented."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, assume, given, settings
from prometheus_client import CollectorRegistry
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from api.app import create_api
from deploy.nouns import surfaces
from projections.clickhouse.client import ClickHouse
from projections.telemetry.queries.client import ClickHouseQueries
from schemas.edge.ports import Counted, Verdict
from tests import plain_http
from tests.api.world import NOW_MS, Lags, MemoryAi, MemoryDirectory, World, create_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.stack
_STATUSES = ["2xx", "402", "403", "404"]
"""Of valid requests. 402: what suggestions need is no part of a request, but a setting of the studio."""
ACCEPTED = SchemathesisConfig.from_dict(
    {"checks": {"positive_data_acceptance": {"expected-statuses": _STATUSES}}}
)


class Unlimited:
    """A deployment without limits: they have tests of their own, and would end this one early."""

    async def take(
        self,
        bucket: str,  # noqa: ARG002 - the port's
        *,
        limit: float,
        period_ms: int,
        count_refused: bool = False,  # noqa: ARG002 - the port's
    ) -> Verdict:
        return Verdict(allowed=True, retry_after_ms=0, remaining=int(limit), reset_ms=period_ms)

    async def take_all(self, calls: Sequence[Counted]) -> tuple[Verdict, Counted]:
        first = calls[0]
        return await self.take(first.bucket, limit=first.limit, period_ms=first.period_ms), first


class Served:
    """The api on a free port, with one session to find."""

    def __init__(self, clickhouse_url: str) -> None:
        self.directory = MemoryDirectory("studio")
        self._url, self._database = clickhouse_url, create_database(clickhouse_url)
        asyncio.run(self._fill())
        app = create_api(
            directory=self.directory,
            limiter=Unlimited(),
            queries=ClickHouseQueries(clickhouse_url, self._database),
            lag=Lags(),
            surfaces=surfaces(),
            client_ip=lambda _: "127.0.0.1",
            clock_ms=lambda: NOW_MS,
            ai=MemoryAi(),
            registry=CollectorRegistry(),
        )
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        self.thread = threading.Thread(target=self.server.run, args=([self._socket],))

    async def _fill(self) -> None:
        clickhouse = ClickHouse(self._url, self._database)
        world = World(self.directory, None, clickhouse, None)  # type: ignore[arg-type]
        await world.sessions({"session_id": "sess_mp4nv055s6oepmc6", "player_id": "device_e9c0abcd"})
        await clickhouse.close()


@pytest.fixture(scope="module")
def served(clickhouse_url: str) -> Iterator[Served]:
    world = Served(clickhouse_url)
    world.thread.start()
    deadline = time.monotonic() + 10
    while not world.server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield world
    world.server.should_exit = True
    world.thread.join(10)
    world._socket.close()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_document_holds(served: Served, mode: GenerationMode) -> None:
    headers = {"Authorization": f"Bearer {served.directory.management}"}
    document = plain_http.get(f"{served.url}/openapi.json").json()
    refusable = set()  # paths with query parameters: those alone have values that must be refused
    for path, methods in document["paths"].items():
        methods["get"].pop("security", None)  # the key is given below, and refusals have tests of their own
        if any(parameter["in"] == "query" for parameter in methods["get"].get("parameters", [])):
            refusable.add(path)
    found: list[Any] = list(schemathesis.openapi.from_dict(document, config=ACCEPTED).get_all_operations())
    assert len(found) >= 11

    def examine(operation: Any) -> None:
        @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            assume(not _crossed(case.query) and not _half_asked(operation.path, case.query))
            case.call_and_validate(base_url=served.url, headers=headers)

        holds()

    for result in found:
        if mode is GenerationMode.POSITIVE or result.ok().path in refusable:
            examine(result.ok())


def _crossed(query: dict[str, Any] | None) -> bool:
    """`from` above `to`: refused, but JSON Schema can't say so of two parameters."""
    since, until = ((query or {}).get(name) for name in ("from", "to"))
    return isinstance(since, int) and isinstance(until, int) and since > until


def _half_asked(path: str, query: dict[str, Any] | None) -> bool:
    """Suggestions for neither one build nor two, or for all environments: likewise."""
    given = {name for name in ("build", "a", "b") if (query or {}).get(name) is not None}
    whole = given in ({"build"}, {"a", "b"}) and (query or {}).get("env") != "all"
    return path.endswith("/suggestions") and not whole
