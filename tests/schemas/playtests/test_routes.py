"""S2's routes: the reference's are all there, a path is found as it is meant, and the document is whole."""

from __future__ import annotations

import re

import pytest

from schemas.edge.openapi import document
from schemas.playtests.owner_routes import TRIALS
from schemas.playtests.read_routes import READS
from schemas.playtests.route_parts import operation
from schemas.playtests.routes import ROUTES, WRITES, allowed, find_read, find_write
from schemas.playtests.surface import DOCUMENT

REFERENCE = """
GET /api/v1/games/:gameId/playtests
POST /api/v1/games/:gameId/playtests
GET /api/v1/playtests/:id
PATCH /api/v1/playtests/:id
GET /api/v1/playtests/:id/slots
GET /api/v1/playtests/slots/:id
POST /api/v1/playtests/slots/:id/accept
POST /api/v1/playtests/slots/:id/reject
GET /api/v1/playtests/:id/applications
POST /api/v1/playtests/playtest-applications/:id/approve
POST /api/v1/playtests/playtest-applications/:id/reject
GET /api/v1/playtests/slots/:id/download-url
GET /api/v1/playtests/slots/:id/transcript
GET /api/v1/playtests/submissions
GET /api/v1/playtests/dashboard/stats
"""


def scope(path: str) -> dict[str, object]:
    return {"path": path, "raw_path": path.encode()}


def test_every_route_of_the_reference_is_there() -> None:
    here = {f"{route.method} {re.sub(r'{[a-zA-Z]+}', ':id', route.template)}" for route in ROUTES}
    wanted = {re.sub(r":\w+", ":id", line) for line in REFERENCE.split("\n") if line}
    assert len(wanted) == 15
    assert wanted <= here


@pytest.mark.parametrize(
    ("path", "read", "write", "methods"),
    [
        ("/api/v1/playtests/dashboard/stats", "stats", None, "GET, HEAD"),
        ("/api/v1/playtests/me", "me", "change_me", "GET, HEAD, PATCH"),
        ("/api/v1/playtests/me/slots", "own_slots", None, "GET, HEAD"),
        ("/api/v1/playtests/me/applications", "own_applications", None, "GET, HEAD"),
        ("/api/v1/playtests/abc/slots", "list_slots", None, "GET, HEAD"),
        ("/api/v1/playtests/slots/abc", "get_slot", None, "GET, HEAD"),
        ("/api/v1/playtests/slots/abc/cancel", None, "cancel_slot", "POST"),
        ("/api/v1/playtests/abc/cancel", None, "cancel_order", "POST"),
        ("/api/v1/playtests/abc", "get_playtest", "change", "GET, HEAD, PATCH"),
        ("/api/v1/games/doom/playtests", "list_playtests", "order", "GET, HEAD, POST"),
        ("/api/v1/playtest-applications/abc/approve", None, "approve_application_alias", "POST"),
        ("/api/v1/playtests", None, None, ""),
        ("/api/v1/playtests/abc/nothing", None, None, ""),
    ],
)
def test_fixed_segments_win_over_names(path: str, read: str | None, write: str | None, methods: str) -> None:
    found_read, found_write = find_read(scope(path)), find_write(scope(path))
    assert (found_read and found_read.route.name) == read
    assert (found_write and found_write.route.name) == write
    assert allowed(scope(path)) == methods


def test_a_fixed_segment_is_no_id() -> None:
    found = find_read(scope("/api/v1/playtests/submissions"))
    assert found is not None
    assert found.route.name == "submissions"


def test_both_paths_of_an_application_are_one_operation() -> None:
    for path in (
        "/api/v1/playtests/playtest-applications/a/withdraw",
        "/api/v1/playtest-applications/a/withdraw",
    ):
        found = find_write(scope(path))
        assert found is not None
        assert operation(found.route) == "withdraw"
    assert len({route.name for route in ROUTES}) == len(ROUTES)


def test_the_document_lists_every_route_with_its_errors() -> None:
    made = document(DOCUMENT, ROUTES)
    assert sum(map(len, made["paths"].values())) == len(ROUTES) == len(READS) + len(WRITES)
    names = [operation["operationId"] for methods in made["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names)
    for route in ROUTES:
        wanted = {"400", "401", "429", "500", "503"} | (set() if not route.keys else {"403"})
        if route.method != "GET":
            wanted |= {"408", "413", "415", "422"}
        if "{" in route.template:
            wanted.add("404")
        listed = made["paths"][route.template][route.method.lower()]["responses"]
        assert wanted <= set(listed), route.name
        if route.method != "GET":
            assert "Idempotency-Key" in listed[min(listed)]["headers"], route.name
    assert all("403" not in made["paths"][route.template]["post"]["responses"] for route in TRIALS)
