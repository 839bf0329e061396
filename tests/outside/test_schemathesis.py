"""Schemathesis over S2's and S3's documents and a running stack: answers are as documented.

S3 is asked with a server's key: it needs no player secret and may use every route. Keys, secrets and rates
have tests of their own; that every answer is listed, `tests/documented.py` looks after as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

from tests.outside.playtests import Owner, new_playtester
from tests.outside.world import World
from tests.stack import QuestlogStack

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
    key = world.keys["relay_lo_srv"]
    assert examine(world, "s3", mode, lambda _: key) == {"GET", "POST"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_s2_s_document_holds(world: World, questlog_stack: QuestlogStack, mode: GenerationMode) -> None:
    """With ids of things that exist, whatever state earlier examples left them in."""
    owner = Owner(world, world.keys["wpg_sk"])
    tester = new_playtester(world, questlog_stack)
    order = owner.order(quantity=3)["id"]
    application = tester.apply(owner.order(selectionMode="manual")["id"])["id"]
    payment = owner.post("/billing/credit", {"amountCents": 2000}, status=201)["paymentId"]
    ids = {
        "gameId": "relay",
        "playtestId": order,
        "slotId": tester.claim(order)["id"],
        "applicationId": application,
        "paymentId": payment,
    }
    keys = {"Playtesters": tester.key, "Operator": world.demo["operator_token"]}

    def key_of(operation: Any) -> str:
        return str(keys.get(operation.definition.raw["tags"][0], owner.key))

    assert examine(world, "s2", mode, key_of, ids) == {"GET", "POST", "PATCH"}


def examine(
    world: World,
    name: str,
    mode: GenerationMode,
    key_of: Callable[[Any], str],
    ids: Mapping[str, str] | None = None,
) -> set[str]:
    """Ask every operation of a document; the methods there were. `ids` replace those of paths."""
    document = world.http.get(f"/docs/{name}/openapi.json").json()
    bodies = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation.pop("security", None)  # the key is given below
            # Header parameters would be refused for what HTTP itself refuses; other tests give them.
            operation["parameters"] = [one for one in operation["parameters"] if one["in"] != "header"]
            if operation.get("requestBody", {}).get("required"):
                bodies.add((method.upper(), path))
    listed: list[Any] = list(schemathesis.openapi.from_dict(document).get_all_operations())
    found = [one.ok() for one in listed]
    assert len(found) == sum(map(len, document["paths"].values()))
    checks = [*CHECKS, *([negative_data_rejection] if mode is GenerationMode.NEGATIVE else [])]

    def ask(operation: Any) -> None:
        headers = {"authorization": f"Bearer {key_of(operation)}"}

        @settings(
            max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            case.path_parameters = {
                name: (ids or {}).get(name, value) for name, value in (case.path_parameters or {}).items()
            }
            case.call_and_validate(base_url=world.demo["base_url"], headers=headers, checks=checks)

        holds()

    for operation in found:
        if mode is GenerationMode.POSITIVE or (operation.method.upper(), operation.path) in bodies:
            ask(operation)
    return {one.method.upper() for one in found}
