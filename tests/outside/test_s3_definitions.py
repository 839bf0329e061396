"""A game's definition changes while a window is open: its board goes on by the rules that it began with."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pytest

from tests.outside.world import Json, World, questlog, unique
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

STUDIO = """
studio: {{name: Changing Studio, slug: {slug}, plan: studio}}
games:
  - slug: arena
    name: {name}
    limits: {{sdkWritePerMinute: null, sdkReadPerMinute: null}}
    events:
      - eventKey: race
        name: Race
        mode: global
        window: {{every: month, from: 2026-01-01T00:00:00Z}}
        metrics: {{points: {{}}}}
        scoreFormula: "{formula}"
        order: {order}
"""
PLAYERS = 12
"""Of each half: over eight partitions, so that some have seen nothing of the window before the change."""


class Game:
    """A game of its own studio, as its players' SDKs speak to it."""

    def __init__(self, world: World, stack: QuestlogStack, path: Path) -> None:
        self._stack = stack
        self._path = path
        self._http = world.http
        self._slug = unique("changing-")
        self.define("Before", "points", "desc")
        made = questlog(
            stack, "keys", "create", "lo_live", "--studio", self._slug, "--game", "arena", "--json"
        )
        self._headers = {"authorization": f"Bearer {json.loads(made)['value']}"}

    def define(self, name: str, formula: str, order: str) -> None:
        text = STUDIO.format(slug=self._slug, name=name, formula=formula, order=order)
        self._path.write_text(text)
        questlog(self._stack, "apply", str(self._path), "--yes")

    def post(self, path: str, body: Json) -> Json:
        answer: httpx.Response = self._http.post(path, json=body, headers=self._headers)
        assert answer.status_code in {200, 201}, answer.text
        found: Json = answer.json()
        return found

    def play(self, player: str, points: float) -> str:
        """Start and report; the board's id."""
        events = f"/sdk/v1/players/{player}/events/race"
        started = self.post(f"{events}/start", {})
        report = {"mode": "increment", "metricValue": points}
        self.post(f"{events}/attempts/{started['attempt']['id']}/progress", report)
        return str(started["leaderboardId"])

    def board(self, board_id: str) -> Json:
        answer = self._http.get(f"/sdk/v1/leaderboards/{board_id}?limit=100", headers=self._headers)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found


def test_a_board_keeps_the_order_and_the_scores_that_its_window_began_with(
    world: World, questlog_stack: QuestlogStack, tmp_path: Path
) -> None:
    game = Game(world, questlog_stack, tmp_path / "game.yaml")
    boards = {game.play(unique("p"), float(number)) for number in range(1, PLAYERS + 1)}
    game.define("After", "points * 1000.0", "asc")
    time.sleep(1.5)  # what gateways know of a game is a second old at most
    boards |= {game.play(unique("p"), float(number)) for number in range(PLAYERS + 1, 2 * PLAYERS + 1)}
    (board_id,) = boards
    entries = game.board(board_id)["entries"]
    assert [entry["score"] for entry in entries] == [float(number) for number in range(2 * PLAYERS, 0, -1)]
