"""`create_liveops_reads`: the ASGI application of S3's reads, asked before the api's framework.

Every failure ends in S3's shape; nothing shows a stack trace.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from api.http import Answer, refused_by, send_answer
from api.liveops.boards import BoardRoutes
from api.liveops.dashboard_source import DashboardSource
from api.liveops.game_boards import GameBoards
from api.liveops.http import Call, check_id
from api.liveops.metrics import ListenerMetrics
from api.liveops.players import PlayerRoutes
from api.liveops.process_listeners import ProcessListeners
from api.liveops.routes import ROUTES, STREAM, find_read
from api.liveops.schedule import ScheduledBoards
from api.liveops.sse import Streams, stream_head
from api.liveops.subscriptions import LISTENER_OPTIONS, ListenerOptions
from api.liveops.views import BoardViews
from api.metrics import ReadMetrics
from schemas.edge.cors import Cors, RawHeaders
from schemas.edge.credentials import Credentials
from schemas.edge.errors import Refused, error_body
from schemas.edge.ports import Directory, RateLimiter
from schemas.edge.proxy import TrustedProxies
from schemas.edge.routes import Route, bind
from schemas.liveops.access import Access, Caller, check_kind
from schemas.liveops.errors import S3

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from schemas.fleet.ports import LobbyServerReads
    from schemas.liveops.ports import BoardReads, FinalBoardReads, PlayerReads, StreamStores

Handler = Callable[[Call, Caller], Awaitable[Answer]]

_ALLOW: Final = b"GET, HEAD, OPTIONS"
_FOUND: Final = "questlog.liveops.read"
"""What `handles` found, in the request's scope, so that it is looked up once."""
_log: Final = logging.getLogger("questlog.api.liveops")


