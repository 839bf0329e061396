"""Every answer that a test's client gets is one that its document lists, in the schema that it gives.

The clients of the contract tests ask here: a status that a route answers and does not list, or a body that
does not fit, fails the test that met it. Paths that no document has are not looked at, nor are methods that a
path does not take (405, preflights).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
import msgspec

from api import health
from api.playtests import batch_routes
from api.telemetry import ai_routes, experiment_section, tester_routes
from api.telemetry import routes as telemetry_reads
from deploy.documents import documents
from schemas.edge.openapi import document

Json = dict[str, Any]


class Documented:
    """What OpenAPI documents list. Of those that have a path the one with the fewest names answers for it."""

    def __init__(self, listed: list[Json]) -> None:
        paths = [
            (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))), template, operations, one)
            for one in listed
            for template, operations in one["paths"].items()
        ]
        self._paths = sorted(paths, key=lambda path: path[1].count("{"))
        self._validators: dict[tuple[str, str, int], jsonschema_rs.Draft202012Validator] = {}

    def operations(self) -> Iterator[tuple[str, str]]:
        """Method and template of each."""
        for _, template, operations, _ in self._paths:
            for method in operations:
                yield method.upper(), template

    def check(self, method: str, raw_path: str, status: int, content_type: str, body: bytes) -> None:
        """Raise AssertionError for an answer that its document does not have."""
        for pattern, template, operations, one in self._paths:
            if pattern.fullmatch(raw_path) is None:
                continue
            name = "get" if method == "HEAD" else method.lower()
            operation = operations.get(name)
            if operation is None:
                return
            answer = operation["responses"].get(str(status))
            if answer is not None and "$ref" in answer:
                answer = one["components"]["responses"][answer["$ref"].rpartition("/")[2]]
            assert answer is not None, f"{method} {template} answered {status}, which is not listed: {body!r}"
            if "content" not in answer:
                assert (content_type, body) == ("", b""), f"{method} {template} {status} has no body"
                return
            media = content_type.partition(";")[0]
            assert media in answer["content"], f"{method} {template} {status} answered {media}"
            if media == "application/json" and method != "HEAD":
                key = (name, template, status)
                if key not in self._validators:
                    schema = answer["content"][media]["schema"] | {"components": one["components"]}
                    self._validators[key] = jsonschema_rs.Draft202012Validator(schema)
                self._validators[key].validate(msgspec.json.decode(body))
            return


@cache
def documented() -> Documented:
    """Of all surfaces."""
    own = (telemetry_reads, tester_routes, ai_routes, batch_routes, experiment_section, health)
    reads = document(telemetry_reads.DOCUMENT, [route for part in own for route in part.ROUTES])
    return Documented([*documents().values(), reads])


def _check(response: httpx.Response) -> None:
    headers: Mapping[str, str] = response.headers
    request = response.request
    path = request.url.raw_path.partition(b"?")[0].decode()
    media = headers.get("content-type", "")
    body = response.content if response.is_closed else b""
    documented().check(request.method, path, response.status_code, media, body)


def _is_stream(response: httpx.Response) -> bool:
    media: str = response.headers.get("content-type", "")
    return media.startswith("text/event-stream")


def hook(response: httpx.Response) -> None:
    """For `httpx.Client(event_hooks={"response": [hook]})`."""
    if not _is_stream(response):
        response.read()
    _check(response)


async def async_hook(response: httpx.Response) -> None:
    """For `httpx.AsyncClient(event_hooks={"response": [async_hook]})`."""
    if not _is_stream(response):
        await response.aread()
    _check(response)
