"""Schemathesis over the write surfaces' documents and a served gateway: answers are as documented.

That good data is accepted is not asked here: times must be near the arrival, which a schema can't say.
"""

from __future__ import annotations

import copy
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
import schemathesis
import uvicorn
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

from deploy.documents import documents
from tests.streams.gateway.world import World

DOCUMENTS = documents()
CHECKS: list[Any] = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
KEYS = {"s4": {"x-public-token": "token"}, "s1-ingest": {"authorization": "Bearer pl_ik_1"}}
PROTECTED = {"x-api-key": "secret"}


@schemathesis.serializer("application/msgpack")
def packed(_: Any, value: Any) -> bytes:
    try:
        body: bytes = msgpack.packb(value)
    except (ValueError, OverflowError, TypeError):  # what MessagePack can't hold can't be sent either
        return b"\xc1"
    return body


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(World().app, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listening.close()


def operations() -> Iterator[Any]:
    for name, ingest in KEYS.items():
        document = copy.deepcopy(DOCUMENTS[name])
        for path, methods in document["paths"].items():
            methods["post"].pop("security", None)  # the key is given below; refusals have tests of their own
            protected = path.startswith(("/api/models", "/api/sql"))
            keys = PROTECTED if protected else ingest
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                if mode is GenerationMode.POSITIVE or "requestBody" in methods["post"]:
                    yield pytest.param(name, path, keys, mode, id=f"{path}-{mode.value}")


@pytest.mark.parametrize(("name", "path", "headers", "mode"), list(operations()))
def test_the_document_holds(
    base_url: str, name: str, path: str, headers: dict[str, str], mode: GenerationMode
) -> None:
    document = copy.deepcopy(DOCUMENTS[name])
    operation_of = document["paths"][path]["post"]
    operation_of.pop("security", None)
    document["paths"] = {path: {"post": operation_of}}
    found: list[Any] = list(schemathesis.openapi.from_dict(document).get_all_operations())
    checks = list(CHECKS)
    if path != "/api/sql/select":  # which is 501 by contract
        checks.append(not_a_server_error)
    if mode is GenerationMode.NEGATIVE and name == "s1-ingest":
        checks.append(negative_data_rejection)

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(found[0].ok().as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        case.call_and_validate(base_url=base_url, headers=headers, checks=checks)

    holds()
