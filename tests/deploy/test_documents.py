from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from deploy.documents import documents
from schemas.telemetry.s1 import validate_batch
from schemas.telemetry.s1_feedback import decode_feedback
from schemas.telemetry.s4 import validate
from streams.gateway.s1_routes import BATCH, FEEDBACK
from streams.gateway.s4_routes import ITEMS
from tests.schemas.telemetry.s4_samples import NOW, pack

DOCUMENTS = documents()


def resolved(document: dict[str, Any], node: Any) -> Any:
    """The node with references written out."""
    if isinstance(node, list):
        return [resolved(document, element) for element in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return resolved(document, found)
    return {name: resolved(document, value) for name, value in node.items()}


def contents(document: dict[str, Any], operations: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a path's operations take and answer, each with where it stands."""
    for method, operation in operations.items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield f"{method} request", content
        for status, answer in operation["responses"].items():
            for content in resolved(document, answer).get("content", {}).values():
                yield f"{method} {status}", content


@pytest.mark.parametrize(
    ("name", "path"), [(name, path) for name, document in DOCUMENTS.items() for path in document["paths"]]
)
def test_every_example_fits_its_schema(name: str, path: str) -> None:
    document = DOCUMENTS[name]
    for where, content in contents(document, document["paths"][path]):
        check = jsonschema_rs.Draft202012Validator(resolved(document, content["schema"]))
        examples = [example["value"] for example in content.get("examples", {}).values()]
        for example in [content["example"]] if "example" in content else examples:
            problems = [error.message for error in check.iter_errors(example)]
            assert problems == [], where


def test_the_examples_are_accepted() -> None:
    validate(pack(list(ITEMS.values())), NOW)
    validate_batch(json.dumps(BATCH).encode(), 1_779_000_000_000)
    decode_feedback(json.dumps(FEEDBACK).encode())
