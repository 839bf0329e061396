"""`POST /mcp` of an edge process: who may ask, then the SDK's server, whose calls are reads of the process.

Source: contract/analytics.md, "MCP": S1's keys and errors. What lists is counted by address alone, a call as
the read that it is: by address once, and in the bucket of its key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from api.mcp.document import BODY_BYTES_MAX, ROUTES
from schemas.edge.errors import Refused
from schemas.edge.routes import Found, Route
from schemas.telemetry.access import COUNTED, ManagementAccess
from streams.gateway.http import Request, Response
from streams.gateway.services import Services, bearer

if TYPE_CHECKING:
    from api.mcp.server import McpServer

    Message = MutableMapping[str, Any]
    Asgi = Callable[
        [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
    ]

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OF_THE_BODY: Final = frozenset(
    {b"content-length", b"content-encoding", b"content-type", b"transfer-encoding", b"expect"}
)


class McpEndpoint:
    """Serves the route for `streams.gateway.app`. `process` is the whole of this process's HTTP.

    The SDK is imported by the first request, beside the event loop, which serves others meanwhile.
    """

    routes: Sequence[Route] = ROUTES

    def __init__(self, services: Services, process: Asgi, *, base_url: str) -> None:
        self._services = services
        self._process = process
        self._base_url = base_url
        self._access = ManagementAccess(services.directory, services.limiter)
        self._opening = asyncio.Lock()
        self._server: McpServer | None = None

    async def __call__(self, request: Request, found: Found) -> Response:
        """The answer: S1's refusals, else what the SDK says. Raises `Refused`, StoreUnavailable."""
        if request.method != found.route.method:
            raise Refused(405, f"{request.method} is not allowed here", headers=((b"allow", b"POST"),))
        self._check_origin(request)
        caller = await self._access.identify(bearer(request), self._services.source_ip(request))
        body = await self._services.body(request, BODY_BYTES_MAX, caller.key_id)
        own = [(name, value) for name, value in request.raw_headers if name not in _OF_THE_BODY]
        kind = request.headers.get(b"content-type", b"")
        headers = [*own, (b"content-type", kind), (b"content-length", b"%d" % len(body))]
        server = self._server or await self._open()

        async def read(path: str, query: str) -> tuple[int, bytes]:
            return await self._read(request, own, path, query)

        answered = await server.answer(headers, body, read)
        shown = {name: value for name, value in answered.headers if name != b"content-length"}
        content_type = shown.pop(b"content-type", b"")
        if answered.body and not content_type:  # the SDK refuses what is no JSON in a word of plain text
            refusal = answered.body.decode()
            raise Refused(answered.status, refusal, code=refusal)
        if not answered.body:  # which the SDK calls JSON
            content_type = b""
        return Response(answered.status, answered.body, tuple(shown.items()), content_type)

    async def close(self) -> None:
        """End what the first request began."""
        if self._server is not None:
            await self._server.stop()

    async def _open(self) -> McpServer:
        async with self._opening:
            if self._server is None:
                module = await asyncio.to_thread(import_module, "api.mcp.server")
                server: McpServer = module.McpServer()
                await server.start()
                self._server = server
            return self._server

    async def _read(
        self, request: Request, headers: list[tuple[bytes, bytes]], path: str, query: str
    ) -> tuple[int, bytes]:
        """Status and body of a GET by the sender of the request, whose address was counted already."""
        scope: Message = {
            **request.scope,
            "method": "GET",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "state": {},
            COUNTED: True,
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._process(scope, receive, send)
        return int(sent[0]["status"]), b"".join(message.get("body", b"") for message in sent[1:])

    def _check_origin(self, request: Request) -> None:
        """Pages of other sites may not ask. Who runs questlog at home asks a loopback address."""
        origin = request.headers.get(b"origin")
        if origin is None:
            return
        host = request.headers.get(b"host", b"").decode("latin-1")
        if not is_own_origin(origin.decode("latin-1"), host, self._base_url):
            raise Refused(403, _FOREIGN, code=_FOREIGN)


_FOREIGN: Final = "This origin may not ask"


def is_own_origin(origin: str, host: str, base_url: str) -> bool:
    """Whether a page of an origin is of the address that it asks. Pure."""
    try:
        asking, own = urlsplit(origin), urlsplit(base_url)
        hostname = asking.hostname
    except ValueError:  # an address that ends within its brackets
        return False
    of_base_url = (asking.scheme, asking.netloc) == (own.scheme, own.netloc)
    return of_base_url or (asking.netloc == host and hostname in _LOOPBACK)
