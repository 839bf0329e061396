"""Leaderboards and lobbies through ASGI."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from schemas.fleet.ports import Given, GivenRow
from schemas.fleet.views import Port, Server
from schemas.liveops.event_windows import LobbyStatus
from schemas.liveops.ports import LobbyRow
from tests.api.liveops.world import World, entries

pytestmark = pytest.mark.stack


async def test_the_first_entries_and_ones_own_place(reads: World) -> None:
    board_id = reads.board("a", [30.0, 20.0, 10.5])
    response = await reads.get(f"/sdk/v1/leaderboards/{board_id}?limit=2&includeSelf=true&externalId=p3")
    assert response.status_code == 200
    body = response.json()
    assert body["entries"] == [
        {
            "rank": 1,
            "externalId": "p1",
            "score": 30.0,
            "achievedAt": "1970-01-01T00:00:01.001Z",
            "isBot": False,
        },
        {
            "rank": 2,
            "externalId": "p2",
            "score": 20.0,
            "achievedAt": "1970-01-01T00:00:01.002Z",
            "isBot": False,
        },
    ]
    assert body["self"] == {
        "rank": 3,
        "externalId": "p3",
        "score": 10.5,
        "achievedAt": "1970-01-01T00:00:01.003Z",
        "isBot": False,
    }
    assert {
        name: body[name] for name in ("leaderboardId", "eventKey", "windowId", "finalized", "totalPlayers")
    } == {
        "leaderboardId": board_id,
        "eventKey": "weekly",
        "windowId": "w_1_2",
        "finalized": False,
        "totalPlayers": 3,
    }
    assert response.headers["ratelimit-limit"] == "600"
    assert response.headers["ratelimit-remaining"] == "599"
    assert int(response.headers["ratelimit-reset"]) >= 1
    assert response.headers["access-control-allow-origin"] == "*"
    stranger = await reads.get(f"/sdk/v1/leaderboards/{board_id}?includeSelf=true&externalId=nobody")
    assert stranger.json()["self"] is None


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1.5",
        "limit=",
        "limit=1&limit=2",
        "includeSelf=maybe",
        "includeSelf=true&externalId=",
    ],
)
async def test_invalid_parameters_are_400(reads: World, query: str) -> None:
    board_id = reads.board("a", [1.0])
    response = await reads.get(f"/sdk/v1/leaderboards/{board_id}?{query}")
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "validation_failed"
    assert error["details"]["field"] in query
    assert "ratelimit-limit" in response.headers


async def test_other_games_boards_and_lobbies_are_404(reads: World) -> None:
    board_id = reads.board("a", [1.0])
    reads.rows.lobbies["lob_1"] = LobbyRow(
        id="lob_1",
        game_id=reads.game.id,
        event_key="duel",
        window_id="w_1_2",
        status="forming",
        size=4,
        players=[("p1", 5)],
        bots=0,
        fills_at_ms=20_000,
    )
    for path in (f"leaderboards/{board_id}", f"leaderboards/{board_id}/stream", "lobbies/lob_1"):
        for key, name in ((reads.directory.foreign, path), (reads.directory.live, path.replace("_", "_no"))):
            response = await reads.get(f"/sdk/v1/{name}", key=key)
            assert response.status_code == 404
            assert response.json()["error"]["code"] == "not_found"
    lobby = await reads.get("/sdk/v1/lobbies/lob_1")
    assert lobby.json() == {
        "lobby": {
            "id": "lob_1",
            "eventKey": "duel",
            "status": "forming",
            "size": 4,
            "players": [{"externalId": "p1", "joinedAt": "1970-01-01T00:00:00.005Z"}],
            "bots": 0,
            "fillsAt": "1970-01-01T00:00:20.000Z",
            "server": None,
        }
    }


SERVER = Server(
    instance_id="s0",
    studio_id="studio_1",
    game_id="game_1",
    name="duel",
    phase="starting",
    region="eu-west",
    compute_size="micro",
    version_tag="duel",
    version=1,
    build_id="build_1",
    created_at_ms=1,
    updated_at_ms=1,
    ports=[Port(name="game", internal_port=7777, protocol="udp", external_port=31_000, host="192.0.2.7")],
)
REACHED = [{"name": "game", "protocol": "udp", "host": "192.0.2.7", "port": 31_000, "tlsEnabled": False}]


@pytest.mark.parametrize(
    ("lobby", "given", "shown"),
    [
        ("active", None, ("launching", None, [], None)),
        ("closed", None, ("stopped", None, [], None)),
        ("active", Given(GivenRow("", "quota_exceeded"), None), ("refused", None, [], "quota_exceeded")),
        ("active", Given(GivenRow("s0", ""), replace(SERVER, phase="queued")), ("launching", "s0", [], None)),
        ("active", Given(GivenRow("s0", ""), SERVER), ("launching", "s0", [], None)),
        (
            "active",
            Given(GivenRow("s0", ""), replace(SERVER, phase="running")),
            ("running", "s0", REACHED, None),
        ),
        (
            "closed",
            Given(GivenRow("s0", ""), replace(SERVER, phase="stopping")),
            ("stopped", "s0", [], None),
        ),
        ("active", Given(GivenRow("s0", ""), None), ("stopped", "s0", [], None)),
    ],
)
async def test_a_lobby_names_its_server(
    reads: World, lobby: LobbyStatus, given: Given | None, shown: tuple[object, ...]
) -> None:
    reads.rows.lobbies["lob_1"] = LobbyRow(
        id="lob_1",
        game_id=reads.game.id,
        event_key="duel",
        window_id="w_1_2",
        status=lobby,
        size=2,
        players=[("p1", 5), ("p2", 6)],
        bots=0,
        fills_at_ms=20_000,
        server_region="eu-west",
    )
    if given is not None:
        reads.rows.servers["lob_1"] = given
    answer = (await reads.get("/sdk/v1/lobbies/lob_1")).json()["lobby"]
    names = ("status", "instanceId", "ports", "error")
    assert answer["server"] == dict(zip(names, shown, strict=True)) | {"region": "eu-west"}


async def test_a_view_is_looked_up_once_a_second_and_self_is_always_exact(reads: World) -> None:
    board_id = reads.board("a", [5.0, 4.0])
    path = f"/sdk/v1/leaderboards/{board_id}?limit=10"
    await asyncio.gather(*(reads.get(path) for _ in range(20)))
    assert reads.rows.asked == 1
    reads.rows.entries[board_id] = [*entries([9.0, 5.0]), entries([0.0, 0.0, 4.0])[2]]
    assert (await reads.get(path)).json()["entries"][0]["score"] == 5.0
    own = (await reads.get(f"{path}&includeSelf=true&externalId=p1")).json()
    assert own["self"]["score"] == 9.0
    assert own["entries"][0] == own["self"]  # a place among the entries is never contradicted by them
    reads.now += 1.0
    assert (await reads.get(path)).json()["entries"][0]["score"] == 9.0


async def test_a_finalized_board_comes_from_clickhouse_and_until_then_from_redis(reads: World) -> None:
    board_id = reads.board("a", [5.0, 4.0], finalized_at_ms=5, total_players=2)
    path = f"/sdk/v1/leaderboards/{board_id}?limit=10&includeSelf=true&externalId=p2"
    for reads.rows.final_away in (True, False):
        body = (await reads.get(path)).json()
        assert (body["finalized"], body["totalPlayers"], len(body["entries"])) == (True, 2, 2)
        assert body["self"]["rank"] == 2
        reads.now += 2
    reads.rows.final[board_id] = reads.rows.entries.pop(board_id)
    body = (await reads.get(path)).json()
    assert (body["totalPlayers"], [entry["score"] for entry in body["entries"]]) == (2, [5.0, 4.0])
    assert body["self"]["rank"] == 2


async def test_a_finalized_board_that_neither_store_has_is_503(reads: World) -> None:
    board_id = reads.board("a", [], finalized_at_ms=5, total_players=2)
    response = await reads.get(f"/sdk/v1/leaderboards/{board_id}")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "unavailable")
    assert response.headers["retry-after"]
