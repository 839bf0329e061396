"""What surrounds every request: its id, its measurement, its log line, and no stack trace ever."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Final

import msgspec

from api.segments import with_slashes_kept
from schemas.edge.errors import error_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.metrics import HttpMetrics
    from schemas.edge.surfaces import Surfaces

_STREAM: Final = b"text/event-stream; charset=utf-8"
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_log = logging.getLogger("questlog.api")


class Surround:
    """ASGI middleware. The request id is the caller's `X-Request-Id` where that is plain, else a new one."""

    def __init__(
        self, app: ASGIApp, *, metrics: HttpMetrics, surfaces: Surfaces, clock_ms: Callable[[], int]
    ) -> None:
        self._app = app
        self._surfaces = surfaces
        self._metrics = metrics
        self._clock_ms = clock_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other protocols pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        began = time.perf_counter()
        status = 0
        streams_since = 0.0
        method = scope["method"]
        scope = with_slashes_kept(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        if method == "HEAD":
            scope, send = {**scope, "method": "GET"}, head_only(send)

        async def sending(message: Message) -> None:
            nonlocal status, streams_since
            if message["type"] == "http.response.start":
                status = message["status"]
                if any(
                    name == b"content-type" and value.startswith(_STREAM)
                    for name, value in message["headers"]
                ):
                    streams_since = time.perf_counter()
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:  # noqa: BLE001 - the last resort: logged, and answered without a trace
            _log.exception("request failed", extra={"request_id": request_id, "path": scope["path"]})
            if status == 0:
                await self._internal_error(scope, sending, request_id)
        finally:
            # A stream lasts for as long as its client: what it took is the time to its head.
            elapsed = (streams_since or time.perf_counter()) - began
            # The template, never the path: what clients choose must not become metric labels.
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.observe(route, method, status, elapsed)
            _log.debug(
                "request",
                extra={"request_id": request_id, "route": route, "status": status, "seconds": elapsed},
            )

    async def _internal_error(self, scope: Scope, send: Send, request_id: str) -> None:
        body = msgspec.json.encode(
            error_body(
                self._surfaces.of(scope["path"]),
                500,
                "Internal error",
                request_id=request_id,
                now_ms=self._clock_ms(),
            )
        )
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def head_only(send: Send) -> Send:
    """For an application that is asked GET where the client asked HEAD: the head is the whole answer.

    The answer is complete with it, so a handler that would go on streaming gets a disconnect from `receive`.
    """

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b""})

    return sending


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return str(uuid.uuid4())
