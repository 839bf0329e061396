"""OpenAPI 3.1 of route records. Schemas are those of the msgspec structs that decode and encode. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import cleandoc
from typing import Any, Final

import msgspec

from schemas.edge.parameters import Integer, Parameter
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Body, Header, Route, body_fields

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_AS_IT_IS: Final = frozenset(
    {"title", "description", "properties", "pattern", "default", "additionalProperties"}
)
_WAITS: Final = frozenset({429, 503})
RETRY_AFTER: Final = {"Retry-After": Header("Seconds to wait.", Integer(1))}
_PLAIN_TEXT: Final = "text/plain"
_HTML: Final = "text/html"
_FORM: Final = "application/x-www-form-urlencoded"
_BEFORE_ROUTES: Final = frozenset({400, 431, 503})
"""What the HTTP layer answers by itself, in plain text, before it is known which route is meant."""
_PAGE: Final = '<!doctype html>\n<html lang="en">…</html>'
_HTTP_REFUSAL: Final[Json] = {
    "type": "string",
    "description": "The HTTP layer's own refusal, of a request that is malformed or too large beside its "
    "body, or for want of room. The connection is closed after it.",
    "examples": ["Invalid HTTP request received."],
}
_TOO_MANY_HEADERS: Final = "RequestHeaderFieldsTooLarge"
_DERIVED: Final = "·"
"""What the names of fields begin with that are derived, and never on the wire."""


class Refusal(msgspec.Struct, frozen=True, eq=False):
    """What a status means on a surface, with one body that it may have."""

    description: str
    example: Any = None


class Document(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What all routes of one document share."""

    title: str
    description: str
    version: str = "1.0.0"
    credentials: Mapping[KeyKind, Mapping[str, Json]]
    """By kind of key: the security schemes by which it may be presented."""
    error: type[msgspec.Struct]
    refusals: Mapping[int, Refusal]
    names: Mapping[str, Parameter] = {}
    """Of paths."""
    headers: Mapping[str, Header] = {}
    """Of every answer that is no refusal."""
    said: tuple[tuple[Any, Json], ...] = ()
    """Types whose schema is said in other words, wherever they are."""
    fields: Mapping[tuple[str, str], Any] = {}
    """(struct, field on the wire) -> the type that it has there, where the struct's own is another."""


def document(about: Document, routes: Iterable[Route]) -> Json:
    """The whole document. Raises KeyError for a status, a name or a key that `about` does not know."""
    listed = list(routes)
    schemas = _Schemas(about, listed)
    paths: Json = {}
    for route in listed:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(about, route, schemas)
    keys = sorted({key for route in listed for key in route.keys})
    schemes = {name: scheme for key in keys for name, scheme in about.credentials[key].items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": about.title, "version": about.version, "description": about.description},
        "paths": paths,
        "components": {
            "securitySchemes": schemes,
            "schemas": schemas.components | {"HttpRefusal": _HTTP_REFUSAL},
            "responses": {_TOO_MANY_HEADERS: _too_many_headers()},
        },
    }


