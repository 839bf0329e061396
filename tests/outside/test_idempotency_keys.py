"""A key is one text in a body and in a header; what some client's header can't carry is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.outside.players import SdkPlayer
from tests.outside.world import World, unique

pytestmark = pytest.mark.stack

ANDROID = "c2FtcGxlIGtleSBvZiBBbmRyb2lk\n"
"""What Android's Base64.encodeToString gives by default: it ends in a newline."""
BAD = (ANDROID, "a\r\nset-cookie: b", "a\x00b", "\x7f", " a", "a ", "clé", "ключ", "😀", "x" * 256, "")


def field_of(answer: httpx.Response) -> Any:
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]["details"]["field"]


@pytest.mark.parametrize("key", BAD)
def test_nothing_happens_under_a_key_that_can_not_be_sent_back(world: World, key: str) -> None:
    player = SdkPlayer(world)
    player.credit(10)
    grant = player.give()
    crate = player.give(crate=True)
    player.server("inventory/medkit/grant", {"quantity": 5})
    attempt = player.start()["attempt"]["id"]
    progress = f"events/relay-points/attempts/{attempt}/progress"
    before = world.http.get(player.server_path, headers=server(world)).json()
    for ask, path, body in (
        (player.post, "wallet/gold/debit", {"amount": 1}),
        (player.post, "inventory/medkit/consume", {"quantity": 1}),
        (player.post, "events/relay-points/start", {}),
        (player.post, progress, {"mode": "increment", "metricValue": 1}),
        (player.post, f"grants/{grant}/claim", {}),
        (player.post, f"crates/{crate}/open", {}),
        (player.post, "register", {}),
        (player.server, "wallet/gold/credit", {"amount": 1}),
        (player.server, "inventory/medkit/grant", {"quantity": 1}),
        (player.server, "grants", {"entries": [{"type": "currency", "key": "gold", "quantity": 1}]}),
        (player.server, "secret", {}),
    ):
        answer = ask(path, {**body, "idempotencyKey": key})
        assert field_of(answer) == "idempotencyKey", path
    assert world.http.get(player.server_path, headers=server(world)).json() == before


def server(world: World) -> dict[str, str]:
    return {"authorization": f"Bearer {world.keys['relay_lo_srv']}"}


@pytest.mark.parametrize("key", ["clé".encode(), "clé".encode("latin-1"), b"x" * 256])
def test_a_header_s_key_follows_the_same_rule(world: World, key: bytes) -> None:
    player = SdkPlayer(world)
    player.credit(10)
    headers = [(name.encode(), value.encode()) for name, value in player.headers().items()]
    answer = world.http.post(
        f"{player.path}/wallet/gold/debit", json={"amount": 1}, headers=[*headers, (b"idempotency-key", key)]
    )
    assert field_of(answer) == "idempotencyKey"
    assert player.get("wallet").json()["wallet"][0]["balance"] == 10


def test_a_key_in_the_body_and_in_the_header_is_one_key(world: World) -> None:
    player = SdkPlayer(world)
    player.credit(10)
    key = unique("order 66 / {}~!")
    first = player.post("wallet/gold/debit", {"amount": 3, "idempotencyKey": key})
    echoed = first.headers["idempotency-key"]
    again = player.post("wallet/gold/debit", {"amount": 3}, idempotency_key=echoed)
    assert (echoed, again.content, first.json()["entry"]["balance"]) == (key, first.content, 7)
    assert player.get("wallet").json()["wallet"][0]["balance"] == 7
