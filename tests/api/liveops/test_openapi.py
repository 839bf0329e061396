"""S3's document: every route is in it, and what is answered fits it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
import schemathesis

from api.liveops.routes import ROUTES, STREAM
from deploy.documents import documents
from tests.api.liveops.test_players import DEFINITION, SECRET, grant, movement
from tests.api.liveops.world import open_world

if TYPE_CHECKING:
    import httpx

DOCUMENT = documents()["s3"]


def resolved(node: Any) -> Any:
    if isinstance(node, list):
        return [resolved(element) for element in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return resolved(DOCUMENT["components"]["schemas"][node["$ref"].rpartition("/")[2]])
    return {name: resolved(value) for name, value in node.items()}


def fits(template: str, response: httpx.Response) -> None:
    responses = DOCUMENT["paths"][template]["get"]["responses"]
    schema = responses[str(response.status_code)]["content"]["application/json"]["schema"]
    jsonschema_rs.Draft202012Validator(resolved(schema)).validate(response.json())


def test_the_document_is_one() -> None:
    operations = list(schemathesis.openapi.from_dict(documents()["s3"]).get_all_operations())
    assert len(operations) == sum(map(len, DOCUMENT["paths"].values()))
    known = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(DOCUMENT)))
    assert known <= set(DOCUMENT["components"]["schemas"])


@pytest.mark.stack
async def test_what_is_answered_fits_the_document(redis_url: str) -> None:
    async with open_world(redis_url, DEFINITION) as reads:
        game = reads.game.id
        reads.rows.register(game, "p1", SECRET)
        reads.rows.grants[game, "p1"] = [grant("g1")]
        reads.rows.ledgers[game, "p1"] = [movement(2), movement(1)]
        board_id = reads.board("a", [2.0, 1.0])
        ids = {"externalId": "p1", "leaderboardId": board_id, "lobbyId": "lob_no"}
        for route in ROUTES:
            if route is STREAM:
                continue
            path = route.template.format(**ids)
            if route.name == "leaderboard":
                path += "?includeSelf=1&externalId=p2"
            for key, secret in ((reads.directory.server, None), (reads.directory.live, SECRET), ("no", None)):
                fits(route.template, await reads.get(path, key=key, secret=secret))
