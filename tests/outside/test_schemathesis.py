"""Schemathesis over documents and a running stack: S2's, S3's, S5's; of S1 some, and MCP.

S3 is asked with a server's key: it needs no player secret and may use every route. Keys, secrets and rates
have tests of their own; that every answer is listed, `tests/documented.py` looks after as well.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from requests.adapters import HTTPAdapter
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.outside.batches import BatchStudio
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
def test_the_document_of_assignments_holds(world: World, mode: GenerationMode) -> None:
    key = world.demo["other"]["keys"]["pl_ik"]
    assert examine(world, "s1-assignments", mode, lambda _: key) == {"GET"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_document_of_discord_holds(world: World, mode: GenerationMode) -> None:
    """The key is in the URL; texts of any kind end in a session, whose rows and findings are made of them."""

    def with_key() -> requests.Session:
        session = requests.Session()
        session.params = {"key": world.keys["pl_mgmt"]}
        return session

    assert examine(world, "s1-discord", mode, lambda _: "", session=with_key) == {"POST"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_document_of_mcp_holds(world: World, mode: GenerationMode) -> None:
    """Messages of any kind: few are of the protocol, and each of the others is refused as listed."""
    key = world.keys["pl_mgmt"]
    assert examine(world, "mcp", mode, lambda _: key) == {"POST"}


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


class FromAnyAddress(HTTPAdapter):
    """Each call comes from another address of this machine: there are limits by address."""

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        address = f"127.1.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}"
        super().init_poolmanager(*arguments, source_address=(address, 0), **more)


def anybody() -> requests.Session:
    """Somebody who has not called before."""
    session = requests.Session()
    session.mount("http://", FromAnyAddress())
    return session


@pytest.fixture(scope="module")
def batches(
    world: World, questlog_stack: QuestlogStack, tmp_path_factory: pytest.TempPathFactory
) -> BatchStudio:
    made = BatchStudio(world, questlog_stack, tmp_path_factory.mktemp("batches"))
    made.keys("mint", "arena", "ptb_open", "5")
    return made


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_document_of_links_and_claims_holds(
    world: World, batches: BatchStudio, mode: GenerationMode
) -> None:
    ids = {"token": batches.share().rpartition("/")[2]}
    methods = examine(world, "s1-keys", mode, lambda _: batches.ingest_key, ids, session=anybody)
    assert methods == {"GET", "POST", "DELETE"}


def test_the_document_of_s1_s_batch_reads_holds(world: World, batches: BatchStudio) -> None:
    ids = {"game": "arena", "batch_id": "ptb_open"}

    def reads(path: str) -> bool:
        return path.startswith(("/api/v1/batches", "/api/v1/handles"))

    key = batches.management
    assert examine(world, "s1", GenerationMode.POSITIVE, lambda _: key, ids, chosen=reads) == {"GET"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("version", ["s5", "s5-v2"])
def test_s5_s_documents_hold(world: World, mode: GenerationMode, version: str) -> None:
    """With a build that exists. Over its rate, which ten writes a second soon are, an answer is 429."""
    key = world.keys["pf"]
    made = world.http.post("/api/v3/builds/upload-url?name=schemathesis", headers={"api-key": key}).json()
    ids = {"build_id": made.get("build_id", "build_none"), "instance_id": str(uuid.UUID(int=7))}
    methods = {"GET", "POST", "DELETE"} | ({"PUT"} if version == "s5-v2" else set())
    checks = [no_defect if check is not_a_server_error else check for check in CHECKS]
    assert examine(world, version, mode, lambda _: key, ids, header="api-key", checks=checks) == methods


def no_defect(_context: Any, response: Any, _case: Any) -> None:
    """That no host has room is no defect; every other 5xx is one."""
    assert response.status_code < 500 or response.json()["code"] == "no_capacity"


def examine(
    world: World,
    name: str,
    mode: GenerationMode,
    key_of: Callable[[Any], str],
    ids: Mapping[str, str] | None = None,
    *,
    chosen: Callable[[str], bool] = lambda _path: True,
    session: Callable[[], requests.Session] = requests.Session,
    header: str = "authorization",
    checks: Sequence[Any] = CHECKS,
) -> set[str]:
    """Ask every operation of a document whose path is chosen; the methods. `ids` replace those of paths.

    Each call has a session of its own.
    """
    document = world.http.get(f"/docs/{name}/openapi.json").json()
    document["paths"] = {path: one for path, one in document["paths"].items() if chosen(path)}
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
    checks = [*checks, *([negative_data_rejection] if mode is GenerationMode.NEGATIVE else [])]

    def ask(operation: Any) -> None:
        key = key_of(operation)
        headers = {header: f"Bearer {key}" if header == "authorization" else key}

        @settings(
            max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            case.path_parameters = {
                name: (ids or {}).get(name, value) for name, value in (case.path_parameters or {}).items()
            }
            with session() as own:
                case.call_and_validate(
                    base_url=world.demo["base_url"], headers=headers, checks=checks, session=own
                )

        holds()

    for operation in found:
        if mode is GenerationMode.POSITIVE or (operation.method.upper(), operation.path) in bodies:
            ask(operation)
    return {one.method.upper() for one in found}
