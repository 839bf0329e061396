"""Every S3 route x whose key, whose player, which kind: the documented status, never another's data."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.outside.players import SdkPlayer
from tests.outside.world import World, questlog
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

WRITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("events/relay-points/start", {}),
    ("events/relay-points/attempts/{attempt}/progress", {"mode": "increment", "metricValue": 1}),
    ("grants/{grant}/claim", {}),
    ("crates/{crate}/open", {}),
    ("inventory/medkit/consume", {"quantity": 1}),
    ("wallet/gold/debit", {"amount": 1}),
)
READS = ("events", "pending-grants", "inventory", "wallet")
SERVER_WRITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("secret", {}),
    ("wallet/gold/credit", {"amount": 1}),
    ("inventory/medkit/grant", {"quantity": 1}),
    ("grants", {"entries": [{"type": "currency", "key": "gold", "quantity": 1}]}),
)
SERVER_READS = ("", "/ledger")
RELAY = ("--studio", "demo", "--game", "relay", "--json")


@pytest.fixture(scope="module")
def owner(world: World) -> tuple[SdkPlayer, dict[str, str]]:
    """A player with something to steal, and the ids of it."""
    player = SdkPlayer(world)
    player.credit(100)
    started = player.start()
    ids = {
        "attempt": started["attempt"]["id"],
        "board": started["leaderboardId"],
        "grant": player.give(),
        "crate": player.give(crate=True),
    }
    return player, ids


def calls(player: SdkPlayer, ids: dict[str, str]) -> list[tuple[str, str, Any]]:
    """Every player-scoped call of the SDK."""
    writes = [("POST", f"{player.path}/{path.format(**ids)}", body) for path, body in WRITES]
    return writes + [("GET", f"{player.path}/{path}", None) for path in READS]


def game_wide_calls(ids: dict[str, str]) -> list[tuple[str, str, Any]]:
    """Every call that is about no player."""
    paths = (
        "/sdk/v1/ping",
        "/sdk/v1/catalog",
        f"/sdk/v1/leaderboards/{ids['board']}",
        f"/sdk/v1/leaderboards/{ids['board']}/stream",
        "/sdk/v1/lobbies/lob_nothing",
    )
    return [("GET", path, None) for path in paths]


def server_calls(player: SdkPlayer) -> list[tuple[str, str, Any]]:
    writes = [("POST", f"{player.server_path}/{path}", body) for path, body in SERVER_WRITES]
    return writes + [("GET", f"{player.server_path}{path}", None) for path in SERVER_READS]


def ask(world: World, call: tuple[str, str, Any], **headers: str) -> httpx.Response:
    method, path, body = call
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.http.request(method, path, json=body, headers=named)


def test_without_a_key_with_a_wrong_one_and_with_another_kind_s_nothing_is_told(
    world: World, owner: tuple[SdkPlayer, dict[str, str]]
) -> None:
    player, ids = owner
    kinds = ("pl_mgmt", "pl_ik", "public_token", "secret_api_key", "pf", "pfclient", "wpg_sk")
    wrong = [world.keys[kind] for kind in kinds]
    wrong += [world.keys["relay_lo_live"] + "x", "lo_live_", "lo_srv_" + "0" * 40]
    every = [*calls(player, ids), *server_calls(player), *game_wide_calls(ids)]
    for index, call in enumerate(every):
        assert ask(world, call).status_code == 401, call
        key = wrong[index % len(wrong)]
        answer = ask(world, call, authorization=f"Bearer {key}", x_player_secret=player.secret)
        assert answer.status_code in {401, 429}, (call, key, answer.text)


def test_a_revoked_and_a_rotated_key_open_nothing_any_more(
    world: World, questlog_stack: QuestlogStack, owner: tuple[SdkPlayer, dict[str, str]]
) -> None:
    player, ids = owner
    sdk = [*calls(player, ids), *game_wide_calls(ids)]
    for kind, every in (("lo_live", sdk), ("lo_test", sdk), ("lo_srv", server_calls(player))):
        made = [json.loads(_keys(questlog_stack, "create", kind, *RELAY)) for _ in range(2)]
        probe = next(call for call in every if call[0] == "GET")
        for key in made:
            assert _with(world, probe, player, key["value"]).status_code == 200
        _keys(questlog_stack, "revoke", made[0]["key_id"])
        second = json.loads(_keys(questlog_stack, "rotate", made[1]["key_id"], "--json"))
        assert _with(world, probe, player, second["value"]).status_code == 200
        for call in every:
            for key in made:
                answer = _with(world, call, player, key["value"])
                assert answer.status_code in {401, 429}, (call, answer.text)


def _with(world: World, call: tuple[str, str, Any], player: SdkPlayer, key: str) -> httpx.Response:
    return ask(world, call, authorization=f"Bearer {key}", x_player_secret=player.secret)


def _keys(stack: QuestlogStack, *arguments: str) -> str:
    return questlog(stack, "keys", *arguments)


def test_another_player_s_secret_opens_nothing(world: World, owner: tuple[SdkPlayer, dict[str, str]]) -> None:
    player, ids = owner
    thief = SdkPlayer(world)
    key = f"Bearer {world.keys['relay_lo_live']}"
    for call in calls(player, ids):
        assert ask(world, call, authorization=key).status_code == 401, call
        answer = ask(world, call, authorization=key, x_player_secret=thief.secret)
        assert answer.status_code == 401, (call, answer.text)
    for path in (f"grants/{ids['grant']}/claim", f"crates/{ids['crate']}/open"):
        assert thief.post(path).status_code == 404
    progress = f"events/relay-points/attempts/{ids['attempt']}/progress"
    assert thief.post(progress, {"mode": "increment", "metricValue": 1}).status_code == 404


def test_another_studio_s_keys_see_another_player_of_the_same_name(
    world: World, owner: tuple[SdkPlayer, dict[str, str]]
) -> None:
    player, ids = owner
    live, server = world.other["keys"]["lo_live"], world.other["keys"]["lo_srv"]
    assert ask(
        world, ("GET", f"{player.path}/pending-grants", None), authorization=f"Bearer {live}"
    ).json() == {"grants": []}
    for path in (f"grants/{ids['grant']}/claim", f"crates/{ids['crate']}/open"):
        theirs = ask(world, ("POST", f"{player.path}/{path}", {}), authorization=f"Bearer {server}")
        assert theirs.status_code == 404, theirs.text
    for path in (f"/sdk/v1/leaderboards/{ids['board']}", f"/sdk/v1/leaderboards/{ids['board']}/stream"):
        assert ask(world, ("GET", path, None), authorization=f"Bearer {live}").status_code == 404
    assert ask(world, ("GET", player.server_path, None), authorization=f"Bearer {server}").status_code == 404
    ledger = ask(world, ("GET", f"{player.server_path}/ledger", None), authorization=f"Bearer {server}")
    assert ledger.status_code == 404 or ledger.json()["ledger"] == []


def test_an_sdk_key_can_t_mint_and_another_game_s_key_sees_nothing(
    world: World, owner: tuple[SdkPlayer, dict[str, str]]
) -> None:
    player, ids = owner
    for call in server_calls(player):
        answer = ask(
            world,
            call,
            authorization=f"Bearer {world.keys['relay_lo_live']}",
            x_player_secret=player.secret,
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), call
    doom = f"Bearer {world.keys['lo_live']}"
    board = ask(world, ("GET", f"/sdk/v1/leaderboards/{ids['board']}", None), authorization=doom)
    assert board.status_code == 404
    balance = ask(
        world,
        ("GET", player.server_path, None),
        authorization=f"Bearer {world.keys['relay_lo_srv']}",
    ).json()["wallet"][0]["balance"]
    assert balance == 100
