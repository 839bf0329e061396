"""Turns red where a new uvicorn does otherwise what `deploy.http_protocol` and its kin replace."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from deploy.edge_protocol import EdgeProtocol, WholeAnswers
from deploy.http_cycles import ExpectingCycle, Http10Cycle


def used_on(source: str, *owners: str) -> set[str]:
    """The attributes that code asks of `self.<owner>`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(textwrap.dedent(source)))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr in owners
    }


def test_whatever_a_cycle_asks_of_its_transport_is_there() -> None:
    asked = set()
    for cycle in (RequestResponseCycle, ExpectingCycle, Http10Cycle):
        asked |= used_on(inspect.getsource(cycle), "transport")
    assert {"write", "close", "is_closing"} <= asked  # or this test reads the source wrongly
    assert asked <= set(dir(WholeAnswers))


def test_whatever_uvicorn_asks_of_a_cycle_and_its_protocol_is_there() -> None:
    source = inspect.getsource(HttpToolsProtocol)
    assert used_on(source, "cycle") <= set(vars(_cycle())) | set(dir(RequestResponseCycle))
    assert issubclass(EdgeProtocol, HttpToolsProtocol)


def _cycle() -> Any:
    names = inspect.signature(RequestResponseCycle).parameters
    return RequestResponseCycle(**dict.fromkeys(names, None))  # type: ignore[arg-type]  # only to be looked at


def test_what_is_replaced_has_not_changed_upstream() -> None:
    replaced: dict[Callable[..., Any], str] = {
        HttpToolsProtocol.data_received: "010a7ae59a5d3b1a",
        HttpToolsProtocol.on_headers_complete: "1ea8589acfad92d8",
        HttpToolsProtocol.on_body: "dba9c32aeba35b6a",
        HttpToolsProtocol.on_message_complete: "1fbad42dc31fc01f",
        HttpToolsProtocol.on_header: "65d62c044f61fdbd",
        HttpToolsProtocol.on_response_complete: "64e254f28e389e76",
        RequestResponseCycle.send: "abdd8601b326a8da",
        RequestResponseCycle.receive: "8124ae006be71184",
    }
    found = {
        method.__qualname__: hashlib.sha256(inspect.getsource(method).encode()).hexdigest()[:16]
        for method in replaced
    }
    assert found == {method.__qualname__: known for method, known in replaced.items()}, (
        f"read what changed in {httptools_impl.__file__}, follow it, then write the new hashes here"
    )
