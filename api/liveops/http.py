"""A read's request and answer on plain ASGI, and the paths of this surface's reads.

There is no framework between the socket and the view cache: a leaderboard's top 10 has a budget of 250
microseconds. Routes are found in the raw path, so that an encoded slash stays part of an external id.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

import msgspec

from schemas.edge.cors import RawHeaders
from schemas.identifiers import id_problem
from schemas.numbers import whole_of_text

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_GIVEN_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_process: Final = os.urandom(5).hex().encode()
_count: Final = itertools.count(1)
_QUERY_FIELDS_MAX: Final = 50
_NO_QUERY: Final[Mapping[str, str]] = {}


class Route(StrEnum):
    """Every read; the value is its template, as metrics and documents show it."""

    PING = "/sdk/v1/ping"
    CATALOG = "/sdk/v1/catalog"
    EVENTS = "/sdk/v1/players/{externalId}/events"
    PENDING_GRANTS = "/sdk/v1/players/{externalId}/pending-grants"
    INVENTORY = "/sdk/v1/players/{externalId}/inventory"
    WALLET = "/sdk/v1/players/{externalId}/wallet"
    LEADERBOARD = "/sdk/v1/leaderboards/{leaderboardId}"
    STREAM = "/sdk/v1/leaderboards/{leaderboardId}/stream"
    LOBBY = "/sdk/v1/lobbies/{lobbyId}"
    SERVER_PLAYER = "/server/v1/players/{externalId}"
    SERVER_LEDGER = "/server/v1/players/{externalId}/ledger"

    @property
    def parameter(self) -> str:
        """The name of the id in the path; empty where there is none."""
        return self.value.partition("{")[2].partition("}")[0]


_ROUTES: Final = {
    tuple("" if part.startswith("{") else part for part in route.value[1:].split("/")): route
    for route in Route
}
"""Segments with an empty one where the parameter is."""
_PARAMETER: Final = 3


def route_of(scope: Scope) -> tuple[Route, str] | None:
    """The read that a path names, and its parameter as the client meant it; None for no read of this side."""
    path: str = scope["path"]
    if not path.startswith(("/sdk/v1/", "/server/v1/")):
        return None
    raw: bytes = scope.get("raw_path") or b""
    if b"%" in raw:
        parts = [unquote(part) for part in raw.partition(b"?")[0].decode("latin-1")[1:].split("/")]
    else:
        parts = path[1:].split("/")
    if len(parts) <= _PARAMETER:
        route = _ROUTES.get(tuple(parts))
        return None if route is None else (route, "")
    parameter = parts[_PARAMETER]
    parts[_PARAMETER] = ""
    route = _ROUTES.get(tuple(parts))
    return None if route is None or not parameter else (route, parameter)


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Status, JSON body as bytes, and headers beyond content type and length."""

    status: int
    body: bytes
    headers: RawHeaders = ()


class Refused(Exception):
    """An answer that is an error. `details` goes into the body, `headers` beside the usual ones."""

    def __init__(self, status: int, message: str, *, headers: RawHeaders = (), **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers
        self.details = details


class Call:
    """One request. `limits` are the RateLimit headers, once its bucket has been asked.

    `begun` says that a stream's head is sent: no other answer can be given.
    """

    __slots__ = (
        "begun",
        "headers",
        "id",
        "limits",
        "method",
        "parameter",
        "raw_headers",
        "receive",
        "route",
        "scope",
    )

    def __init__(self, route: Route, parameter: str, scope: Scope, receive: Receive) -> None:
        self.route = route
        self.parameter = parameter
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.raw_headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(self.raw_headers)
        self.limits: RawHeaders = ()
        self.begun = False
        given = self.headers.get(b"x-request-id")
        if given is not None and _GIVEN_ID.fullmatch(given):
            self.id: bytes = given
        else:
            self.id = b"r%s-%x" % (_process, next(_count))

    @property
    def peer(self) -> str:
        """The connection's address."""
        client = self.scope.get("client")
        return client[0] if client else "unknown"

    def query(self, *known: str) -> Mapping[str, str]:
        """The query's parameters by name. Raises `Refused` (400) for one that comes twice.

        Parameters nobody knows are let through: clients add some against caches.
        """
        text: bytes = self.scope.get("query_string") or b""
        if not text:
            return _NO_QUERY
        try:
            pairs = parse_qsl(
                text.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_QUERY_FIELDS_MAX,
            )
        except ValueError as error:
            raise Refused(400, f"the query cannot be read: {error}") from None
        found: dict[str, str] = {}
        for name, value in pairs:
            if name in known and name in found:
                raise Refused(400, f"{name} comes twice in the query", field=name)
            found[name] = value
        return found


Handler = Callable[[Call], Awaitable[Answer]]


def check_id(name: str, value: str) -> None:
    """Raise `Refused` (400) for what can be no id: nothing was ever written under it."""
    problem = id_problem(value)
    if problem is not None:
        raise Refused(400, f"{name} {problem}", field=name)


def whole_number(query: Mapping[str, str], name: str, *, default: int, lowest: int, highest: int) -> int:
    """A whole number of the query. Raises `Refused` (400) where it is none or out of bounds."""
    text = query.get(name)
    if text is None:
        return default
    value = whole_of_text(text)
    if value is None or not lowest <= value <= highest:
        raise Refused(400, f"{name} must be a whole number from {lowest} to {highest}", field=name)
    return value


def truth(query: Mapping[str, str], name: str) -> bool:
    """A boolean of the query, false where it is missing, empty or `null`. Raises `Refused` (400)."""
    text = query.get(name, "false").lower()
    if text in {"true", "1"}:
        return True
    if text in {"false", "0", "", "null"}:
        return False
    raise Refused(400, f"{name} must be true or false", field=name)


async def send_answer(send: Send, answer: Answer, headers: RawHeaders) -> None:
    """One whole response; the server leaves out the body of HEAD."""
    all_headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(answer.body)),
        *headers,
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": all_headers})
    await send({"type": "http.response.body", "body": answer.body})
