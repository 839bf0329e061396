"""`POST /api/webhooks/discord` with the real decider: who may call, what is refused, what is answered."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from projections.studio.projection import outcome_of
from schemas.envelope import Command, Decided, Event, Outcome
from schemas.studio.commands import COMMANDS
from schemas.studio.discord import CALL_MESSAGES_MAX, TEXT_CHARACTERS_MAX
from streams.deciders.noun import Request
from streams.deciders.studio import STUDIO
from streams.gateway.discord import DiscordWrites
from streams.gateway.pending_commands import CommandUnavailable
from tests.schemas.telemetry.s4_samples import APP, NOW
from tests.streams.deciders.given import Studios, define, game, seed
from tests.streams.gateway.world import World

PATH = "/api/webhooks/discord"
KEY = "pl_mgmt_1"
CALL = {"channel_id": "1234567890", "game": "doom", "thread_id": "thr_42"}


class Decides:
    """A command client whose decider answers at once."""

    def __init__(self) -> None:
        studios = Studios()
        studios.given(define("one", game("doom", APP)))
        self.state = studios.state
        self.studio_id = self.state.studio_ids["one"]
        self.commands: list[Command] = []
        self.away = False

    async def submit(self, command: Command) -> Outcome:
        self.commands.append(command)
        if self.away:
            raise CommandUnavailable("no-outcome")
        request = Request(
            command_id=command.command_id,
            aggregate_id=self.studio_id,
            studio_id=self.studio_id,
            game_id=command.game_id,
            command=COMMANDS.decode(command.type, command.body),
            at_ms=NOW,
            seed=seed(str(len(self.commands))),
        )
        verdict = STUDIO.decide(self.state, request)
        assert isinstance(verdict, tuple), verdict
        for event in verdict:
            self.state = STUDIO.evolve(self.state, event, NOW)
        events = [
            Event(type=one.WIRE, aggregate_id="", sequence=1, at_ms=NOW, data=STUDIO.events.encode(one))
            for one in verdict
        ]
        decided = Decided(
            command_id="c", studio_id="s", game_id="", keyed=False, fingerprint=b"", events=events
        )
        outcome = outcome_of(decided, verdict)
        assert outcome is not None
        return outcome


class Gateway(World):
    """A gateway with the route."""

    def __init__(self) -> None:
        self.decides = Decides()
        client: Any = self.decides
        super().__init__(writes=[lambda services: DiscordWrites(services, client, randomness=bytes)])

    async def post_call(self, call: object, key: str | None = KEY, **headers: Any) -> tuple[int, Any]:
        body = call if isinstance(call, bytes) else json.dumps(call).encode()
        answer = await self.call(PATH, body, query="" if key is None else f"key={quote(key)}", **headers)
        return answer.status, answer.json()


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def message(name: str = "1", **fields: object) -> dict[str, object]:
    return {"id": name, "author": "ann", "text": "Stuck", "timestamp": NOW} | fields


async def test_the_reference_s_calls(gateway: Gateway) -> None:
    assert await gateway.post_call(CALL) == (201, {"sessionsCreated": 1, "messagesIngested": 0})
    assert await gateway.post_call(CALL) == (200, {"sessionsCreated": 0, "messagesIngested": 0})


async def test_messages_are_counted_once_by_their_ids(gateway: Gateway) -> None:
    call = CALL | {"messages": [message("1"), message("2", timestamp="2024-05-14T02:47:30Z"), message("1")]}
    assert await gateway.post_call(call) == (201, {"sessionsCreated": 1, "messagesIngested": 2})
    more = CALL | {"messages": [message("2"), message("3")], "title": "T", "build": "1", "other": {"a": 1}}
    assert await gateway.post_call(more) == (200, {"sessionsCreated": 0, "messagesIngested": 1})


@pytest.mark.parametrize(
    ("key", "status", "body"),
    [
        (None, 401, {"error": "Missing bearer token"}),
        ("", 401, {"error": "Missing bearer token"}),
        ("pl_mgmt_unknown", 401, {"error": "Invalid key"}),
        ("wpg_sk_1", 401, {"error": "Invalid key"}),
        (
            "pl_ik_1",
            403,
            {"error": "This endpoint needs a management key", "requiredScope": "management"},
        ),
    ],
)
async def test_who_may_not_call(gateway: Gateway, key: str | None, status: int, body: Any) -> None:
    """Whatever the header says."""
    assert await gateway.post_call(CALL, key, authorization=f"Bearer {KEY}") == (status, body)
    assert gateway.decides.commands == []


async def test_two_keys_in_the_url_name_nobody(gateway: Gateway) -> None:
    answer = await gateway.call(PATH, json.dumps(CALL).encode(), query="key=pl_mgmt_1&key=pl_mgmt_2")
    assert answer.status == 401


@pytest.mark.parametrize("name", ["nothing", "theirs", "game_theirs"])
async def test_an_unknown_game_and_another_studio_s_are_the_same(gateway: Gateway, name: str) -> None:
    assert await gateway.post_call(CALL | {"game": name}) == (400, {"error": "unknown game"})


@pytest.mark.parametrize(
    ("changed", "path", "code"),
    [
        ({"channel_id": ...}, ["channel_id"], "invalid_type"),
        ({"game": ...}, ["game"], "invalid_type"),
        ({"channel_id": ""}, ["channel_id"], "too_small"),
        ({"channel_id": "c" * 121}, ["channel_id"], "too_big"),
        ({"channel_id": "a\nb"}, ["channel_id"], "custom"),
        ({"thread_id": "t" * 121}, ["thread_id"], "too_big"),
        ({"messages": [message()] * (CALL_MESSAGES_MAX + 1)}, ["messages"], "too_big"),
        ({"messages": [message(id=7)]}, ["messages", 0, "id"], "invalid_type"),
        ({"messages": [message(), message(timestamp="soon")]}, ["messages", 1, "timestamp"], "custom"),
        ({"messages": [message(timestamp=NOW + 25 * 3_600_000)]}, ["messages", 0, "timestamp"], "custom"),
        ({"messages": [message(timestamp=1)]}, ["messages", 0, "timestamp"], "custom"),
        ({"messages": [message(text="x" * (TEXT_CHARACTERS_MAX + 1))]}, ["messages", 0, "text"], "too_big"),
    ],
)
async def test_what_is_wrong_is_named(
    gateway: Gateway, changed: dict[str, Any], path: list[Any], code: str
) -> None:
    call = {name: value for name, value in (CALL | changed).items() if value is not ...}
    status, body = await gateway.post_call(call)
    assert (status, body["error"]) == (400, "Invalid payload")
    assert (body["issues"][0]["path"], body["issues"][0]["code"]) == (path, code)
    assert gateway.decides.commands == []


async def test_bounds_are_taken(gateway: Gateway) -> None:
    longest = {"channel_id": "c" * 120, "thread_id": "t" * 120}
    texts = [message(str(number), text="") for number in range(CALL_MESSAGES_MAX)]
    assert (await gateway.post_call(CALL | longest | {"messages": texts}))[1]["messagesIngested"] == 200
    one = [message(text="x" * TEXT_CHARACTERS_MAX)]
    assert (await gateway.post_call(CALL | {"messages": one}))[0] == 201


async def test_a_body_over_100_kib_is_refused_before_it_is_read(gateway: Gateway) -> None:
    assert await gateway.post_call(b" " * (100 * 1024 + 1)) == (413, {"error": "Payload too large"})
    assert (await gateway.post_call(json.dumps(CALL).encode().ljust(100 * 1024)))[0] == 201


async def test_calls_share_the_bucket_of_the_key_s_reads(gateway: Gateway) -> None:
    for _ in range(60):
        assert (await gateway.post_call(CALL))[0] in {200, 201}
    status, body = await gateway.post_call(CALL)
    assert (status, body["error"], body["scope"]) == (429, "Rate limit exceeded", "key")
    assert gateway.limiter.taken["read:key:6"] == 61


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
async def test_there_is_one_method(gateway: Gateway, method: str) -> None:
    answer = await gateway.call(PATH, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_an_outcome_that_does_not_come_is_503(gateway: Gateway) -> None:
    gateway.decides.away = True
    answer = await gateway.call(PATH, json.dumps(CALL).encode(), query=f"key={KEY}")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_the_key_is_in_no_command_and_no_line_of_the_log(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await gateway.post_call(CALL)
    gateway.directory.away = True
    assert (await gateway.post_call(CALL))[0] == 503
    defective: Any = gateway.directory
    defective.credential = None  # what is logged of a defect has a stack trace
    assert (await gateway.post_call(CALL))[0] == 500
    assert "failed" in caplog.text
    assert KEY not in caplog.text
    assert KEY.encode() not in msgspec.msgpack.encode(gateway.decides.commands)
