from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.edge_app import EdgeApp
from deploy.settings import from_environment
from schemas.edge.target import target_problem

LATIN = "%E9x"
S3 = {"error": {"code": "validation_failed", "message": ..., "details": {}}}
SURFACES: dict[str, Any] = {
    f"/sdk/v1/players/{LATIN}/wallet": S3,
    f"/sdk/v1/players/{LATIN}/wallet/gold/debit": S3,
    f"/server/v1/players/{LATIN}": S3,
    f"/api/v1/testers/doom/{LATIN}": {"error": "Invalid payload", "issues": ...},
    f"/api/v1/playtests/{LATIN}": {"error": {"code": "BAD_REQUEST", "message": ...}, "meta": ...},
    f"/api/{LATIN}": {"error": "invalid_payload", "message": ...},
    f"/api/v3/servers/{LATIN}": {"error": ..., "detail": ..., "status": 400, "code": "invalid_payload"},
    f"/objects/{LATIN}": {"error": "invalid_payload", "message": ...},
    f"/dashboard/data/player?player={LATIN}": {"error": "bad_parameter", "message": ...},
    f"/sdk/v1/leaderboards/lb_1?includeSelf=true&externalId={LATIN}": S3,
}


@pytest.mark.parametrize("target", SURFACES)
async def test_what_is_not_utf_8_is_400_in_each_surface_s_shape(target: str) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("nobody reads a body here")

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": path.replace(LATIN, "�x"),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
    }
    assert target_problem(path.encode(), query.encode()) is not None
    await EdgeApp("edge", from_environment())(scope, receive, send)
    head, body = sent
    assert head["status"] == 400
    headers = dict(head["headers"])
    assert headers[b"content-length"] == b"%d" % len(body["body"])
    assert (b"access-control-allow-origin" in headers) == path.startswith(("/sdk/", "/api/v3"))
    content = json.loads(body["body"])
    wanted = SURFACES[target]
    assert "UTF-8" in body["body"].decode()
    assert shape(content, wanted) == wanted


def shape(content: Any, wanted: Any) -> Any:
    """The content with `...` where anything may be."""
    if wanted is ...:
        return ...
    if isinstance(wanted, dict) and isinstance(content, dict):
        return {name: shape(value, wanted.get(name)) for name, value in content.items()}
    return content
