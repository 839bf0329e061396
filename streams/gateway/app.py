"""The write side's HTTP as one plain ASGI application: route, handle, answer in the surface's shape.

There is no framework and no middleware between the socket and the log: a single-event request has a budget
of 80 microseconds. Every failure ends in an error of the surface the path belongs to; nothing shows a stack
trace.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from schemas.edge.cors import Cors
from schemas.edge.errors import Refused, error_body
from schemas.edge.limits import BODIES_IN_FLIGHT_BYTES, BODY_READ_TIMEOUT_S, RETRY_AFTER_UNAVAILABLE_S
from schemas.edge.ports import Directory, RateLimiter, StoreUnavailable
from schemas.edge.proxy import TrustedProxies
from schemas.edge.routes import Found, Route, RouteTable, bind
from schemas.edge.surfaces import Surfaces
from schemas.log import Appender, LogUnavailable
from schemas.objects import ObjectStore, ObjectStoreError, ObjectStoreFull
from streams.gateway import models, s1, s1_routes, s4, s4_routes
from streams.gateway.body import linger
from streams.gateway.export import ExportRegister, start_export
from streams.gateway.http import (
    CLOSE,
    JSON,
    ClientGone,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    json_response,
)
from streams.gateway.memory_quotas import BodiesInFlight
from streams.gateway.metrics import GatewayMetrics
from streams.gateway.services import Services
from streams.gateway.telemetry_producer import TelemetryAppending

_log: Final = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]

ROUTES: Final = (*s4_routes.ROUTES, *s1_routes.ROUTES)
_PATHS: Final = frozenset(route.template for route in ROUTES)

_UNREAD_BYTES_MAX: Final = 64 * 1024
"""A refused request with more of its body still to come is ended by closing the connection."""
_UNAVAILABLE: Final = ((b"retry-after", str(RETRY_AFTER_UNAVAILABLE_S).encode()),)


_READS: Final = "/api/v1/"
"""Below it the api knows what there is."""


class Writes(Protocol):
    """A noun's writes."""

    @property
    def routes(self) -> Sequence[Route]:
        """What it serves: one template once."""
        ...

    async def __call__(self, request: Request, found: Found) -> Response:
        """Answer a request on one of the routes, whatever its method but preflights. Raises as handlers."""
        ...


