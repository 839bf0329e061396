"""Lobbies as an SDK meets them: forming until they are full, filled by bots in time, or closed again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import httpx
import pytest

from tests.outside.world import Json, World, questlog, unique
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

FILL_S = 4
STUDIO = """
studio: {{name: Lobby Studio, slug: {slug}, plan: studio}}
games:
  - slug: arena
    name: Arena
    limits: {{sdkWritePerMinute: null, sdkReadPerMinute: null}}
    events:
"""
EVENT = """
      - eventKey: {key}
        name: Duel
        mode: global
        window: {{every: month, from: 2026-01-01T00:00:00Z}}
        metrics: {{frags: {{}}}}
        scoreFormula: "frags"
        keep: sum
        matchmaking: {{size: 3, minPlayers: 2, fillSeconds: {seconds}, bots: {{perMinute: 600}}}}
"""


@pytest.fixture(scope="module")
def arena(world: World, questlog_stack: QuestlogStack, tmp_path_factory: pytest.TempPathFactory) -> Arena:
    slug = unique("lobbies-")
    path = tmp_path_factory.mktemp("lobbies") / "arena.yaml"
    # No time is over while players come to the lobby that they fill themselves.
    fills = {"full": 600, "filled": FILL_S, "alone": FILL_S}
    events = [EVENT.format(key=key, seconds=seconds) for key, seconds in fills.items()]
    path.write_text(STUDIO.format(slug=slug) + "".join(events))
    questlog(questlog_stack, "apply", str(path), "--yes")
    made = questlog(
        questlog_stack, "keys", "create", "lo_live", "--studio", slug, "--game", "arena", "--json"
    )
    return Arena(world, json.loads(made)["value"])


class Arena:
    """The game, as its players' SDKs speak to it."""

    def __init__(self, world: World, key: str) -> None:
        self._http = world.http
        self._headers = {"authorization": f"Bearer {key}"}

    def start(self, event: str, player: str) -> httpx.Response:
        path = f"/sdk/v1/players/{player}/events/{event}/start"
        return self._http.post(path, json={}, headers=self._headers)

    def lobby(self, lobby_id: str) -> Json:
        answer = self._http.get(f"/sdk/v1/lobbies/{lobby_id}", headers=self._headers)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()["lobby"]
        return found

    def board(self, board_id: str) -> Json:
        answer = self._http.get(f"/sdk/v1/leaderboards/{board_id}", headers=self._headers)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found


def forming(answer: httpx.Response) -> str:
    """The lobby that a start waits for."""
    assert answer.status_code == 202, answer.text
    error = answer.json()["error"]
    assert error["code"] == "lobby_forming"
    assert error["details"]["retryAfterMs"] > 0
    assert int(answer.headers["retry-after"]) >= 1
    return str(error["details"]["lobbyId"])


def until(look: Callable[[], Json], done: Callable[[Json], bool], seconds: float = 60.0) -> Json:
    """Poll as a client does, until it is so."""
    deadline = time.monotonic() + seconds
    while not done(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def test_a_full_lobby_is_active_at_once_and_its_players_share_a_board(arena: Arena) -> None:
    players = [unique("p") for _ in range(3)]
    first = forming(arena.start("full", players[0]))
    assert forming(arena.start("full", players[1])) == first
    assert forming(arena.start("full", players[0])) == first
    waiting = arena.lobby(first)
    assert (waiting["status"], waiting["size"]) == ("forming", 3)
    assert [member["externalId"] for member in waiting["players"]] == players[:2]
    last = arena.start("full", players[2])
    assert last.status_code == 201, last.text
    assert arena.lobby(first)["status"] == "active"
    boards = {last.json()["leaderboardId"]}
    for player in players[:2]:
        answer = arena.start("full", player)
        assert answer.status_code == 201, answer.text
        assert answer.json()["attempt"]["lobbyId"] == first
        boards.add(answer.json()["leaderboardId"])
    assert len(boards) == 1
    assert forming(arena.start("full", unique("p"))) != first


def two_in_one(arena: Arena) -> tuple[list[str], str]:
    """Two players who came within the time of one lobby; the first of others was alone on a busy machine."""
    for _ in range(10):
        players = [unique("p") for _ in range(2)]
        first, second = (forming(arena.start("filled", player)) for player in players)
        if first == second:
            return players, first
    raise AssertionError(f"no two starts in {FILL_S} s")


def test_in_time_bots_fill_a_lobby_of_enough_players_and_score(arena: Arena) -> None:
    players, lobby_id = two_in_one(arena)
    active = until(lambda: arena.lobby(lobby_id), lambda lobby: lobby["status"] != "forming")
    assert active["status"] == "active"
    assert [member["externalId"] for member in active["players"]] == players
    started = arena.start("filled", players[0])
    assert started.status_code == 201, started.text
    board_id = started.json()["leaderboardId"]
    board = until(
        lambda: arena.board(board_id),
        lambda board: any(entry["isBot"] and entry["score"] > 0 for entry in board["entries"]),
    )
    assert sum(entry["isBot"] for entry in board["entries"]) == 1


def test_one_alone_is_sent_away_and_may_start_again(arena: Arena) -> None:
    alone = unique("p")
    lobby_id = forming(arena.start("alone", alone))
    lobby = until(lambda: arena.lobby(lobby_id), lambda lobby: lobby["status"] != "forming")
    assert lobby["status"] == "closed"
    assert forming(arena.start("alone", alone)) != lobby_id
