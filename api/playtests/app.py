"""`create_playtest_reads`: the ASGI application of S2's reads, asked before the api's framework.

It answers every GET and HEAD of S2's paths, and paths that S2 has not: each is checked for its key first.
Every failure ends in S2's shape; nothing shows a stack trace.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from prometheus_client import REGISTRY, CollectorRegistry

from api.http import Answer, refused_by, send_answer
from api.metrics import ReadMetrics
from api.playtests.applications import ApplicationRoutes
from api.playtests.billing import BillingRoutes
from api.playtests.dashboard_source import DashboardSource
from api.playtests.http import Asked, Shown
from api.playtests.orders import OrderRoutes
from api.playtests.playtesters import PlaytesterRoutes
from api.playtests.rows import Rows
from api.playtests.slots import SlotRoutes
from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused
from schemas.edge.limited import Limited
from schemas.edge.ports import Directory, RateLimiter
from schemas.edge.proxy import TrustedProxies
from schemas.edge.routes import Found, bind
from schemas.edge.session_keys import SessionKeys
from schemas.objects import ObjectStore
from schemas.playtests import json as shapes
from schemas.playtests.access import Access
from schemas.playtests.errors import S2
from schemas.playtests.ports import BatchReads, PlaytestReads
from schemas.playtests.read_routes import READS
from schemas.playtests.requests import not_found, request_id
from schemas.playtests.routes import allowed, find_read, find_write
from schemas.playtests.validation import Problems, read_query, refuse
from schemas.seal import Sealer

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

Handler = Callable[[Asked], Awaitable[Shown]]
_OURS: Final = re.compile(S2.paths)
_READING: Final = frozenset({"GET", "HEAD"})
_log: Final = logging.getLogger("questlog.api.playtests")


class PlaytestsReads:
    """The application. Made by `create_playtest_reads`."""

    def __init__(
        self,
        handlers: dict[str, Handler],
        access: Access,
        proxies: TrustedProxies,
        now_ms: Callable[[], int],
        *,
        metrics: ReadMetrics,
        dashboard_source: DashboardSource,
    ) -> None:
        self.dashboard_source = dashboard_source
        """The same reads for a caller that is already authorized."""
        self._metrics = metrics
        self._handlers = bind(READS, handlers)
        self._access = access
        self._proxies = proxies
        self._now_ms = now_ms

    def handles(self, scope: Scope) -> bool:
        """Whether a request is S2's, and none of its writes'."""
        if _OURS.match(scope["path"]) is None:
            return False
        return scope["method"] in _READING or find_write(scope) is None

    async def close(self) -> None:
        """Nothing is open."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request that it handles. A body is not read."""
        del receive
        began = time.perf_counter()
        name = request_id(scope["headers"])
        limited = Limited()
        found = find_read(scope) if scope["method"] in _READING else None
        try:
            answer = Answer(200, await self._answer(scope, found, limited, name))
        except Exception as error:  # noqa: BLE001 - the last resort: logged, and answered without a trace
            refused = refused_by(error, scope["path"], name, _log)
            answer = Answer(refused.status, shapes.refused(refused, name, self._now_ms()), refused.headers)
        headers: RawHeaders = ((b"x-request-id", name.encode()), *limited.headers)
        await send_answer(send, answer, headers)
        route = None if found is None else found.route
        self._metrics.observe(route, answer.status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, found: Found | None, limited: Limited, name: str) -> bytes:
        client = scope.get("client")
        ip = self._proxies.source_ip(client[0] if client else "", scope["headers"])
        kinds = found.route.keys if found is not None else ()
        caller = await self._access.enter(scope["headers"], ip, kinds, limited)
        if found is None:
            methods = allowed(scope)
            if methods:
                allow = ((b"allow", methods.encode()),)
                raise Refused(405, f"{scope['method']} is not allowed here", headers=allow)
            raise not_found()
        problems: Problems = {}
        query = read_query(found.route, scope.get("query_string") or b"", problems)
        if problems:
            refuse(problems)
        shown = await self._handlers[found.route](Asked(caller=caller, names=found.names, query=query))
        if shown.more is None:
            return shapes.answered(shown.data, name, self._now_ms())
        return shapes.listed(shown.data, name, self._now_ms(), last=shown.last, more=shown.more)


def create_playtest_reads(
    *,
    directory: Directory,
    limiter: RateLimiter,
    reads: PlaytestReads,
    batches: BatchReads,
    objects: ObjectStore,
    sealer: Sealer,
    now_ms: Callable[[], int],
    trusted_proxies: tuple[str, ...] = (),
    session_keys: SessionKeys | None = None,
    registry: CollectorRegistry = REGISTRY,
) -> PlaytestsReads:
    """The application with its stores injected; nothing connects before the first request.

    Made twice in a process, each needs a registry of its own.
    """
    rows = Rows(directory, reads, objects, sealer)
    orders = OrderRoutes(rows)
    slots = SlotRoutes(rows, now_ms)
    applications = ApplicationRoutes(rows)
    billing = BillingRoutes(reads)
    playtesters = PlaytesterRoutes(rows, now_ms)
    handlers: dict[str, Handler] = {
        "list_playtests": orders.listed,
        "get_playtest": orders.one,
        "stats": orders.stats,
        "submissions": slots.submissions,
        "list_slots": slots.listed,
        "get_slot": slots.one,
        "download_url": slots.download_url,
        "transcript": slots.transcript,
        "list_applications": applications.listed,
        "balance": billing.balance,
        "payments": billing.payments,
        "payment": billing.payment,
        "ledger": billing.ledger,
        "me": playtesters.me,
        "earnings": playtesters.earnings,
        "notices": playtesters.notices,
        "available": playtesters.available,
        "own_applications": playtesters.applications,
        "own_slots": playtesters.slots,
        "own_slot": playtesters.slot,
    }
    access = Access(directory, limiter, now_ms, session_keys)
    metrics = ReadMetrics(registry, "playtests", READS)
    source = DashboardSource(orders, slots, applications, billing, batches)
    proxies = TrustedProxies(trusted_proxies)
    return PlaytestsReads(handlers, access, proxies, now_ms, metrics=metrics, dashboard_source=source)