class Gateway:
    """The ASGI application. `metrics` is to be registered by the process that serves /metrics."""

    def __init__(
        self,
        services: Services,
        objects: ObjectStore,
        exports: ExportRegister,
        cors: Cors,
        *,
        clock_s: Callable[[], float],
        writes: Sequence[Writes] = (),
    ) -> None:
        self.metrics: Final = services.metrics
        self._services = services
        self._cors = cors
        self._clock_s = clock_s
        self._surfaces = services.surfaces
        self._writes = {route: one for one in writes for route in one.routes}
        self._table = RouteTable(self._writes)
        self._sought: Mapping[str, Any] | None = None
        self._found: Found | None = None
        ingest = s4.S4Ingest(services)
        handlers: dict[str, Handler] = {
            "events": ingest,
            "player": ingest,
            "funnel": ingest,
            "realtime": ingest,
            "models": partial(models.upload, services, objects),
            "export": partial(start_export, services, exports, objects),
            "sql_select": partial(s4.sql_select, services),
            "telemetry": partial(s1.ingest, services),
            "feedback": partial(s1.feedback, services),
        }
        self._routes = {route.template: handler for route, handler in bind(ROUTES, handlers).items()}
        self._safe = {path: self._surfaces.client_safe(path) for path in _PATHS}

    def serves(self, scope: Mapping[str, Any]) -> bool:
        """Whether a request's path is one of the gateway's routes, with whatever method."""
        return scope["path"] in self._routes or self._find_write(scope) is not None

    def answers(self, scope: Mapping[str, Any]) -> bool:
        """Whether a request that no read takes is the gateway's.

        It takes its routes with any method, preflights of client-safe paths, and unknown paths of surfaces
        outside /api/v1.
        """
        path: str = scope["path"]
        if self.serves(scope) or (scope["method"] == "OPTIONS" and self._surfaces.client_safe(path)):
            return True
        return not path.startswith(_READS) and self._surfaces.claims(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or the lifespan."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        started = self._clock_s()
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientGone:
            return
        finally:
            if request.reservation is not None:
                request.reservation.release()
        await self._respond(request, response, send)
        route = request.path if request.path in self._routes else request.route
        self.metrics.request(route, response.status, self._clock_s() - started)

    def _find_write(self, scope: Mapping[str, Any]) -> Found | None:
        """A noun's route of a request. Who serves it is asked first, and finds it for the answer too."""
        if self._sought is not scope:
            self._sought, self._found = scope, self._table.find(scope)
        return self._found

    async def drained(self) -> None:
        """Wait until everything that was taken has its answer from the log."""
        await self._services.appending.drained()

    async def _answer(self, request: Request) -> Response:
        try:
            handler = self._routes.get(request.path)
            if handler is not None and request.method == "POST":
                return await handler(request)
            write = self._find_write(request.scope)
            preflight = request.method == "OPTIONS" and self._surfaces.client_safe(request.path)
            if write is not None and not preflight:
                request.route = write.route.template
                return await self._writes[write.route](request, write)
            return self._no_route(request, known=handler is not None)
        except Refused as refused:
            return self._refusal(request, refused)
        except (LogUnavailable, StoreUnavailable, ObjectStoreError) as error:
            _log.warning("%s %s: 503: %s", request.method, request.path, error, extra=_about(request))
            return self._refusal(request, Refused(503, _why(error), headers=_UNAVAILABLE))
        except (ClientGone, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001 - the last resort
            _log.exception("%s %s failed", request.method, request.path, extra=_about(request))
            return self._refusal(request, Refused(500, "internal error"))

    def _no_route(self, request: Request, *, known: bool) -> Response:
        if request.method == "OPTIONS" and self._surfaces.client_safe(request.path):
            return Response(204, b"", self._cors.preflight(request.headers.get(b"origin")))
        if known:
            safe = self._surfaces.client_safe(request.path)
            allow = ((b"allow", b"POST, OPTIONS" if safe else b"POST"),)
            raise Refused(405, f"{request.method} is not allowed here", headers=allow)
        raise Refused(404, "no such path")

    def _refusal(self, request: Request, refused: Refused) -> Response:
        body = error_body(
            self._surfaces.of(request.path),
            refused.status,
            refused.message,
            code=refused.code,
            request_id=request.id.decode(),
            now_ms=self._services.now_ms(),
            **refused.details,
        )
        return json_response(refused.status, body, refused.headers)

    async def _respond(self, request: Request, response: Response, send: Send) -> None:
        body = response.body
        headers: list[tuple[bytes, bytes]] = [
            (b"x-request-id", request.id),
            *response.headers,
        ]
        if body or response.content_type:
            headers.append((b"content-type", response.content_type) if response.content_type else JSON)
        if response.status != 204:
            headers.append((b"content-length", b"%d" % len(body)))
        safe = self._safe.get(request.path)
        if (self._surfaces.client_safe(request.path) if safe is None else safe) and response.status != 204:
            headers += self._cors.expose(request.headers.get(b"origin"))
        if response.status >= 400 and not request.body_read and _much_unread(request):
            # The answer goes out now; the rest of the body is read for a while; the connection ends.
            headers.append(CLOSE)
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await linger(request.receive)
            body = b""
        else:
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        while scope["type"] == "lifespan":
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.drained()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _why(error: Exception) -> str:
    if isinstance(error, ObjectStoreError):
        full = isinstance(error, ObjectStoreFull)
        return f"the object store {'is full' if full else 'is not available'}: nothing was kept, retry"
    return "not available right now; whether it happened is not known, retry"


def _about(request: Request) -> dict[str, str]:
    return {"request_id": request.id.decode()}


def _much_unread(request: Request) -> bool:
    announced = request.content_length
    if announced is not None:
        return announced > _UNREAD_BYTES_MAX
    return b"transfer-encoding" in request.headers


def create_gateway(
    *,
    directory: Directory,
    limiter: RateLimiter,
    appender: Appender,
    objects: ObjectStore,
    exports: ExportRegister,
    surfaces: Surfaces,
    telemetry_partitions: int = 1,
    trusted_proxies: tuple[str, ...] = (),
    cors: tuple[str, ...] = ("*",),
    read_timeout_s: float = BODY_READ_TIMEOUT_S,
    bodies_in_flight_bytes: int = BODIES_IN_FLIGHT_BYTES,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    clock_s: Callable[[], float] = time.perf_counter,
    metrics: GatewayMetrics | None = None,
    writes: Sequence[Callable[[Services], Writes]] = (),
) -> Gateway:
    """The gateway with its stores injected. `telemetry_partitions` is the topic's count, fixed for ever.

    `writes` make nouns' writes of the gateway's services; without them they are 404.
    """
    figures = metrics or GatewayMetrics()
    services = Services(
        directory=directory,
        limiter=limiter,
        appending=TelemetryAppending(appender, partitions=telemetry_partitions, metrics=figures),
        proxies=TrustedProxies(trusted_proxies),
        metrics=figures,
        now_ms=now_ms,
        read_timeout_s=read_timeout_s,
        in_flight=BodiesInFlight(bodies_in_flight_bytes),
        surfaces=surfaces,
    )
    made = [make(services) for make in writes]
    return Gateway(services, objects, exports, Cors(cors), clock_s=clock_s, writes=made)
