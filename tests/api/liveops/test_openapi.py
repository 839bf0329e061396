"""S3's document: every route is in it, and what is answered fits it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
import schemathesis

from api.liveops.http import Route
from api.liveops.openapi import s3_document
from tests.api.liveops.test_players import DEFINITION, SECRET, grant, movement
from tests.api.liveops.world import open_world

if TYPE_CHECKING:
    import httpx

DOCUMENT = s3_document()


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


def test_every_read_is_documented_and_the_document_is_one() -> None:
    reads = {path for path, methods in DOCUMENT["paths"].items() if "get" in methods}
    assert reads == {route.value for route in Route}
    operations = list(schemathesis.openapi.from_dict(s3_document()).get_all_operations())
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
        paths = {
            Route.PING: "/sdk/v1/ping",
            Route.CATALOG: "/sdk/v1/catalog",
            Route.EVENTS: "/sdk/v1/players/p1/events",
            Route.PENDING_GRANTS: "/sdk/v1/players/p1/pending-grants",
            Route.INVENTORY: "/sdk/v1/players/p1/inventory",
            Route.WALLET: "/sdk/v1/players/p1/wallet",
            Route.LEADERBOARD: f"/sdk/v1/leaderboards/{board_id}?includeSelf=1&externalId=p2",
            Route.LOBBY: "/sdk/v1/lobbies/lob_no",
            Route.SERVER_PLAYER: "/server/v1/players/p1",
            Route.SERVER_LEDGER: "/server/v1/players/p1/ledger",
        }
        for route, path in paths.items():
            for key, secret in ((reads.directory.server, None), (reads.directory.live, SECRET), ("no", None)):
                fits(route.value, await reads.get(path, key=key, secret=secret))
