"""`create_api`: the read-only HTTP side. It validates, asks one store, answers, and writes nothing."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import FastAPI, Request, Response
from prometheus_client import REGISTRY, CollectorRegistry
from starlette.exceptions import HTTPException

from api.docs import docs_router
from api.health import ROUTES as HEALTH
from api.health import health_router
from api.metrics import HttpMetrics
from api.middleware import Surround
from api.telemetry.access import Gate
from api.telemetry.ai_section import AiSection
from api.telemetry.errors import Refused
from api.telemetry.routes import DOCUMENT, ROUTES
from api.telemetry.sections import router_of
from api.telemetry.telemetry_section import TelemetrySection
from api.telemetry.tester_section import TesterSection
from schemas.edge.errors import error_body
from schemas.edge.limits import RETRY_AFTER_UNAVAILABLE_S
from schemas.edge.openapi import document
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from fastapi import APIRouter

    from api.dashboard.ports import LagSource
    from api.telemetry.ai_ports import Ai
    from api.telemetry.sections import Section
    from projections.telemetry.queries.client import ClickHouseQueries
    from schemas.described_views import DescribedView
    from schemas.edge.ports import Directory, RateLimiter
    from schemas.edge.proxy import TrustedProxies
    from schemas.edge.routes import Route
    from schemas.edge.surfaces import Surfaces


def create_api(
    *,
    directory: Directory,
    limiter: RateLimiter,
    queries: ClickHouseQueries,
    lag: LagSource,
    surfaces: Surfaces,
    client_ip: Callable[[Request], str],
    clock_ms: Callable[[], int],
    ai: Ai,
    sections: Sequence[Section] = (),
    dashboard: Callable[[Sequence[Section]], APIRouter] | None = None,
    documents: Mapping[str, Callable[[], dict[str, Any]]] | None = None,
    tables: Sequence[DescribedView] = (),
    registry: CollectorRegistry = REGISTRY,
    version: str = "0.1.0",
) -> FastAPI:
    """The application. All stores are injected; nothing connects before the first request.

    `sections` are S1's reads of other nouns than telemetry. `dashboard` makes the dashboard's routes of all
    sections. `documents` give the OpenAPI documents of other surfaces by short name, listed at /docs beside
    this one's, and `tables` the views of analysts, which are described there.
    `client_ip` names the caller (see `source_ip`). Its lifespan closes `queries`; a server that doesn't
    run lifespans awaits `app.state.close()` itself. Called twice in a process, each needs a registry of
    its own.
    """
    others: tuple[Section, ...] = (TesterSection(queries, ai), AiSection(queries, ai), *sections)
    everything: tuple[Section, ...] = (
        *others,
        TelemetrySection(queries, ai),
    )  # fixed segments win over names

    async def close() -> None:
        for section in everything:
            await section.close()
        await queries.close()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await close()

    app = FastAPI(
        title=DOCUMENT.title,
        description=DOCUMENT.description,
        version=version,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.close = close
    app.include_router(health_router(lag))
    gate = Gate(directory, limiter, client_ip)
    for section in everything:
        app.include_router(router_of(gate, section.routes, section.handlers(gate)))
    if dashboard is not None:
        app.include_router(dashboard(everything))
    _document(app, [route for section in others for route in section.routes])
    app.include_router(docs_router({"s1": app.openapi, **(documents or {})}, tables))
    _answer_errors(app, surfaces, clock_ms)
    app.add_middleware(Surround, metrics=HttpMetrics(registry), surfaces=surfaces, clock_ms=clock_ms)
    return app


def source_ip(proxies: TrustedProxies) -> Callable[[Request], str]:
    """What `client_ip` wants: the connection's address, or what trusted proxies say."""

    def read(request: Request) -> str:
        peer = request.client.host if request.client else "unknown"
        return proxies.source_ip(peer, request.scope["headers"])

    return read


def _document(app: FastAPI, of_sections: Sequence[Route]) -> None:
    @functools.cache
    def made() -> dict[str, Any]:
        reads = document(DOCUMENT, (*ROUTES, *of_sections, *HEALTH))
        reads["info"]["version"] = app.version
        return reads

    # FastAPI's documented way to extend the document.
    app.openapi = made  # type: ignore[method-assign]


def _answer_errors(app: FastAPI, surfaces: Surfaces, clock_ms: Callable[[], int]) -> None:
    def shaped(
        request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        body = error_body(
            surfaces.of(request.url.path),
            status,
            message,
            request_id=request.scope.get("state", {}).get("request_id", ""),
            now_ms=clock_ms(),
        )
        return Response(
            msgspec.json.encode(body),
            status_code=status,
            media_type="application/json",
            headers=dict(headers or {}),
        )

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        return error.response()

    @app.exception_handler(StoreUnavailable)
    async def unavailable(request: Request, _: StoreUnavailable) -> Response:
        return shaped(
            request,
            503,
            "A store is away or behind the log; try again.",
            {"Retry-After": str(RETRY_AFTER_UNAVAILABLE_S)},
        )

    @app.exception_handler(HTTPException)
    async def unmatched(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405 and "GET" in headers.get("Allow", ""):  # HEAD is wherever GET is
            headers["Allow"] += ", HEAD"
        return shaped(request, error.status_code, error.detail, headers)
