"""Routes as records: what is found in a path, what can be answered, and what the document says."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from schemas.edge.openapi import Document, Refusal, document
from schemas.edge.parameters import Integer, Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Body, Route, RouteTable, bind

_KEYS = frozenset({KeyKind.SDK_LIVE})


class Error(msgspec.Struct):
    error: str


class Thing(msgspec.Struct, rename={"size_b": "size", "at_ms": "·at_ms"}):
    """Something. `at_ms` is derived."""

    size_b: Annotated[int, Meta(ge=1)]
    title: str | None = None
    at_ms: int = 0


def route(template: str, name: str = "", **more: Any) -> Route:
    fields: dict[str, Any] = {
        "name": name or template,
        "method": "GET",
        "template": template,
        "summary": "",
        "tag": "",
        "keys": _KEYS,
        "answers": (Answer(kind=Thing, description="Done."),),
    }
    return Route(**(fields | more))


ROUTES = [
    route("/v1/ping"),
    route("/v1/players/{player}/wallet"),
    route("/v1/players/{player}/wallet/{key}/debit"),
    route("/v1/players/{player}/items/{key}/debit"),
    route("/v1/players/{player}"),
]
TABLE = RouteTable(ROUTES)


def found(path: str, raw: bytes | None = None) -> tuple[str, dict[str, str]] | None:
    one = TABLE.find({"path": path, "raw_path": path.encode() if raw is None else raw})
    return None if one is None else (one.route.template, dict(one.names))


def test_a_path_that_begins_as_no_template_does_is_not_looked_at_further() -> None:
    class Scope(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            raise AssertionError(f"{key} was asked for, or {default}")

    for path in ("/v1/lobbies/1/wallet", "/v1/pin", "/v1/players"):
        assert TABLE.find(Scope(path=path)) is None
    assert found("/v1/players/a", raw=b"/v1/pl%61yers/a") == ("/v1/players/{player}", {"player": "a"})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/ping", ("/v1/ping", {})),
        ("/v1/players/p1", ("/v1/players/{player}", {"player": "p1"})),
        (
            "/v1/players/p1/items/gold/debit",
            ("/v1/players/{player}/items/{key}/debit", {"player": "p1", "key": "gold"}),
        ),
        ("/v1/players/", None),
        ("/v1/players//wallet", None),
        ("/v1/players/p1/wallet/", None),
        ("/v1/players/p1/wallet/gold", None),
        ("/v2/ping", None),
        ("/v1/ping/", None),
        ("", None),
    ],
)
def test_a_path_names_a_route(path: str, expected: tuple[str, dict[str, str]] | None) -> None:
    assert found(path) == expected


def test_an_encoded_slash_is_part_of_an_id() -> None:
    assert found("/v1/players/a/b/wallet", b"/v1/players/a%2Fb/wallet?x=%2F") == (
        "/v1/players/{player}/wallet",
        {"player": "a/b"},
    )


def test_what_cannot_be_told_apart_or_served_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="twice"):
        RouteTable([route("/v1/{a}"), route("/v1/{b}")])
    with pytest.raises(ValueError, match="missing"):
        bind([route("/v1/a", "a"), route("/v1/b", "missing")], {"a": 1})


def test_statuses_follow_from_the_record() -> None:
    body = Body(kinds=(Thing,), bytes_max=1)
    assert route("/a", keys=frozenset()).statuses == [200, 400, 431, 500, 503]
    assert route("/a", errors=(404,)).statuses == [200, 400, 401, 404, 429, 431, 500, 503]
    assert route("/a", body=body).statuses == [200, 400, 401, 408, 413, 415, 429, 431, 500, 503]


def test_the_document_says_what_the_records_say() -> None:
    limit = Parameter(name="limit", kind=Integer(1, 200), description="Page size.", default=50)
    about = Document(
        title="Things",
        description="",
        credentials={KeyKind.SDK_LIVE: {"bearer": {"type": "http", "scheme": "bearer"}}},
        error=Error,
        refusals={status: Refusal(str(status)) for status in (400, 401, 408, 413, 415, 429, 500, 503)},
        names={"id": Parameter(name="id", kind=Text(1, 9), place="path", description="An id.")},
    )
    body = Body(kinds=(Thing,), bytes_max=10, items_max=3, required=False)
    one = document(about, [route("/things/{id}", method="POST", parameters=(limit,), body=body)])
    operation = one["paths"]["/things/{id}"]["post"]
    assert operation["operationId"] == "post_things_id"
    assert operation["security"] == [{"bearer": []}]
    assert [(parameter["name"], parameter["required"]) for parameter in operation["parameters"]] == [
        ("id", True),
        ("limit", False),
    ]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["anyOf"][1]["maxItems"] == 3
    assert sorted(operation["responses"]) == [
        "200",
        "400",
        "401",
        "408",
        "413",
        "415",
        "429",
        "431",
        "500",
        "503",
    ]
    assert "Retry-After" in operation["responses"]["429"]["headers"]
    assert one["components"]["schemas"]["Thing"] == {
        "type": "object",
        "description": "Something.",
        "properties": {"size": {"type": "integer", "minimum": 1}, "title": {"type": ["string", "null"]}},
        "required": ["size"],
    }
    with pytest.raises(KeyError):
        document(about, [route("/things", errors=(404,))])