class _Schemas:
    """The schemas of everything that routes take and answer."""

    def __init__(self, about: Document, routes: list[Route]) -> None:
        kinds: list[Any] = [about.error, *about.fields.values()]
        for route in routes:
            kinds += route.body.kinds if route.body is not None else ()
            for answer in route.answers:
                kinds += answer.events if answer.kind is None else (answer.kind,)
        made, components = msgspec.json.schema_components(kinds, ref_template=_REF)
        self._said = [(msgspec.json.schema(kind), words) for kind, words in about.said]
        self._made = {id(kind): self._plain(schema) for kind, schema in zip(kinds, made, strict=True)}
        for (struct, field), kind in about.fields.items():
            own = components[struct]["properties"][field]
            kept = {key: own[key] for key in ("default", "description") if key in own}
            components[struct]["properties"][field] = self._made[id(kind)] | kept
        self.components: Json = self._plain(dict(sorted(components.items())))

    def of(self, kind: Any) -> Json:
        """The schema of a type that a route names."""
        schema: Json = self._made[id(kind)]
        return schema

    def _plain(self, schema: Any) -> Any:
        """A schema as people read and write it, without what only our decoders know."""
        if isinstance(schema, list):
            return [self._plain(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        for other, words in self._said:
            if schema.items() >= other.items():
                own = {key: value for key, value in schema.items() if key not in {*other, "default"}}
                return {**words, **own}
        found = {key: self._plain(value) for key, value in schema.items() if key not in _AS_IT_IS}
        found |= {key: schema[key] for key in ("default", "description") if schema.get(key) is not None}
        if "properties" in schema:
            found |= self._fields(schema)
        if "enum" in schema and all(isinstance(word, str) for word in schema["enum"]):
            found["type"] = "string"
        if "pattern" in schema:
            found["pattern"] = schema["pattern"].replace("\\Z", "$")
        if "additionalProperties" in schema:
            others = schema["additionalProperties"]
            found |= {"additionalProperties": self._plain(others)} if others is not True else {}
        return _nullable(found)

    def _fields(self, schema: Json) -> Json:
        every: Json = schema["properties"]
        known = {name: self._plain(one) for name, one in every.items() if not name.startswith(_DERIVED)}
        about = cleandoc(schema.get("description", ""))
        if len(known) < len(every):  # what follows tells of fields that are derived
            about = about.partition(". ")[0].rstrip(".") + "."
        return {"properties": known, "description": about} if about else {"properties": known}


def _nullable(schema: Json) -> Json:
    """`anyOf` of plain types, null among them, as a list of types."""
    options = schema.get("anyOf", [])
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if options and all(one.keys() == {"type"} for one in options):
        return {"type": [one["type"] for one in options], **rest}
    if len(options) == 2 and options[1] == {"type": "null"}:
        one = options[0]
        words = {"enum": [*one["enum"], None]} if "enum" in one else {}
        if isinstance(one.get("type"), str):
            return {**one, **rest, **words, "type": [one["type"], "null"]}
    return schema


def _operation(about: Document, route: Route, schemas: _Schemas) -> Json:
    parameters = [*(about.names[name] for name in route.names), *route.parameters]
    operation: Json = {
        "operationId": route.operation_id or _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
        "security": _security(about, route),
        "parameters": [parameter.document() for parameter in parameters],
        "responses": {str(status): _listed(about, route, status, schemas) for status in route.statuses},
    }
    if route.description:
        operation["description"] = route.description
    if route.body is not None:
        operation["requestBody"] = _body(route.body, schemas)
    return operation


def _operation_id(route: Route) -> str:
    words = [word for word in re.split(r"[/{}-]", route.template) if word and word != "v1"]
    return "_".join((route.method.lower(), *words))


def _security(about: Document, route: Route) -> list[Json]:
    schemes = [name for key in sorted(route.keys) for name in about.credentials[key]]
    return [{name: []} for name in dict.fromkeys(schemes)]


def _body(body: Body, schemas: _Schemas) -> Json:
    kinds = [schemas.of(kind) for kind in body.kinds]
    schema: Json = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if body.items_max:
        several = {"type": "array", "minItems": 1, "maxItems": body.items_max, "items": schema}
        schema = {"anyOf": [schema, several]}
    content: Json = {"schema": schema}
    if not body.examples and not any(body_fields(kind) for kind in body.kinds):
        content["example"] = {}
    elif len(body.examples) == 1:
        (content["example"],) = body.examples.values()
    elif body.examples:
        content["examples"] = {
            name: {"summary": name.replace("_", " "), "value": value} for name, value in body.examples.items()
        }
    size = f"At most {body.bytes_max:,} bytes."
    media = [body.content_type, *([_FORM] if body.form else [])]
    return {"required": body.required, "description": size, "content": dict.fromkeys(media, content)}


def _listed(about: Document, route: Route, status: int, schemas: _Schemas) -> Json:
    if status == 431:
        return {"$ref": f"#/components/responses/{_TOO_MANY_HEADERS}"}
    response = _response(about, route, status, schemas)
    if route.page:
        response["content"][_HTML] = {"schema": {"type": "string"}, "example": _PAGE}
    if status in _BEFORE_ROUTES:
        response["content"][_PLAIN_TEXT] = {"schema": {"$ref": _REF.format(name="HttpRefusal")}}
    return response


def _too_many_headers() -> Json:
    return {
        "description": "Too many or too large headers, trailers, or bytes between chunks: 200 headers and "
        "64 KiB beside a body at most.",
        "content": {_PLAIN_TEXT: {"schema": {"$ref": _REF.format(name="HttpRefusal")}}},
    }


def _response(about: Document, route: Route, status: int, schemas: _Schemas) -> Json:
    for answer in route.answers:
        if answer.status == status:
            return _answer(about, answer, schemas)
    refusal = about.refusals[status]
    content: Json = {"schema": schemas.of(about.error)}
    if refusal.example is not None:
        content["example"] = msgspec.to_builtins(refusal.example)
    response: Json = {"description": refusal.description, "content": {"application/json": content}}
    if status in _WAITS:
        response["headers"] = _headers(RETRY_AFTER)
    return response


def _answer(about: Document, answer: Answer, schemas: _Schemas) -> Json:
    if not answer.content_type:
        return {"description": answer.description}
    schema: Json = {"type": "string"} if answer.kind is None else schemas.of(answer.kind)
    if answer.status in about.refusals:  # which may come before the route is asked
        schema = {"anyOf": [schema, schemas.of(about.error)]}
    content: Json = {"schema": schema}
    if answer.example is not None:
        content["example"] = answer.example
    response: Json = {"description": answer.description, "content": {answer.content_type: content}}
    headers = {**about.headers, **answer.headers}
    if headers:
        response["headers"] = _headers(headers)
    return response


def _headers(headers: Mapping[str, Header]) -> Json:
    return {
        name: {"description": header.description, "schema": header.kind.schema()}
        for name, header in headers.items()
    }
