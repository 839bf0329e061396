"""A bot that really plays is seen on the running stack (leaderboard, wallet, ledger), and stays itself."""

from __future__ import annotations

import random
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.lab.demo.game.achievements import Feats
from deploy.lab.demo.game.liveops_client import LiveopsClient, read_identities
from deploy.lab.demo.game.play import read_demo, seat
from deploy.lab.demo.game.run import Plans, Run
from tests import plain_http
from tests.outside.world import eventually
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack


class Studio:
    """The studio's server, which may see everything of a player."""

    def __init__(self, stack: QuestlogStack) -> None:
        self.stack = stack
        self.http = plain_http.client(base_url=stack.base_url, timeout=30.0)

    def server(self, path: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.stack.demo['keys']['lo_srv']}"}
        found = self.http.get(f"/server/v1/players/{path}", headers=headers)
        return found.json() if found.status_code == 200 else {"status": found.status_code}

    def give(self, external_id: str) -> None:
        headers = {"authorization": f"Bearer {self.stack.demo['keys']['lo_srv']}"}
        gold = [{"type": "currency", "key": "gold", "quantity": 100}]
        body = {"crate": {"table": [{"weight": 1, "entries": gold}]}}
        given = self.http.post(f"/server/v1/players/{external_id}/grants", json=body, headers=headers)
        assert given.status_code == 201

    def board(self, event_key: str, external_id: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.stack.demo['keys']['lo_srv']}"}
        events = self.http.get(f"/sdk/v1/players/{external_id}/events", headers=headers).json()["events"]
        board = next(event["leaderboardId"] for event in events if event["eventKey"] == event_key)
        found: dict[str, Any] = self.http.get(
            f"/sdk/v1/leaderboards/{board}",
            params={"includeSelf": "true", "externalId": external_id},
            headers=headers,
        ).json()
        return found


@pytest.fixture
def studio(questlog_stack: QuestlogStack) -> Iterator[Studio]:
    made = Studio(questlog_stack)
    yield made
    made.http.close()


def test_a_bot_that_plays_is_on_the_board_and_in_the_ledger_and_stays_itself(
    studio: Studio, tmp_path: Path
) -> None:
    demo = read_demo(studio.stack.home / "demo.json")
    file = tmp_path / "demo-players.json"
    said: list[str] = []
    bot = seat(0)
    name = bot.player.player_id
    studio.give(name)
    players = LiveopsClient(demo.base_url, demo.keys, file, said.append)
    players.seat(name)
    started = int(time.time() * 1000)
    run = Run(bot, demo.game_id, plans=Plans(), random=random.Random(7), started_ms=started)
    done = Feats()
    try:
        while run.now_ms < started + 60_000 and not run.over:
            run.advance()
            feats = run.feats.drain()
            players.add(name, feats)
            done = Feats(
                done.frags + feats.frags, done.damage + feats.damage, done.level_seconds + feats.level_seconds
            )
    finally:
        run.finish()

    assert done.frags > 0
    assert done.level_seconds, "the runner leaves the first level by its exit"
    board = eventually(
        lambda: studio.board("weekly-frags", name),
        lambda view: bool(view.get("self")) and view["self"]["score"] >= 100 * done.frags,
    )
    assert board["self"]["externalId"] == name
    times = eventually(lambda: studio.board("speedrun", name), lambda view: bool(view.get("self")))
    assert times["self"]["score"] == min(done.level_seconds)
    ledger = eventually(
        lambda: studio.server(f"{name}/ledger")["ledger"],
        lambda rows: {"claim", "debit"} <= {row["cause"] for row in rows},
    )
    (claimed,) = [row for row in ledger if row["amount"] == 100]
    assert claimed["grantId"], "the crate's contents were claimed"
    assert players.close(30) > 8
    assert said == []
    whole = studio.server(f"{name}/ledger")["ledger"]
    (gold,) = studio.server(name)["wallet"]
    assert gold["balance"] == sum(row["amount"] for row in whole if row["key"] == "gold")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = read_identities(file)[name]
    again = LiveopsClient(demo.base_url, demo.keys, file, said.append)
    again.seat(name)
    again.add(name, Feats(frags=2))
    assert again.close(30) > 1
    after = studio.board("weekly-frags", name)["self"]["score"]
    assert after >= 100 * (done.frags + 2), "the same attempt went on"
    assert read_identities(file)[name] == kept
    assert said == []


def test_a_surface_that_is_away_never_holds_the_game_up(tmp_path: Path) -> None:
    said: list[str] = []
    players = LiveopsClient("http://127.0.0.1:1", {"lo_live": "k"}, tmp_path / "players.json", said.append)
    players.seat("ada")
    before = time.thread_time()  # what the game's own thread does, whatever else this machine has to do
    for _ in range(1_000):
        players.add("ada", Feats(frags=1))
    assert time.thread_time() - before < 1.0
    assert players.close(0.5) == 0
    assert len(said) == 1
    assert "no live-ops answer" in said[0]
