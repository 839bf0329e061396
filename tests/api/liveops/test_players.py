"""One player's reads through ASGI: keys, secrets, limits, shapes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from schemas.edge.ports import Limits
from schemas.liveops.names import board_id
from schemas.liveops.ports import HoldingRow, LedgerRow, RunRow
from schemas.liveops.views import Attempt, Grant, GrantEntry, Movement
from tests.api.liveops.world import World, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "s"  # noqa: S105 - a test's
pytestmark = pytest.mark.stack

DEFINITION: dict[str, Any] = {
    "catalog": {
        "inventoryMode": "platform",
        "items": [{"itemKey": "medkit", "name": "Medkit", "metadata": {"heals": 25}}],
        "currencies": [{"economyKey": "gold", "name": "Gold"}],
    },
    "events": [
        {
            "eventKey": "weekly",
            "name": "Weekly",
            "mode": "global",
            "window": {"every": "week"},
            "metrics": {"frags": {}},
            "scoreFormula": "frags",
            "target": {"metric": "frags", "value": 100},
            "attemptCap": 3,
            "rewards": [
                {"trigger": "completed", "entries": [{"type": "currency", "key": "gold", "quantity": 5}]},
                {
                    "trigger": "rank <= 3",
                    "crate": {
                        "table": [
                            {"weight": 1, "entries": [{"type": "item", "key": "medkit", "quantity": 1}]}
                        ]
                    },
                },
            ],
        },
        {
            "eventKey": "past",
            "name": "Past",
            "mode": "global",
            "window": {"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2020-01-02T00:00:00Z"},
            "metrics": {"frags": {}},
            "scoreFormula": "frags",
        },
        {
            "eventKey": "leagues",
            "name": "Leagues",
            "mode": "segmented",
            "segmentBy": "league",
            "window": {"every": "month"},
            "metrics": {"points": {}},
            "scoreFormula": "points",
            "matchmaking": {"size": 4},
        },
    ],
}


@pytest.fixture
async def reads(redis_url: str) -> AsyncIterator[World]:
    async with open_world(redis_url, DEFINITION) as world:
        yield world


def grant(identifier: str, **fields: Any) -> Grant:
    row: dict[str, Any] = {
        "id": identifier,
        "kind": "reward",
        "status": "pending",
        "event_key": "weekly",
        "attempt_id": "a",
        "trigger": "completed",
        "entries": [GrantEntry(type="currency", key="gold", quantity=5)],
        "created_at_ms": 1_000,
    }
    return Grant(**(row | fields))


def movement(number: int) -> LedgerRow:
    moved = Movement(
        number=number,
        type="currency",
        key="gold",
        amount=1,
        balance=number,
        cause="credit",
        command_id=f"c{number}",
    )
    return LedgerRow(movement=moved, at_ms=number)


@pytest.mark.parametrize(
    ("kind", "key_type", "environment"),
    [("live", "client_sdk", "live"), ("test", "client_sdk", "test"), ("server", "server_api", "live")],
)
async def test_ping_says_whose_key_it_is(reads: World, kind: str, key_type: str, environment: str) -> None:
    key = getattr(reads.directory, kind)
    for headers in ({"authorization": f"Bearer {key}"}, {"x-api-key": key}):
        response = await reads.http.get("/sdk/v1/ping", headers=headers)
        assert response.status_code == 200
        body = response.json()
        assert body.pop("serverTime").endswith("Z")
        assert body == {"ok": True, "gameId": reads.game.id, "keyType": key_type, "environment": environment}
        assert response.headers["ratelimit-limit"] == ("6000" if kind == "server" else "600")


async def test_keys_of_other_surfaces_and_none_are_401(reads: World) -> None:
    for headers in (
        {},
        {"authorization": f"Bearer {reads.directory.management}"},
        {"authorization": f"Bearer {reads.directory.token}"},
        {"x-api-key": "lo_live_unknown"},
    ):
        for path in ("/sdk/v1/ping", "/server/v1/players/p", "/sdk/v1/leaderboards/lb_1/stream"):
            response = await reads.http.get(path, headers=headers)
            assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized")


async def test_methods_and_preflights(reads: World) -> None:
    refused = await reads.http.post("/sdk/v1/ping")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert refused.json()["error"]["code"] == "method_not_allowed"
    preflight = await reads.http.options("/sdk/v1/players/p/wallet", headers={"origin": "https://game"})
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert "X-Player-Secret" in preflight.headers["access-control-allow-headers"]
    assert (await reads.http.options("/server/v1/players/p")).status_code == 405


async def test_who_needs_the_players_secret(reads: World) -> None:
    game = reads.game.id
    always, later = ("inventory", "wallet"), ("events", "pending-grants")

    async def status(part: str, secret: str | None = None, key: str | None = None) -> int:
        response = await reads.get(f"/sdk/v1/players/a%2Fb/{part}", key=key, secret=secret)
        assert response.status_code == 200 or response.json()["error"]["code"] == "unauthorized"
        assert "ratelimit-limit" in response.headers
        return response.status_code

    for registered in (False, True):
        reads.rows.register(game, "a/b", "right" if registered else "")
        assert [await status(part) for part in always] == [401, 401]
        assert [await status(part) for part in later] == ([401, 401] if registered else [200, 200])
        assert [await status(part, "wrong") for part in always] == [401, 401]
        assert [await status(part, key=reads.directory.server) for part in (*always, *later)] == [200] * 4
    assert [await status(part, "right") for part in (*always, *later)] == [200] * 4
    reads.rows.register(game, "a/b", "new")
    assert await status("wallet", "new") == 200  # a mismatch is looked up again
    assert await status("wallet", "right") == 401
    reads.rows.register(game, "a/b", "newer")
    reads.now += 1.0
    assert await status("wallet", "new") == 401


async def test_limits_count_for_each_key_and_player(redis_url: str) -> None:
    async with open_world(redis_url, limits=Limits(sdk_read_per_minute=2.0)) as reads:
        path = "/sdk/v1/players/p1/pending-grants"
        assert [(await reads.get(path)).status_code for _ in range(3)] == [200, 200, 429]
        refused = await reads.get(path)
        assert refused.json()["error"]["code"] == "rate_limited"
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert refused.headers["ratelimit-limit"] == "2"
        assert refused.headers["ratelimit-remaining"] == "0"
        assert (await reads.get(path, key=reads.directory.test)).status_code == 200
        assert (await reads.get(path.replace("p1", "p2"))).status_code == 200
        assert (await reads.get(path, key=reads.directory.server)).status_code == 200
    async with open_world(redis_url, limits=Limits(sdk_read_per_minute=None)) as reads:
        unlimited = await reads.get("/sdk/v1/ping")
        assert "ratelimit-limit" not in unlimited.headers


async def test_events_with_an_open_window_and_the_players_run(reads: World) -> None:
    first = (await reads.get("/sdk/v1/players/p1/events?status=active")).json()["events"]
    assert [event["eventKey"] for event in first] == ["weekly", "leagues"]
    weekly = first[0]
    window = weekly["windowId"]
    assert weekly["leaderboardId"] == board_id(reads.game.id, "weekly", window)
    assert weekly["target"] == {"metric": "frags", "value": 100.0}
    assert (weekly["attemptsUsed"], weekly["attemptCap"], weekly["activeAttemptId"]) == (0, 3, None)
    assert weekly["rewards"] == [
        {
            "trigger": "completed",
            "kind": "reward",
            "entries": [{"type": "currency", "key": "gold", "quantity": 5}],
        },
        {"trigger": "rank <= 3", "kind": "crate", "entries": []},
    ]
    assert (first[1]["leaderboardId"], first[1]["matchmaking"], first[1]["target"]) == (None, True, None)
    attempt = Attempt(
        id="a1",
        event_key="weekly",
        window_id=window,
        board_id=weekly["leaderboardId"],
        status="active",
        metrics={"frags": 1.0},
        score=1.0,
        started_at_ms=5,
    )
    reads.rows.run_rows[reads.game.id, "p1", "weekly", window] = RunRow(
        event_key="weekly", window_id=window, attempts_used=2, attempt=attempt
    )
    again = (await reads.get("/sdk/v1/players/p1/events")).json()["events"][0]
    assert (again["attemptsUsed"], again["activeAttemptId"]) == (2, "a1")
    for wrong in ("all", "", "Active"):
        assert (await reads.get(f"/sdk/v1/players/p1/events?status={wrong}")).status_code == 400


async def test_pending_grants_leave_out_expired_ones(reads: World) -> None:
    past, future = int(time.time() * 1000) - 10_000, int(time.time() * 1000) + 60_000
    assert (await reads.get("/sdk/v1/players/new/pending-grants")).json() == {"grants": []}
    reads.rows.grants[reads.game.id, "p1"] = [
        grant("g3", expires_at_ms=future),
        grant("g2", expires_at_ms=past),
        grant("g1", kind="crate", entries=[], event_key=None, attempt_id=None, trigger="server"),
    ]
    shown = (await reads.get("/sdk/v1/players/p1/pending-grants")).json()["grants"]
    assert [one["id"] for one in shown] == ["g3", "g1"]
    assert shown[1] == {
        "id": "g1",
        "kind": "crate",
        "status": "pending",
        "source": {"eventKey": None, "attemptId": None, "trigger": "server"},
        "entries": [],
        "parentGrantId": None,
        "ackedBy": None,
        "createdAt": "1970-01-01T00:00:01.000Z",
        "claimedAt": None,
        "expiresAt": None,
    }
    limited = await reads.get("/sdk/v1/players/p1/pending-grants?limit=1")
    assert [one["id"] for one in limited.json()["grants"]] == ["g3"]
    for wrong in ("0", "201", "-1", "x"):
        assert (await reads.get(f"/sdk/v1/players/p1/pending-grants?limit={wrong}")).status_code == 400


async def test_catalog_wallet_and_inventory(reads: World) -> None:
    game = reads.game.id
    reads.rows.register(game, "p1", SECRET)
    reads.rows.wallets[game, "p1"] = [HoldingRow(key="gold", quantity=0, updated_at_ms=7)]
    reads.rows.items[game, "p1"] = [HoldingRow(key="medkit", quantity=2**63 - 1, updated_at_ms=7)]
    assert (await reads.get("/sdk/v1/catalog")).json() == DEFINITION["catalog"]
    at = "1970-01-01T00:00:00.007Z"
    wallet = await reads.get("/sdk/v1/players/p1/wallet", secret=SECRET)
    assert wallet.json() == {"wallet": [{"economyKey": "gold", "balance": 0, "updatedAt": at}]}
    items = await reads.get("/sdk/v1/players/p1/inventory", secret=SECRET)
    assert items.json() == {"items": [{"itemKey": "medkit", "quantity": 2**63 - 1, "updatedAt": at}]}


async def test_a_studios_server_sees_everything_of_a_player(reads: World) -> None:
    game, server = reads.game.id, reads.directory.server
    assert (await reads.get("/server/v1/players/p1", key=server)).status_code == 404
    reads.rows.register(game, "p1", SECRET)
    reads.rows.ledgers[game, "p1"] = [movement(number) for number in range(130, 30, -1)]
    reads.rows.old_ledgers[game, "p1"] = [movement(number) for number in range(130, 0, -1)]
    body = (await reads.get("/server/v1/players/p1", key=server)).json()
    assert set(body) == {"player", "wallet", "inventory", "pendingGrants", "runs", "ledger"}
    assert body["player"] == {
        "externalId": "p1",
        "createdAt": "1970-01-01T00:00:00.001Z",
        "registered": True,
    }
    assert body["ledger"][0]["number"] == 130
    numbers, cursor, pages = [], "", 0
    while True:
        page = (await reads.get(f"/server/v1/players/p1/ledger?limit=40{cursor}", key=server)).json()
        numbers += [row["number"] for row in page["ledger"]]
        pages += 1
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert (numbers, pages) == (list(range(130, 0, -1)), 4)
    for path in ("/server/v1/players/p1", "/server/v1/players/p1/ledger"):
        assert (await reads.get(path)).status_code == 403
        assert (await reads.get(path)).json()["error"]["code"] == "forbidden"
    assert (await reads.get("/server/v1/players/p1/ledger?cursor=x", key=server)).status_code == 400
