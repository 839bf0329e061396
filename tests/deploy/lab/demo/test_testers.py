"""The demo's testers on the running stack: S1 shows a linked player's handle, sessions and journey."""

from __future__ import annotations

import time
from typing import Any

import pytest

from deploy.lab.demo.game.payloads import Player, Session, s1_request
from deploy.lab.demo.game.play import people, read_demo, seat
from deploy.lab.demo.game.story import Happening
from deploy.lab.demo.game.testers import Invitation, handle_of, link_testers
from tests import plain_http
from tests.outside.world import eventually, unique
from tests.stack import QuestlogStack


def test_testers_and_others_play_from_the_first_moment_on() -> None:
    testers = people()[::2]
    live = [seat(number).player for number in range(8, 11)]
    assert 0 < sum(player in testers for player in live) < len(live)


@pytest.mark.stack
def test_a_linked_players_sessions_show_the_handle_of_the_key(questlog_stack: QuestlogStack) -> None:
    demo = read_demo(questlog_stack.home / "demo.json")
    name = unique("ann")
    player = Player(f"player_{name}", name, "EU", {"os": "Linux"})
    said: list[str] = []
    for _ in range(2):  # the second time it is linked
        assert link_testers(demo.invitation, [player], said.append) == 1
    assert not said
    with plain_http.client(base_url=f"{demo.base_url}/api/v1", timeout=30) as http:
        http.headers["authorization"] = f"Bearer {demo.keys['pl_mgmt']}"

        def read(path: str, **params: str) -> Any:
            return http.get(path, params=params).raise_for_status().json()

        def handles() -> list[str]:
            listed = read(f"/handles/{demo.game_id}")["handles"]
            return [row["handle"] for row in listed if row["device_id"] == player.player_id]

        eventually(handles, lambda found: found == [handle_of(player)])
        now_ms = int(time.time() * 1000)
        session = Session(demo.game_id, f"sess_{unique('a')}", "freedoom-0.13.0", player, now_ms, "A run")
        run = s1_request(session, [Happening("level_started", now_ms, "MAP01", 0, 0, 0)], 0, ended=True)
        plain_http.post(
            f"{demo.base_url}{run.path}",
            content=run.body,
            headers={"authorization": f"Bearer {demo.keys['pl_ik']}", "content-type": run.content_type},
            timeout=30,
        ).raise_for_status()
        path = f"/testers/{demo.game_id}/{handle_of(player)}/journey"
        journey = eventually(
            lambda: http.get(path).json().get("journey", {"entries": []}), lambda found: found["entries"]
        )
        assert [entry["sessionId"] for entry in journey["entries"]] == [session.session_id]
        assert journey["tester"] == {
            "handle": handle_of(player),
            "deviceId": player.player_id,
            "identityLabel": handle_of(player),
        }
        shown = read("/sessions", game=demo.game_id, q=handle_of(player))["items"]
        assert [item["testerHandle"] for item in shown] == [handle_of(player)]


@pytest.mark.stack
def test_a_player_without_a_link_plays_on_and_it_is_told_why(questlog_stack: QuestlogStack) -> None:
    demo = read_demo(questlog_stack.home / "demo.json")
    nowhere = Invitation(demo.base_url, demo.game_id, f"{demo.base_url}/redeem/unknown")
    name = unique("bob")
    said: list[str] = []
    assert link_testers(nowhere, [Player(f"player_{name}", name, "EU", {})], said.append) == 0
    assert len(said) == 1
    assert "404" in said[0]
