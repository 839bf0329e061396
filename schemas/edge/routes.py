"""A route is a record: the router, the checks and the OpenAPI document of every surface follow from it. Pure.

A package of HTTP handlers lists its routes as `ROUTES` and binds them to its handlers by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeVar
from urllib.parse import unquote

import msgspec

from schemas.edge.parameters import Integer, Parameter, Text
from schemas.edge.ports import KeyKind

Proof = Literal["none", "registered", "always"]
"""Which players must present a secret: none, registered ones, or all."""
Handler = TypeVar("Handler")

_EVERYWHERE: Final = frozenset({400, 431, 500, 503})
"""A request that is malformed or whose path or query is not UTF-8; more headers than a request may have; a
defect; a store, the log or the process has no room."""
_WITH_KEY: Final = frozenset({401, 429})
_WITH_BODY: Final = frozenset({408, 413, 415})


class Body(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A request's body: one of `kinds`, or a list of up to `items_max` of them. `examples` are by name."""

    kinds: tuple[Any, ...]
    bytes_max: int
    content_type: str = "application/json"
    required: bool = True
    items_max: int = 0
    form: bool = False
    """A browser's form is taken too, with the same fields."""
    examples: Mapping[str, Any] = {}


def body_fields(kind: Any) -> tuple[str, ...]:
    """The fields that a body of this kind may have."""
    return tuple(getattr(kind, "__struct_fields__", ()))


def requires(kind: type[msgspec.Struct]) -> bool:
    """Whether a body of this kind has a field that must be there."""
    return len(kind.__struct_fields__) > len(kind.__struct_defaults__)


class Header(msgspec.Struct, frozen=True):
    """A header of an answer."""

    description: str
    kind: Text | Integer = Text()


class Answer(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An answer that is no refusal.

    `kind` is None for text, and for no body where there is no content type; `events` are the structs of a
    stream's events.
    """

    status: int = 200
    kind: Any
    description: str
    content_type: str = "application/json"
    events: tuple[Any, ...] = ()
    example: Any = None
    headers: Mapping[str, Header] = {}


class Route(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One operation of one surface. Two records are never equal."""

    name: str
    """Names the handler, and for a write what its idempotency key is bound to (NOTE: stored)."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    template: str
    """As documents and metrics show it: `/sdk/v1/players/{externalId}/wallet`."""
    summary: str
    tag: str
    keys: frozenset[KeyKind]
    """Who may call; a request with none of these is refused. Empty: no key is needed."""
    answers: tuple[Answer, ...]
    errors: tuple[int, ...] = ()
    """Statuses beside those that `statuses` knows."""
    proof: Proof = "none"
    parameters: tuple[Parameter, ...] = ()
    """Of the query and of headers; those of the path follow from the template."""
    body: Body | None = None
    command: type[msgspec.Struct] | None = None
    """What a write asks of a decider. A read has none, nor has telemetry, which is appended as it came."""
    description: str = ""
    page: bool = False
    """Browsers get a page, whatever the status."""
    operation_id: str = ""
    """The document's; made of method and template where it is empty."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters of the path."""
        return tuple(part[1:-1] for part in self.template.split("/") if part.startswith("{"))

    @property
    def statuses(self) -> list[int]:
        """Every status that can be answered."""
        found = {answer.status for answer in self.answers} | {*self.errors} | _EVERYWHERE
        if self.keys:
            found |= _WITH_KEY
        if self.body is not None:
            found |= _WITH_BODY
        return sorted(found)


class Found(msgspec.Struct, frozen=True, gc=False):
    """A route, and what the path names, by the template's names."""

    route: Route
    names: Mapping[str, str]


class RouteTable:
    """Finds routes in the raw path, so that an encoded slash stays part of an id. Whatever the method."""

    def __init__(self, routes: Iterable[Route]) -> None:
        shapes: dict[int, dict[tuple[int, ...], dict[tuple[str, ...], Route]]] = {}
        begins: set[str] = set()
        for route in routes:
            parts = route.template[1:].split("/")
            places = tuple(index for index, part in enumerate(parts) if part.startswith("{"))
            literal = tuple("" if index in places else part for index, part in enumerate(parts))
            known = shapes.setdefault(len(parts), {}).setdefault(places, {})
            if literal in known:
                raise ValueError(f"{route.template} is there twice")
            known[literal] = route
            begins.add(route.template.partition("{")[0])
        self._begins = tuple(one for one in begins if not any(one.startswith(o) for o in begins - {one}))
        """How paths begin, up to their first name: most paths of other tables are told by this alone."""
        self._shapes = {
            count: tuple(
                (places, {literal: (route, route.names) for literal, route in known.items()})
                for places, known in sorted(by_places.items(), key=lambda item: len(item[0]))
            )
            for count, by_places in shapes.items()
        }
        """By count of segments: where the names are, and by the other segments the route and its names.

        Fixed segments win over names: the routes with the fewest names come first.
        """

    def find(self, scope: Mapping[str, Any]) -> Found | None:
        """The route of an ASGI scope's path; None for a path that is none of these."""
        path: str = scope["path"]
        if not path.startswith(self._begins):
            return None
        raw: bytes = scope.get("raw_path") or b""
        if b"%" in raw:
            parts = [unquote(part) for part in raw.partition(b"?")[0].decode("latin-1")[1:].split("/")]
        else:
            parts = path[1:].split("/")
        for places, routes in self._shapes.get(len(parts), ()):
            literal = parts.copy()
            for place in places:
                literal[place] = ""
            found = routes.get(tuple(literal))
            if found is not None:
                route, names = found
                values = {name: parts[place] for name, place in zip(names, places, strict=True)}
                return Found(route, values) if "" not in values.values() else None
        return None


def bind(routes: Iterable[Route], handlers: Mapping[str, Handler]) -> dict[Route, Handler]:
    """Each route with the handler of its name. Raises ValueError where one has no other."""
    by_name = {route.name: route for route in routes}
    if by_name.keys() != handlers.keys():
        raise ValueError(f"routes and handlers differ: {sorted(by_name.keys() ^ handlers.keys())}")
    return {route: handlers[name] for name, route in by_name.items()}
