"""A Discord thread from outside: from a bot's calls to a session with transcript and findings."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.outside.world import Json, World, eventually, questlog, unique
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

HOUR_MS = 3_600_000


class Bot:
    """A studio's bot, with a key and a game of its own: other tests' events do not move its watermark."""

    def __init__(self, world: World, stack: QuestlogStack, folder: Path) -> None:
        self.world = world
        slug = unique("bot-")
        path = folder / "bot.yaml"
        path.write_text(
            f"studio: {{name: Bot, slug: {slug}, plan: studio}}\ngames: [{{slug: hub, name: Hub}}]\n"
        )
        questlog(stack, "apply", str(path), "--yes")
        made = questlog(stack, "keys", "create", "pl_mgmt", "--studio", slug, "--json")
        self.key = str(json.loads(made)["value"])

    def post(self, channel: str, *messages: Json, **more: object) -> httpx.Response:
        call = {"channel_id": channel, "game": "hub", "messages": list(messages)} | more
        return self.world.http.post("/api/webhooks/discord", json=call, params={"key": self.key})

    def sessions(self, **params: object) -> list[Json]:
        found: list[Json] = self.world.read("/api/v1/sessions", key=self.key, **params).json()["items"]
        return found

    def session(self, session_id: str) -> Json:
        found: Json = self.world.read(f"/api/v1/sessions/{session_id}", key=self.key).json()
        return found


@pytest.fixture(scope="module")
def bot(world: World, questlog_stack: QuestlogStack, tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return Bot(world, questlog_stack, tmp_path_factory.mktemp("bot"))


def message(number: int, text: str, at_ms: int, author: str = "RedFox42") -> Json:
    return {"id": f"m{number}", "author": author, "text": text, "timestamp": at_ms}


def test_a_thread_becomes_an_analyzed_session_that_goes_on(bot: Bot) -> None:
    began = int(time.time() * 1000) - 2 * HOUR_MS
    first = [message(1, "I am stuck at the door", began), message(2, "Love the hub!", began + 60_000)]
    answer = bot.post("c1", *first, thread_id="t", title="Feedback on 0.4.9", build="0.4.9")
    assert (answer.status_code, answer.json()) == (201, {"sessionsCreated": 1, "messagesIngested": 2})
    # What was said two hours ago is over: the game's time is that of what comes in now.
    bot.post("now", message(1, "Hello", began + 2 * HOUR_MS))

    (shown,) = eventually(
        lambda: bot.sessions(q="the door", status="analyzed"), lambda found: len(found) == 1, within_s=60
    )
    assert shown["transcript"] == "RedFox42: I am stuck at the door\nRedFox42: Love the hub!"
    assert (shown["source"], shown["title"], shown["testerHandle"]) == (
        "discord",
        "Feedback on 0.4.9",
        "RedFox42",
    )
    assert shown["deviceId"].startswith("discord_")
    assert (shown["recordedAt"], shown["duration"]) == (began, 60)
    assert shown["metadata"]["gameVersion"] == "0.4.9"
    whole = bot.session(shown["id"])
    assert whole["session"]["eventCounts"] == {"discord_opened": 1, "discord_message": 2}
    found = {(one["type"], one["evidence"], one["confidence"]) for one in whole["insights"]}
    assert found >= {
        ("stuck-point", "I am stuck at the door", 0.5),
        ("praise", "Love the hub!", 0.5),
    }

    again = bot.post("c1", *first, message(3, "A bug, too", began + 90_000, "Anna"), thread_id="t")
    assert (again.status_code, again.json()) == (200, {"sessionsCreated": 0, "messagesIngested": 1})
    late = eventually(
        lambda: bot.session(shown["id"]),
        # A read asks for the session first: its insights may be those of a moment later.
        lambda found: (
            found["session"]["eventCounts"]["discord_message"] == 3
            and any(one["type"] == "bug-report" for one in found["insights"])
        ),
        within_s=60,
    )
    assert late["session"]["transcript"].splitlines()[2:] == ["Anna: A bug, too"]
    assert late["session"]["testerHandle"] == shown["deviceId"]
    assert late["session"]["eventCounts"] == {"discord_opened": 1, "discord_message": 3}


def test_of_many_calls_at_once_one_begins_the_session(bot: Bot) -> None:
    at = int(time.time() * 1000)

    def call(number: int) -> tuple[int, int]:
        answer = bot.post("race", message(0, "Everybody sends it", at), message(number, "Mine", at))
        return answer.status_code, answer.json()["messagesIngested"]

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(call, range(1, 13)))
    assert sorted(status for status, _ in answers) == [200] * 11 + [201]
    assert sum(messages for _, messages in answers) == 13
    (shown,) = eventually(
        lambda: bot.sessions(q="everybody sends it"),
        lambda found: bool(found) and found[0]["transcript"].count("\n") == 12,
    )
    assert shown["transcript"].count("Everybody sends it") == 1


def test_a_session_of_another_studio_is_not_found_by_its_lines(bot: Bot, world: World) -> None:
    text = unique("secret-plan-")
    bot.post("c2", message(1, text, int(time.time() * 1000)))
    eventually(lambda: bot.sessions(q=text), lambda found: len(found) == 1)
    assert world.read("/api/v1/sessions", q=text).json()["total"] == 0
