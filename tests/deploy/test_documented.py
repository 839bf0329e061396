"""The check of what was answered against what is listed finds what it is there for."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from tests.documented import documented

JSON = "application/json"


def answered(method: str, path: str, status: int, body: object) -> None:
    documented().check(method, path, status, JSON, json.dumps(body).encode())


def test_what_is_listed_passes() -> None:
    answered("POST", "/api/events", 200, {"status": "queued"})
    answered("GET", "/api/v1/games", 401, {"error": "Missing bearer token"})
    error = {"error": {"code": "conflict", "message": "m", "details": {}}}
    answered("POST", "/sdk/v1/players/a%2Fb/wallet/gold/debit", 409, error)
    answered("GET", "/api/nothing", 418, {})
    answered("OPTIONS", "/api/events", 204, {})


def test_a_status_that_is_missing_fails() -> None:
    with pytest.raises(AssertionError, match="POST /api/export answered 403, which is not listed"):
        answered("POST", "/api/export", 403, {"error": "forbidden", "message": "m"})
    with pytest.raises(AssertionError, match="not listed"):
        answered("HEAD", "/sdk/v1/ping", 404, {})


def test_a_body_that_does_not_fit_fails() -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        answered("POST", "/api/events", 200, {"status": "done"})


def test_another_media_type_fails() -> None:
    with pytest.raises(AssertionError, match="text/html"):
        documented().check("GET", "/sdk/v1/ping", 200, "text/html", b"")
