"""How many connections one address may have to a process, and what is answered beyond.

Behind a trusted proxy the connections are the proxy's, so that the requests count which run at the same time
for the address that it names: a stream is one for as long as it is open.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from deploy.nouns import surfaces
from schemas.edge.errors import error_body
from schemas.edge.limits import CONNECTIONS_PER_ADDRESS, RETRY_AFTER_UNAVAILABLE_S
from schemas.edge.proxy import TrustedProxies, counted_address

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class Addresses:
    """Counts what each address has open. Trusted proxies' own addresses have no limit."""

    def __init__(self, limit: int = CONNECTIONS_PER_ADDRESS, proxies: TrustedProxies | None = None) -> None:
        self.limit: Final = limit
        self.proxies: Final = proxies or TrustedProxies()
        self._open: dict[str, int] = {}

    def opened(self, ip: str) -> int:
        """Count one more; how many there are now, 0 where they have no limit."""
        if self.proxies.trusts(ip):
            return 0
        address = counted_address(ip)
        count = self._open[address] = self._open.get(address, 0) + 1
        return count

    def closed(self, ip: str) -> None:
        """Count one less; once for each `opened`."""
        address = counted_address(ip)
        count = self._open.get(address, 0)
        if count > 1:
            self._open[address] = count - 1
        else:
            self._open.pop(address, None)


class ProxiedAddresses:
    """ASGI middleware: the same limit for whom trusted proxies speak for."""

    def __init__(self, app: Asgi, addresses: Addresses) -> None:
        self._app = app
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or answer 503 where the address has too many requests running."""
        addresses = self._addresses
        client = scope.get("client")
        if scope["type"] != "http" or client is None or not addresses.proxies.trusts(client[0]):
            await self._app(scope, receive, send)
            return
        source = addresses.proxies.source_ip(client[0], scope["headers"])
        count = addresses.opened(source)
        try:
            await (self._app if count <= addresses.limit else too_many)(scope, receive, send)
        finally:
            if count:
                addresses.closed(source)


async def too_many(scope: Scope, receive: Receive, send: Send) -> None:
    """503 in the shape of the path's surface; the connection ends."""
    del receive
    body = msgspec.json.encode(
        error_body(surfaces().of(scope["path"]), 503, "this address has too many connections; use them again")
    )
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"%d" % RETRY_AFTER_UNAVAILABLE_S),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
