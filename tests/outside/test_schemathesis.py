"""Schemathesis over S3's document and a running stack, reads and writes: answers are as documented.

A server's key is asked with: it needs no player secret and may use every route. Keys, secrets and rates have
tests of their own; that every answer's status and body are listed, `tests/documented.py` looks after as well.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.outside.world import World

pytestmark = pytest.mark.stack

EXAMPLES = 8
CHECKS: list[Any] = [
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_s3_s_document_holds(world: World, mode: GenerationMode) -> None:
    document = world.http.get("/docs/s3/openapi.json").json()
    bodies = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation.pop("security", None)  # the key is given below
            # Header parameters would be refused for what HTTP itself refuses; bodies hold the same key.
            operation["parameters"] = [one for one in operation["parameters"] if one["in"] != "header"]
            if operation.get("requestBody", {}).get("required"):
                bodies.add((method.upper(), path))
    headers = {"authorization": f"Bearer {world.keys['relay_lo_srv']}"}
    listed: list[Any] = list(schemathesis.openapi.from_dict(document).get_all_operations())
    found = [one.ok() for one in listed]
    assert {one.method.upper() for one in found} == {"GET", "POST"}
    assert len(found) == sum(map(len, document["paths"].values()))

    def examine(operation: Any) -> None:
        checks = list(CHECKS)
        if mode is GenerationMode.NEGATIVE:
            checks.append(negative_data_rejection)

        @settings(
            max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            case.call_and_validate(base_url=world.demo["base_url"], headers=headers, checks=checks)

        holds()

    for operation in found:
        if mode is GenerationMode.POSITIVE or (operation.method.upper(), operation.path) in bodies:
            examine(operation)
