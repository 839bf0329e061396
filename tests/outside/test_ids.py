"""One rule for the ids that clients choose, on every surface, in bodies, paths and queries."""

from __future__ import annotations

import socket
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tests.outside.players import SdkPlayer
from tests.outside.test_s1 import batch
from tests.outside.world import World, gameplay, unique

pytestmark = pytest.mark.stack

GOOD = ("a b", "Łukasz", "❤️", "a/b", "100%", "x" * 100, "a?b#c&d")
BAD = ("a\u200bb", "\u3000", "a\u3000", "a\nb", "\x00", "\ufeffa", "x" * 129, " ", "\ue02f", "a\u2028b")


def statuses(world: World, value: str) -> dict[str, int]:
    """What each surface answers to an id, by where it stood."""
    relay = world.game("relay")
    path = f"/sdk/v1/players/{quote(value, safe='')}"
    sdk = {"authorization": f"Bearer {world.keys['relay_lo_live']}"}
    server = {"authorization": f"Bearer {world.keys['relay_lo_srv']}"}
    started = SdkPlayer(world).start()
    board = f"/sdk/v1/leaderboards/{started['leaderboardId']}"
    answers: dict[str, httpx.Response] = {
        "s4 player": world.send(gameplay(relay["id"], player_id=value)),
        "s4 session": world.send(gameplay(relay["id"], session_id=value)),
        "s1 session": world.ingest(batch("relay", value, [])),
        "s1 device": world.ingest(batch("relay", unique("s"), [], deviceId=value)),
        "s3 start": world.http.post(f"{path}/events/relay-points/start", json={}, headers=sdk),
        "s3 events": world.http.get(f"{path}/events", headers=sdk),
        "s3 grants": world.http.get(f"{path}/pending-grants", headers=sdk),
        "s3 self": world.http.get(board, params={"includeSelf": "true", "externalId": value}, headers=sdk),
        "server": world.http.get(path.replace("/sdk/", "/server/"), headers=server),
    }
    return {where: answer.status_code for where, answer in answers.items()}


@pytest.mark.parametrize("value", GOOD)
def test_what_can_be_seen_is_an_id_everywhere(world: World, value: str) -> None:
    value = unique(value)[-128:]
    assert set(statuses(world, value).values()) <= {200, 201, 202}


@pytest.mark.parametrize("value", BAD)
def test_what_can_not_be_seen_is_refused_everywhere(world: World, value: str) -> None:
    assert statuses(world, value) == dict.fromkeys(statuses(world, value), 400)


def raw(world: World, target: bytes, *, method: bytes = b"GET", key: str = "") -> tuple[int, bytes]:
    """Ask with a target that no client library would send."""
    address = urlsplit(world.demo["base_url"])
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        head = b"%b %b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\nconnection: close\r\n" % (
            method,
            target,
            key.encode(),
        )
        connection.sendall(head + (b"content-length: 2\r\n\r\n{}" if method == b"POST" else b"\r\n"))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("spelled", [b"%FFx", b"%FEx", b"%E9x", b"%C0%AF", b"%ED%A0%80", b"a%C3"])
def test_a_path_that_is_not_utf_8_names_nobody(world: World, spelled: bytes) -> None:
    keys = world.keys
    for method, target, key in (
        (b"GET", b"/sdk/v1/players/%b/events", keys["relay_lo_live"]),
        (b"POST", b"/sdk/v1/players/%b/events/relay-points/start", keys["relay_lo_live"]),
        (b"POST", b"/server/v1/players/%b/wallet/gold/credit", keys["relay_lo_srv"]),
        (b"GET", b"/sdk/v1/leaderboards/%b", keys["relay_lo_live"]),
        (b"GET", b"/api/v1/testers/relay/%b", keys["pl_mgmt"]),
        (b"GET", b"/api/v1/sessions?q=%b", keys["pl_mgmt"]),
        (b"POST", b"/api/%b", ""),
        (b"GET", b"/api/v3/servers/%b", ""),
        (b"GET", b"/dashboard/%b", ""),
        (b"GET", b"/objects/%b", ""),
    ):
        status, body = raw(world, target % spelled, method=method, key=key)
        assert (status, b"UTF-8" in body) == (400, True), target


def test_an_encoded_slash_is_part_of_an_id(world: World) -> None:
    name = unique("a/")
    player = SdkPlayer(world, quote(name, safe=""))
    player.credit(3)
    assert player.get("wallet").json()["wallet"][0]["balance"] == 3
    headers = {"authorization": f"Bearer {world.keys['relay_lo_srv']}"}
    answer = world.http.get(player.server_path, headers=headers).json()
    assert answer["player"]["externalId"] == name
