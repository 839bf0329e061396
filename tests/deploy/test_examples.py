"""Every parameter, body and answer of every surface has an example that is one: it fits schema and struct."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from api import health
from api.mcp import document as mcp
from api.playtests import batch_routes
from api.telemetry import ai_routes, experiment_section, tester_routes
from api.telemetry import routes as telemetry_reads
from deploy.nouns import NOUNS
from schemas.edge.openapi import Document, document
from schemas.edge.routes import Route

S1_READS = (telemetry_reads, tester_routes, ai_routes, batch_routes, experiment_section, health)
SURFACES: dict[str, tuple[Document, tuple[Route, ...]]] = {
    "s1": (telemetry_reads.DOCUMENT, tuple(route for part in S1_READS for route in part.ROUTES)),
    "mcp": (mcp.DOCUMENT, tuple(mcp.ROUTES)),
    **{
        name: (about, tuple(routes))
        for noun in NOUNS
        for name, (about, routes) in noun.served().documents.items()
    },
}
"""All but the dashboard's own data, which follows its pages."""
DOCUMENTS = {name: document(about, routes) for name, (about, routes) in SURFACES.items()}
OPERATIONS = [
    (name, path, method)
    for name, made in DOCUMENTS.items()
    for path, operations in made["paths"].items()
    for method in operations
]
ROUTES = [(name, route) for name, (_, routes) in SURFACES.items() for route in routes]
GENERATED = {"string", "additionalProp1"}
"""What Swagger UI shows where it has to make a value up."""


def resolved(made: dict[str, Any], node: Any) -> Any:
    if isinstance(node, list):
        return [resolved(made, one) for one in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        found: Any = made
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return resolved(made, found)
    return {name: resolved(made, value) for name, value in node.items()}


def shown(content: dict[str, Any]) -> list[Any]:
    if "examples" in content:
        return [example["value"] for example in content["examples"].values()]
    return [content["example"]] if "example" in content else content["schema"].get("examples", [])


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


def parts(made: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for parameter in operation["parameters"]:
        yield f"parameter {parameter['name']}", parameter
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"request {media}", content
    for status, answer in operation["responses"].items():
        for media, content in resolved(made, answer).get("content", {}).items():
            yield f"{status} {media}", content


@pytest.mark.parametrize(("name", "path", "method"), OPERATIONS)
def test_every_part_has_an_example_in_its_schema(name: str, path: str, method: str) -> None:
    made = DOCUMENTS[name]
    for where, given in parts(made, made["paths"][path][method]):
        part = resolved(made, given)
        check = jsonschema_rs.Draft202012Validator(part["schema"])
        assert shown(part), where
        for example in shown(part):
            assert [error.message for error in check.iter_errors(example)] == [], where
            assert not GENERATED.intersection(filter(lambda leaf: isinstance(leaf, str), leaves(example)))


def missing(given: Any, kept: Any, place: str) -> Iterator[str]:
    """Names of an example that its struct does not have."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            if name not in kept:
                yield f"{place}.{name}"
            else:
                yield from missing(value, kept[name], f"{place}.{name}")
    elif isinstance(given, list) and isinstance(kept, list):
        for index, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from missing(one, other, f"{place}[{index}]")


def read_back(example: Any, kind: Any) -> Any:
    """The example as its struct has it. Raises msgspec.ValidationError."""
    return msgspec.json.decode(
        msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(example), type=kind))
    )


@pytest.mark.parametrize(("name", "route"), ROUTES, ids=[f"{name}-{route.name}" for name, route in ROUTES])
def test_the_structs_take_the_examples(name: str, route: Route) -> None:
    given: list[tuple[Any, tuple[Any, ...]]] = [
        (answer.example, (answer.kind,)) for answer in route.answers if answer.kind is not None
    ]
    if route.body is not None:
        for value in route.body.examples.values():
            given += [(one, route.body.kinds) for one in (value if isinstance(value, list) else [value])]
    for example, kinds in given:
        problems = []
        for kind in kinds:
            try:
                kept = read_back(example, kind)
            except msgspec.ValidationError as error:
                problems.append(str(error))
                continue
            unknown = list(missing(example, kept, name))
            if not unknown:
                break
            problems += unknown
        else:
            raise AssertionError(problems)
