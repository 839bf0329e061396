"""A read's request on plain ASGI: its route, its query, its id."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from api.http import query_pairs, request_id
from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused
from schemas.edge.parameters import Boolean, Choice, Integer, Parameter, Text
from schemas.edge.routes import Found, Route
from schemas.identifiers import id_problem
from schemas.numbers import whole_of_text

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

_KEPT_QUERIES_MAX: Final = 1024
_KEPT_QUERY_BYTES_MAX: Final = 128


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
        "names",
        "raw_headers",
        "receive",
        "route",
        "scope",
    )

    def __init__(self, found: Found, scope: Scope, receive: Receive) -> None:
        self.route = found.route
        self.names = found.names
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.raw_headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(self.raw_headers)
        self.limits: RawHeaders = ()
        self.begun = False
        self.id = request_id(self.headers.get(b"x-request-id"))

    @property
    def peer(self) -> str:
        """The connection's address."""
        client = self.scope.get("client")
        return client[0] if client else "unknown"

    def query(self) -> Mapping[str, Any]:
        """The route's query parameters, the default of each that is missing. Raises `Refused` (400).

        Unknown parameters are ignored: clients add some against caches.
        """
        text: bytes = self.scope.get("query_string") or b""
        return (_query_kept if len(text) <= _KEPT_QUERY_BYTES_MAX else _query)(self.route, text)


def _query(route: Route, text: bytes) -> Mapping[str, Any]:
    known, defaults = _asked_in_query(route)
    if not text:
        return defaults
    try:
        pairs = query_pairs(text)
    except ValueError as error:
        raise Refused(400, f"the query cannot be read: {error}") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in known:
            continue
        if name in found:
            raise Refused(400, f"{name} comes twice in the query", field=name)
        found[name] = _value(known[name], value)
    return MappingProxyType({**defaults, **found})


_query_kept: Final = lru_cache(_KEPT_QUERIES_MAX)(_query)
"""The same for texts that come again and again (`limit=10`): parsing is a sixth of a read's CPU."""


@cache
def _asked_in_query(route: Route) -> tuple[Mapping[str, Parameter], Mapping[str, Any]]:
    """Parameters and their defaults by name. Routes are few and live as long as the process."""
    known = {parameter.name: parameter for parameter in route.parameters if parameter.place == "query"}
    return known, MappingProxyType({name: parameter.default for name, parameter in known.items()})


def check_id(name: str, value: str) -> None:
    """Raise `Refused` (400) for what can be no id: nothing was ever written under it."""
    problem = id_problem(value)
    if problem is not None:
        raise Refused(400, f"{name} {problem}", field=name)


def _value(parameter: Parameter, text: str) -> Any:
    name, kind = parameter.name, parameter.kind
    match kind:
        case Integer():
            return whole_number(name, text, kind.minimum, kind.maximum)
        case Boolean():
            return _truth(name, text)
        case Choice():
            if text not in kind.options:
                raise Refused(400, f"{name} can only be {' or '.join(kind.options)}", field=name)
            return text
        case Text():
            return text


def whole_number(name: str, text: str, lowest: int, highest: int | None) -> int:
    """A whole number. Raises `Refused` (400) where it is none or out of bounds."""
    value = whole_of_text(text)
    if value is None or value < lowest or (highest is not None and value > highest):
        bounds = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        raise Refused(400, f"{name} must be a whole number {bounds}", field=name)
    return value


def _truth(name: str, text: str) -> bool:
    """False where it is empty or `null`."""
    text = text.lower()
    if text in {"true", "1"}:
        return True
    if text in {"false", "0", "", "null"}:
        return False
    raise Refused(400, f"{name} must be true or false", field=name)
