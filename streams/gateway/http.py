"""A request and its answer on plain ASGI: what the write side needs of HTTP, and no more.

One `Request` is made for each HTTP request; its headers are scanned once. Handlers return a `Response` or
raise `Refused`; only `streams/gateway/app.py` sends.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from schemas.edge.cors import RawHeaders

if TYPE_CHECKING:
    from streams.gateway.memory_quotas import Reservation

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON: Final = (b"content-type", b"application/json")
CLOSE: Final = (b"connection", b"close")

_GIVEN_ID: Final = re.compile(rb"[A-Za-z0-9_.\-]{1,64}")
_process: Final = os.urandom(5).hex().encode()
_count: Final = itertools.count(1)
_encoder: Final = msgspec.json.Encoder()


class Response(msgspec.Struct, frozen=True, gc=False):
    """Status, body as bytes, and headers beyond content type and length."""

    status: int
    body: bytes
    headers: RawHeaders = ()
    content_type: bytes = b""
    """Empty for JSON."""


def json_response(status: int, content: Any, headers: RawHeaders = ()) -> Response:
    """An answer with a JSON body."""
    return Response(status, _encoder.encode(content), headers)


class ClientGone(Exception):
    """The client closed the connection: no response can be sent."""


class Request:
    """One HTTP request. `headers` holds the last of repeated ones; `raw_headers` all of them in order."""

    __slots__ = (
        "body_read",
        "headers",
        "id",
        "ip",
        "method",
        "path",
        "raw_headers",
        "receive",
        "reservation",
        "route",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.path: str = scope["path"]
        self.method: str = scope["method"]
        self.raw_headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(self.raw_headers)
        self.route = "other"
        """The route's template for metrics, once it is known."""
        self.body_read = False
        """Whether the body has been received to its end."""
        self.reservation: Reservation | None = None
        """What the body holds of the process's memory, once it is asked for."""
        client = scope.get("client")
        self.ip: str = client[0] if client else ""
        """The connection's address; `TrustedProxies` may know better."""
        given = self.headers.get(b"x-request-id")
        if given is not None and _GIVEN_ID.fullmatch(given):
            self.id: bytes = given
        else:
            self.id = b"%s-%x" % (_process, next(_count))

    @property
    def content_length(self) -> int | None:
        """The announced length of the body; None where there is none or it is no number."""
        value = self.headers.get(b"content-length")
        return int(value) if value is not None and value.isdigit() else None

    def repeated(self, name: bytes) -> bool:
        """Whether a header came more than once with different values."""
        if len(self.headers) == len(self.raw_headers):
            return False
        return len({value for key, value in self.raw_headers if key == name}) > 1
