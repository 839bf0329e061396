"""A player's story over HTTP: what was answered is read, retries act once, errors are the contract's."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

from tests.outside.players import SdkPlayer
from tests.outside.world import World

pytestmark = pytest.mark.stack


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_progress_moves_the_board_and_a_retry_moves_it_once(world: World) -> None:
    player = SdkPlayer(world)
    started = player.start()
    attempt, board = started["attempt"]["id"], started["leaderboardId"]
    path = f"events/relay-points/attempts/{attempt}/progress"
    body = {"mode": "increment", "metricValue": 7, "idempotencyKey": "one"}
    first, again = player.post(path, body), player.post(path, body)
    assert first.status_code == 200
    assert again.content == first.content
    assert again.headers["idempotency-key"] == "one"
    assert error(player.post(path, body | {"metricValue": 8})) == (409, "conflict")
    view = world.http.get(
        f"/sdk/v1/leaderboards/{board}",
        params={"limit": 1, "includeSelf": "true", "externalId": player.external_id},
        headers=player.headers(),
    ).json()
    assert (view["self"]["score"], view["self"]["externalId"]) == (7.0, player.external_id)
    assert view["self"]["rank"] == first.json()["leaderboard"]["rank"]
    ended = player.post(path, {"mode": "set", "metricValue": 9}).json()
    assert ended["attempt"]["status"] == "completed"
    assert error(player.post(path, {"mode": "increment", "metricValue": 1})) == (409, "conflict")


def test_progress_reaches_listeners_and_resumes(world: World) -> None:
    player = SdkPlayer(world)
    started = player.start()
    path = f"events/relay-points/attempts/{started['attempt']['id']}/progress"
    url = f"/sdk/v1/leaderboards/{started['leaderboardId']}/stream"
    heard: list[str] = []

    def listen(headers: dict[str, str], until: int) -> None:
        with world.http.stream("GET", url, headers=headers) as stream:
            for line in stream.iter_lines():
                heard.append(line)
                if sum(player.external_id in one for one in heard) >= until:
                    return

    first = threading.Thread(target=listen, args=(player.headers(), 1))
    first.start()
    while not any("ready" in line for line in heard):
        first.join(0.05)
    assert player.post(path, {"mode": "increment", "metricValue": 1}).status_code == 200
    first.join(60)
    assert not first.is_alive()
    told = json.loads(next(line for line in heard if player.external_id in line).removeprefix("data:"))
    assert (told["score"], told["previousScore"], told["leaderboardId"]) == (
        1.0,
        None,
        started["leaderboardId"],
    )
    last_id = [line for line in heard if line.startswith("id:")][-1].removeprefix("id:").strip()
    assert player.post(path, {"mode": "increment", "metricValue": 1}).status_code == 200
    second = threading.Thread(target=listen, args=(player.headers(**{"last-event-id": last_id}), 2))
    second.start()
    second.join(60)
    assert not second.is_alive()


def test_a_grant_is_claimed_once_and_a_crate_rolled_once(world: World) -> None:
    player = SdkPlayer(world)
    grant, crate = player.give(5), player.give(6, crate=True)
    assert player.post(f"grants/{grant}/claim").json()["grant"]["ackedBy"] == "sdk"
    assert player.post(f"grants/{grant}/claim").json()["grant"]["status"] == "claimed"
    assert error(player.post(f"grants/{crate}/claim")) == (409, "conflict")
    assert error(player.post(f"crates/{grant}/open")) == (409, "conflict")
    opened = [player.post(f"crates/{crate}/open").json() for _ in range(2)]
    assert opened[0]["contents"]["id"] == opened[1]["contents"]["id"]
    (pending,) = player.get("pending-grants").json()["grants"]
    assert pending["parentGrantId"] == crate
    assert player.post(f"grants/{pending['id']}/claim").status_code == 200
    assert player.get("wallet").json()["wallet"][0]["balance"] == 11
    assert error(player.post("grants/nobody-gave-this/claim")) == (404, "not_found")


def test_money_is_never_negative_and_every_movement_is_in_the_ledger(world: World) -> None:
    player = SdkPlayer(world)
    player.credit(10)
    assert player.post("wallet/gold/debit", {"amount": 4, "reason": "shop"}).json()["entry"]["balance"] == 6
    poor = player.post("wallet/gold/debit", {"amount": 7})
    assert error(poor) == (409, "conflict")
    assert poor.json()["error"]["details"]["reason"] == "insufficient_balance"
    assert error(player.post("wallet/silver/debit", {"amount": 1})) == (409, "conflict")
    server = {"authorization": f"Bearer {world.keys['relay_lo_srv']}"}
    ledger = world.http.get(f"{player.server_path}/ledger", headers=server).json()["ledger"]
    assert [(row["amount"], row["balance"], row["cause"]) for row in ledger] == [
        (-4, 6, "debit"),
        (10, 10, "credit"),
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("wallet/gold/debit", {}),
        ("wallet/gold/debit", {"amount": 0}),
        ("wallet/gold/debit", {"amount": 1.5}),
        ("wallet/gold/debit", {"amount": 2**63}),
        ("inventory/medkit/consume", {"quantity": "1"}),
        ("events/relay-points/start", {"playerContext": 7}),
        ("events/relay-points/attempts/x/progress", {"metricValue": 1}),
        ("events/relay-points/attempts/x/progress", {"mode": "sideways", "metricValue": 1}),
        ("events/relay-points/attempts/x/progress", {"mode": "set", "occurredAt": "yesterday"}),
    ],
)
def test_a_wrong_body_is_named(world: World, path: str, body: dict[str, object]) -> None:
    answer = SdkPlayer(world).post(path, body)
    assert error(answer) == (400, "validation_failed")
    assert answer.json()["error"]["details"]["field"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"amount":1e999}', b"[" * 9_000, b"null"])
def test_what_is_no_object_is_400(world: World, body: bytes) -> None:
    player = SdkPlayer(world)
    answer = world.http.post(f"{player.path}/wallet/gold/debit", content=body, headers=player.headers())
    assert error(answer) == (400, "validation_failed")


def test_paths_methods_and_sizes_have_the_surface_s_errors(world: World) -> None:
    player = SdkPlayer(world)
    headers = player.headers()
    assert world.http.get(f"{player.path}/register", headers=headers).status_code == 405
    assert error(world.http.post(f"{player.path}/nothing", headers=headers)) == (404, "not_found")
    large = b'{"reason":"' + b"x" * 70_000 + b'"}'
    path = f"{player.path}/wallet/gold/debit"
    assert world.http.post(path, content=large, headers=headers).status_code == 413
    preflight = world.http.options(path, headers={"origin": "https://game.example"})
    assert preflight.status_code == 204
    assert "X-Player-Secret" in preflight.headers["access-control-allow-headers"]
    two = headers | {"idempotency-key": "a"}
    both = world.http.post(path, json={"amount": 1, "idempotencyKey": "b"}, headers=two)
    assert error(both) == (400, "validation_failed")
    assert error(player.post("events/nothing/start")) == (404, "not_found")


def test_a_second_registration_is_refused_and_the_server_rotates(world: World) -> None:
    player = SdkPlayer(world)
    assert error(player.post("register")) == (409, "conflict")
    forced = world.http.post(f"{player.path}/register?force=true", headers=player.headers())
    assert error(forced) == (409, "conflict"), "a live key can't force"
    rotated = player.server("secret").json()["secret"]
    assert error(player.get("wallet")) == (401, "unauthorized")
    player.secret = rotated
    assert player.get("wallet").status_code == 200
