"""S5's routes as records: every documented one, both versions, and which methods a path takes."""

from __future__ import annotations

import pytest

from schemas.edge.openapi import document
from schemas.fleet.routes import (
    DOCUMENTED,
    V2_DOCUMENTED,
    V2_STATUS,
    WRITES,
    allowed,
    find_read,
    find_write,
    operation,
)
from schemas.fleet.surface import DOCUMENT, V2_DOCUMENT

REFERENCE = """
GET /v3/servers · POST /v3/servers/start · GET /v3/servers/:instance_id · POST /v3/servers/:instance_id/update
DELETE /v3/servers/:instance_id · POST /v3/servers/:instance_id/restart · GET /v3/servers/:instance_id/logs
GET /v3/servers/:instance_id/metrics · GET /v3/builds · POST /v3/builds/upload-url
POST /v3/builds/docker-image · POST /v3/builds/:build_id/process · GET /v3/builds/:build_id
DELETE /v3/builds/:build_id · GET /v3/builds/:build_id/logs · GET /v3/projects/settings
POST /v3/projects/settings · GET /v3/projects/logs
"""


def scope(path: str) -> dict[str, object]:
    return {"path": path, "raw_path": path.encode()}


def test_the_reference_s_eighteen_routes_are_there() -> None:
    listed = {
        "{} /api{}".format(*one.split())
        for line in REFERENCE.splitlines()
        for one in line.split("·")
        if one.strip()
    }
    ours = {
        f"{route.method} {route.template.replace('{', ':').replace('}', '')}"
        for route in DOCUMENTED
        if route.template != "/api/health"
    }
    assert len(listed) == 18
    assert ours == listed


@pytest.mark.parametrize("path", ["/api/v2/servers", "/api/v2/servers/", "/api/v3/servers"])
def test_v2_is_v3_under_another_root_and_takes_trailing_slashes(path: str) -> None:
    found = find_read(scope(path))
    assert found is not None
    assert operation(found.route) == "list_servers"


def test_v3_takes_no_trailing_slash() -> None:
    assert find_read(scope("/api/v3/servers/")) is None
    assert allowed(scope("/api/v3/nothing")) == ""


def test_a_path_says_its_methods() -> None:
    assert allowed(scope("/api/v3/servers/x")) == "GET, HEAD, DELETE"
    assert allowed(scope("/api/v3/projects/settings")) == "GET, HEAD, POST"
    assert allowed(scope("/api/v3/servers/x/update")) == "POST"
    assert allowed(scope("/api/v3/servers/start")) == "POST"
    assert allowed(scope("/api/v2/servers/x/update/")) == "POST, PUT"


def test_the_same_key_means_the_same_in_both_versions() -> None:
    old, new = (find_write(scope(f"/api/{version}/servers/start"), "POST") for version in ("v2", "v3"))
    assert old is not None
    assert new is not None
    assert operation(old.route) == operation(new.route) == "start_server"
    twice = find_write(scope("/api/v2/builds/builds/upload-url"), "POST")
    assert twice is not None
    assert operation(twice.route) == "upload_url"
    put = find_write(scope("/api/v2/servers/x/update"), "PUT")
    assert put is not None
    assert put.route is V2_STATUS


def test_every_write_names_its_command() -> None:
    assert all(route.command is not None for route in (*WRITES, V2_STATUS))


@pytest.mark.parametrize(("about", "routes"), [(DOCUMENT, DOCUMENTED), (V2_DOCUMENT, V2_DOCUMENTED)])
def test_documents_are_made_of_the_records(about: object, routes: object) -> None:
    made = document(about, routes)  # type: ignore[arg-type] # as in the table above
    assert made["components"]["schemas"]["ServerResource"]["properties"]["custom_data"]["type"] == [
        "object",
        "null",
    ]
