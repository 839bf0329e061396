"""A whole stack whose live-ops are spread over two Redis: two studios, each served from its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from redis import Redis

from projections.redis.stores import group_of
from tests import plain_http
from tests.outside.world import eventually
from tests.projections.redis.support import redis_server
from tests.stack import QuestlogStack, questlog_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.stack

EVENT = {
    "eventKey": "points",
    "name": "Points",
    "mode": "global",
    "window": {"every": "month", "from": "2026-01-01T00:00:00Z"},
    "metrics": {"points": {}},
    "scoreFormula": "points",
}
GAMES = [next(f"game_{n}" for n in range(100) if group_of(f"game_{n}", 2) == group) for group in (0, 1)]


class Grouped(NamedTuple):
    """The stack, and clients of its groups."""

    stack: QuestlogStack
    groups: list[Redis]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deploy.cli", *words, "--home", str(self.stack.home)]
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words

    def found(self, word: str) -> list[list[str]]:
        """The keys that name something, by group."""
        return [[key.decode() for key in redis.scan_iter(f"*{word}*", count=1000)] for redis in self.groups]


class Studio:
    """A studio with one game, and one player of it."""

    def __init__(self, grouped: Grouped, game_id: str, folder: Path) -> None:
        self.game_id, self.player = game_id, f"player-of-{game_id}"
        slug = game_id.replace("_", "-")
        game = {
            "id": game_id,
            "slug": "points",
            "name": "Points",
            "catalog": {"currencies": [{"economyKey": "gold", "name": "Gold"}]},
            "events": [EVENT],
        }
        file = folder / f"{slug}.json"
        file.write_text(json.dumps({"studio": {"name": slug, "slug": slug}, "games": [game]}))
        applied = grouped.run("apply", str(file))
        assert applied.returncode == 0, applied.stderr
        self._keys = {}
        for kind in ("lo_live", "lo_srv"):
            words = ("keys", "create", kind, "--studio", slug, "--game", "points", "--json")
            made = grouped.run(*words)
            assert made.returncode == 0, made.stderr
            self._keys[kind] = json.loads(made.stdout)["value"]
        self.http = plain_http.client(base_url=grouped.stack.base_url, timeout=30.0)

    def close(self) -> None:
        self.http.close()

    def ask(self, method: str, path: str, body: Any = None, *, server: bool = False, **headers: str) -> Any:
        sent = {"authorization": f"Bearer {self._keys['lo_srv' if server else 'lo_live']}", **headers}
        answer = self.http.request(method, path, json=body, headers=sent)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer.json()

    def listen(self, board: str, heard: list[str]) -> None:
        """A board's stream, until its first score."""
        sent = {"authorization": f"Bearer {self._keys['lo_live']}"}
        with self.http.stream("GET", f"/sdk/v1/leaderboards/{board}/stream", headers=sent) as stream:
            for line in stream.iter_lines():
                heard.append(line)
                if self.player in line:
                    return


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grouped]:
    folder = tmp_path_factory.mktemp("groups")
    with redis_server(folder / "one") as one, redis_server(folder / "two") as two:
        urls = {"QUESTLOG_REDIS_GROUPS": f"{one.url},{two.url}"}
        with questlog_up(folder / "home", "--no-fleet", environment=urls) as stack:
            clients = [Redis.from_url(one.url), Redis.from_url(two.url)]
            yield Grouped(stack, clients)
            for client in clients:
                client.close()


def play(studio: Studio, score: float) -> None:
    """A player's story over HTTP, each answer read again."""
    path = f"/sdk/v1/players/{studio.player}"
    secret = {"x-player-secret": studio.ask("POST", f"{path}/register", {})["secret"]}
    started = studio.ask("POST", f"{path}/events/points/start", {}, **secret)
    board, attempt = started["leaderboardId"], started["attempt"]["id"]
    heard: list[str] = []
    listening = threading.Thread(target=studio.listen, args=(board, heard))
    listening.start()
    eventually(partial("\n".join, heard), lambda said: "ready" in said)
    progress = f"{path}/events/points/attempts/{attempt}/progress"
    body = {"mode": "set", "metricValue": score, "idempotencyKey": "one"}
    first, again = (studio.ask("POST", progress, body, **secret) for _ in range(2))
    assert first == again
    assert first["leaderboard"]["rank"] == 1
    listening.join(10)
    assert not listening.is_alive()
    top = studio.ask("GET", f"/sdk/v1/leaderboards/{board}?limit=10")
    assert [(row["externalId"], row["score"]) for row in top["entries"]] == [(studio.player, score)]
    server = f"/server/v1/players/{studio.player}"
    studio.ask("POST", f"{server}/wallet/gold/credit", {"amount": 5}, server=True)
    taken = studio.ask("POST", f"{path}/wallet/gold/debit", {"amount": 2}, **secret)
    assert taken["entry"]["balance"] == 3
    ledger = studio.ask("GET", f"{server}/ledger", server=True)["ledger"]
    assert [row["amount"] for row in ledger] == [-2, 5]


def test_two_studios_are_served_from_two_groups(grouped: Grouped, tmp_path: Path) -> None:
    for number, game_id in enumerate(GAMES):
        with closing(Studio(grouped, game_id, tmp_path)) as studio:
            play(studio, 7.0 + number)
    foreign = [group for group in (0, 1) if grouped.found(GAMES[1 - group])[group]]
    assert foreign == []
    assert all(grouped.found(GAMES[group])[group] for group in (0, 1))
    names = [{key.split(":")[0] for key in found if "player" in key} for found in grouped.found("liveops")]
    assert names == [{"liveops@2.0"}, {"liveops@2.1"}]
    with closing(Redis.from_url(grouped.stack.demo["redis_url"])) as common:
        assert list(common.scan_iter("liveops*", count=1000)) == []
    for game_id in GAMES:  # whichever group holds them
        found = grouped.run("persons", "find", game_id.replace("_", "-"), f"player-of-{game_id}", "--json")
        assert found.returncode == 0, found.stderr
        places = {place["place"]: place["count"] for place in json.loads(found.stdout)["places"]}
        assert places["liveops wallet:{game}/{player}"] == 1


def test_readiness_and_rebuilds_are_of_both_groups(grouped: Grouped) -> None:
    answer = plain_http.get(f"{grouped.stack.base_url}/readyz").json()
    assert '"redis:liveops"' in json.dumps(answer)
    one = grouped.run("rebuild", "redis", "--group", "1", "--verify", "--json")
    assert one.returncode == 0, one.stderr
    assert [(row["noun"], row["different"]) for row in json.loads(one.stdout)] == [("liveops@2.1", [])]
    every = grouped.run("rebuild", "redis", "--json")
    assert every.returncode == 0, every.stderr
    nouns = [row["noun"] for row in json.loads(every.stdout)]
    assert nouns == ["studio", "liveops@2.0", "liveops@2.1", "playtests", "fleet"]
    refused = grouped.run("rebuild", "redis", "--group", "2")
    assert (refused.returncode, "names no group 2" in refused.stderr) == (1, True)
    pointers = [redis.get(f"generation:liveops@2.{index}") for index, redis in enumerate(grouped.groups)]
    assert b"1" not in pointers