class LiveopsReads:
    """The application. Made by `create_liveops_reads`."""

    def __init__(
        self,
        routes: dict[Route, Handler],
        access: Access,
        source_ip: Callable[[Call], str],
        boards: BoardRoutes,
        *,
        listeners: ProcessListeners,
        streams: Streams,
        metrics: ReadMetrics,
        cors: Cors,
        dashboard_source: DashboardSource,
    ) -> None:
        self.dashboard_source = dashboard_source
        """The same reads for a caller that is already authorized."""
        self._routes = routes
        self._access = access
        self._source_ip = source_ip
        self._boards = boards
        self._listeners = listeners
        self._streams = streams
        self._metrics = metrics
        self._cors = cors

    def handles(self, scope: Scope) -> bool:
        """Whether a request is one of these reads, with whatever method."""
        found = find_read(scope)
        if found is None:
            return False
        scope[_FOUND] = found
        return True

    async def close(self) -> None:
        """End every stream."""
        await self._listeners.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request on one of the routes."""
        found = scope.get(_FOUND) or find_read(scope)
        if found is None:
            raise RuntimeError("not one of these routes: ask `handles` first")
        began = time.perf_counter()
        route = found.route
        call = Call(found, scope, receive)
        status = 0
        try:
            if route is STREAM and call.method in {"GET", "HEAD"}:
                status = await self._stream(call, send)
            else:
                answer = await self._answer(call)
                status = answer.status
                await send_answer(send, answer, self._around(call))
        finally:
            self._metrics.observe(route, status, time.perf_counter() - began)

    async def _stream(self, call: Call, send: Send) -> int:
        """Serve a stream to its end; the status it was answered with."""
        try:
            subscription = await self._boards.listened(call, await self._enter(call))
            if call.method == "HEAD":
                await stream_head(call, send, self._around(call))
                return 200
            await self._streams.serve(call, subscription, send, self._around(call))
        except Exception as error:  # noqa: BLE001 - the last resort: logged, and answered without a trace
            if call.begun:  # nothing can be answered any more: the connection ends, the client comes back
                _log.warning("a stream ended: %r", error, extra={"request_id": call.id.decode()})
                await send({"type": "http.response.body", "body": b""})
                return 200
            answer = self._failure(call, error)
            await send_answer(send, answer, self._around(call))
            return answer.status
        return 200

    async def _answer(self, call: Call) -> Answer:
        try:
            if call.method not in {"GET", "HEAD"}:
                return self._other_method(call)
            return await self._routes[call.route](call, await self._enter(call))
        except Exception as error:  # noqa: BLE001 - the last resort: logged, and answered without a trace
            return self._failure(call, error)

    async def _enter(self, call: Call) -> Caller:
        """Check what the call's route says of who may call.

        The call counts for (key, player), or (key, address) where the path has no player. Raises `Refused`:
        401 for no such key, 429 over the rate, 400 for an id in the path that is none, 403 for a key of
        another kind, 401 for a secret that is none.
        """
        ip = self._source_ip(call)
        caller = await self._access.caller(call.raw_headers, ip)
        player = call.names.get("externalId", "")
        call.limits = await self._access.count(caller, "read", ip=ip, player=player)
        for name, value in call.names.items():
            check_id(name, value)
        check_kind(caller, call.route.keys)
        await self._access.prove(call.raw_headers, caller, call.route.proof, player)
        return caller

    def _other_method(self, call: Call) -> Answer:
        if call.method == "OPTIONS" and call.route.template.startswith("/sdk/"):
            return Answer(204, b"", self._cors.preflight(call.headers.get(b"origin")))
        raise Refused(405, f"{call.method} is not allowed here", headers=((b"allow", _ALLOW),))

    def _failure(self, call: Call, error: Exception) -> Answer:
        refused = refused_by(error, call.route.template, call.id.decode(), _log)
        body = error_body(S3, refused.status, refused.message, **refused.details)
        return Answer(refused.status, msgspec.json.encode(body), refused.headers)

    def _around(self, call: Call) -> RawHeaders:
        """Headers of every answer."""
        headers = ((b"x-request-id", call.id), *call.limits)
        if call.route.template.startswith("/sdk/") and call.method != "OPTIONS":
            return headers + self._cors.expose(call.headers.get(b"origin"))
        return headers


def create_liveops_reads(
    *,
    directory: Directory,
    limiter: RateLimiter,
    players: PlayerReads,
    boards: BoardReads,
    finals: FinalBoardReads,
    streams: StreamStores,
    servers: LobbyServerReads,
    now_ms: Callable[[], int],
    monotonic: Callable[[], float] = time.monotonic,
    trusted_proxies: tuple[str, ...] = (),
    cors: tuple[str, ...] = ("*",),
    registry: CollectorRegistry = REGISTRY,
    listener_options: ListenerOptions = LISTENER_OPTIONS,
) -> LiveopsReads:
    """The application with its stores injected; nothing connects before the first request.

    Call `close` before the loop ends. Made twice in a process, each needs a registry of its own.
    """
    access = Access(Credentials(directory), limiter, players, monotonic)
    proxies = TrustedProxies(trusted_proxies)

    def source_ip(call: Call) -> str:
        return proxies.source_ip(call.peer, call.raw_headers)

    own = PlayerRoutes(players, finals, now_ms)
    views = BoardViews(boards, finals, monotonic)
    known = GameBoards(views, boards, ScheduledBoards(now_ms))
    shared = BoardRoutes(source_ip, views, known, players, servers=servers, now_ms=now_ms)
    handlers: dict[str, Handler] = {
        "ping": own.ping,
        "catalog": own.catalog,
        "events": own.events,
        "pending_grants": own.pending_grants,
        "inventory": own.inventory,
        "wallet": own.wallet,
        "leaderboard": shared.leaderboard,
        "lobby": shared.lobby,
        "server_player": own.server_player,
        "server_ledger": own.server_ledger,
    }
    listeners = ProcessListeners(
        streams, boards, ListenerMetrics(registry), directory.credential, now_ms, options=listener_options
    )
    served = Streams(listeners)
    timed = [route for route in ROUTES if route is not STREAM]
    return LiveopsReads(
        bind(timed, handlers),
        access,
        source_ip,
        shared,
        listeners=listeners,
        streams=served,
        metrics=ReadMetrics(registry, "liveops", timed),
        cors=Cors(cors),
        dashboard_source=DashboardSource(own, known, served, source_ip),
    )
