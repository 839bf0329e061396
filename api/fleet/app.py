"""`create_fleet_reads`: the ASGI application of S5's reads, asked before the api's framework.

It answers every GET and HEAD of S5's paths, and what S5 has not: each is checked for its key first. Every
failure ends in S5's shape; nothing shows a stack trace.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from api.fleet.builds import BuildRoutes
from api.fleet.dashboard_source import DashboardSource
from api.fleet.http import Asked
from api.fleet.projects import ProjectRoutes
from api.fleet.servers import ServerRoutes
from api.http import Answer, refused_by, request_id, send_answer
from api.metrics import ReadMetrics
from schemas.edge.cors import Cors, RawHeaders
from schemas.edge.errors import Refused, error_body
from schemas.edge.limited import Limited
from schemas.edge.ports import Directory, RateLimiter
from schemas.edge.proxy import TrustedProxies
from schemas.edge.routes import Found, bind
from schemas.fleet.access import SERVER, Access
from schemas.fleet.errors import S5
from schemas.fleet.ports import FleetReads
from schemas.fleet.read_routes import HEALTH
from schemas.fleet.requests import not_found
from schemas.fleet.routes import READS, allowed, find_read, is_written, operation
from schemas.fleet.validation import read_query
from schemas.fleet.variables import Variables

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from projections.fleet.queries.logs import FleetLogs
    from projections.fleet.queries.metrics import FleetMetrics

Handler = Callable[[Asked], Awaitable[msgspec.Struct]]
_OURS: Final = re.compile(S5.paths)
_READING: Final = frozenset({"GET", "HEAD"})
_log: Final = logging.getLogger("questlog.api.fleet")
_encode: Final = msgspec.json.Encoder().encode


class FleetReading:
    """The application. Made by `create_fleet_reads`."""

    def __init__(
        self,
        handlers: dict[str, Handler],
        access: Access,
        *,
        proxies: TrustedProxies,
        cors: Cors,
        metrics: ReadMetrics,
        dashboard_source: DashboardSource,
    ) -> None:
        self.dashboard_source = dashboard_source
        """The same reads for the dashboard, which authorizes its requests itself."""
        self._handlers = bind(READS, {route.name: handlers[operation(route)] for route in READS})
        self._access = access
        self._proxies = proxies
        self._cors = cors
        self._metrics = metrics

    def handles(self, scope: Scope) -> bool:
        """Whether a request is S5's, neither one of its writes nor a preflight."""
        if _OURS.match(scope["path"]) is None or scope["method"] == "OPTIONS":
            return False
        return scope["method"] in _READING or not is_written(scope)

    async def close(self) -> None:
        """Nothing is open."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request that it handles. A body is not read."""
        del receive
        began = time.perf_counter()
        headers = dict(scope["headers"])
        name = request_id(headers.get(b"x-request-id"))
        limited = Limited()
        found = find_read(scope)
        try:
            answer = Answer(200, _encode(await self._answer(scope, found, limited)))
        except Exception as error:  # noqa: BLE001 - the last resort: logged, and answered without a trace
            refused = refused_by(error, scope["path"], name.decode(), _log)
            body = error_body(S5, refused.status, refused.message, code=refused.code, **refused.details)
            answer = Answer(refused.status, _encode(body), refused.headers)
        around: RawHeaders = (
            (b"x-request-id", name),
            *limited.headers,
            *self._cors.expose(headers.get(b"origin")),
        )
        await send_answer(send, answer, around)
        route = None if found is None else found.route
        self._metrics.observe(route, answer.status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, found: Found | None, limited: Limited) -> msgspec.Struct:
        method, reading = scope["method"], scope["method"] in _READING
        if found is not None and found.route is HEALTH and reading:
            return await self._handlers[HEALTH](Asked(caller=None, names={}, query={}))
        client = scope.get("client")
        ip = self._proxies.source_ip(client[0] if client else "", scope["headers"])
        kinds = found.route.keys if found is not None and reading else SERVER
        caller = await self._access.enter(scope["headers"], ip, method, kinds or SERVER, limited)
        if found is None or not reading:
            methods = allowed(scope)
            if methods:
                allow = ((b"allow", methods.encode()),)
                raise Refused(405, f"{method} is not allowed here", headers=allow)
            raise not_found()
        query = read_query(found.route, scope.get("query_string") or b"")
        return await self._handlers[found.route](Asked(caller=caller, names=found.names, query=query))


def create_fleet_reads(
    *,
    directory: Directory,
    limiter: RateLimiter,
    reads: FleetReads,
    logs: FleetLogs,
    metrics: FleetMetrics,
    variables: Variables,
    now_ms: Callable[[], int],
    trusted_proxies: tuple[str, ...] = (),
    cors: tuple[str, ...] = ("*",),
    registry: CollectorRegistry = REGISTRY,
) -> FleetReading:
    """The application with its stores injected; nothing connects before the first request.

    Made twice in a process, each needs a registry of its own.
    """
    servers = ServerRoutes(reads, logs, metrics, now_ms)
    builds = BuildRoutes(reads, logs)
    projects = ProjectRoutes(reads, logs, variables, now_ms)
    handlers: dict[str, Handler] = {
        "health": projects.health,
        "list_servers": servers.listed,
        "get_server": servers.one,
        "server_logs": servers.logs,
        "server_metrics": servers.metrics,
        "list_builds": builds.listed,
        "get_build": builds.one,
        "build_logs": builds.logs,
        "get_settings": projects.settings,
        "project_logs": projects.logs,
        "project": projects.project,
    }
    return FleetReading(
        handlers,
        Access(directory, limiter, now_ms),
        proxies=TrustedProxies(trusted_proxies),
        cors=Cors(cors),
        metrics=ReadMetrics(registry, "fleet", READS),
        dashboard_source=DashboardSource(servers, builds, reads, logs, now_ms),
    )
