"""What webhooks tell of the fleet: which events, in which words, in order for each thing, no secret."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest

from projections.fleet.webhooks import FLEET as NOTIFIED
from projections.webhooks.deliveries import notified_events, planned
from schemas.envelope import EventsRecord
from schemas.fleet import commands as ask
from schemas.fleet.views import SealedVariable
from schemas.fleet.webhooks import FleetWebhookType
from schemas.studio.definitions_webhooks import Webhook
from schemas.webhooks import Delivery, WebhookTarget
from tests.projections.fleet.history import MARK, History
from tests.streams.deciders.fleet.given import GAME

ALL = frozenset(get_args(FleetWebhookType))
OTHER_GAME = "game_2"


def deliveries(history: History, game_id: str = GAME) -> list[Delivery]:
    """To one target of a game that asks for everything."""
    targets = {game_id: [WebhookTarget(game_id=game_id, id="main", url="", events=ALL)]}
    return [
        delivery
        for record in history.log.records[0]
        for delivery in planned(
            notified_events(msgspec.msgpack.decode(record.value, type=EventsRecord), NOTIFIED),
            targets,
            7,
            NOTIFIED,
        )
    ]


def bodies(history: History, game_id: str = GAME) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in deliveries(history, game_id)]


def test_every_type_is_told_and_nothing_secret_is_in_it() -> None:
    history = History()
    history.play()
    assert MARK in str(history.happened)
    found = deliveries(history)
    assert {one.type for one in found} == ALL
    assert len({one.id for one in found}) == len(found)
    text = b"".join(one.body for one in found)
    assert MARK.encode() not in text
    assert b"startup_args" not in text
    for one in found:
        body = json.loads(one.body)
        assert list(body) == ["id", "type", "createdAt", "gameId", "data"]
        assert (body["type"], body["gameId"]) == (one.type, GAME)
        assert list(body["data"]) == [one.type.partition(".")[0]]
    lines: dict[str, list[int]] = {}
    for one in found:
        lines.setdefault(one.line, []).append(one.sequence)
    assert all(numbers == sorted(set(numbers)) for numbers in lines.values())


def test_a_server_is_told_of_at_each_start_and_at_its_end() -> None:
    history = History()
    instance_id = history.running(match_id="m", custom_data='{"a": 1}', auto_restart=True)
    history.exits(instance_id)
    history.later(2)
    history.given(ask.ServerDue(instance_id=instance_id))
    history.ready(instance_id)
    history.given(ask.StopServer(instance_id=instance_id, reason="season over"))
    history.exits(instance_id, exit_code=143)
    of_server = [one for one in bodies(history) if "server" in one["data"]]
    assert [(one["type"], one["data"]["server"]["restarts"]) for one in of_server] == [
        ("server.running", 0),
        ("server.running", 1),
        ("server.stopped", 1),
    ]
    ready, ended = of_server[0]["data"]["server"], of_server[-1]["data"]["server"]
    assert (ready["match_id"], ready["custom_data"], ready["status"]) == ("m", {"a": 1}, "running")
    assert ready["network_ports"][0]["external_port"] >= 31_000
    assert (ended["status"], ended["stop_reason"], ended["exit_code"]) == ("stopped", "season over", 143)


def test_a_pool_server_is_told_of_once_it_is_claimed() -> None:
    history = History()
    history.pool(1)
    (waiting,) = history.idle()
    history.ready(waiting)
    assert [one["type"] for one in bodies(history)] == ["build.ready"]
    history.given(history.start(name="mine"))
    *_, told_ = bodies(history)
    assert (told_["type"], told_["data"]["server"]["instance_id"]) == ("server.running", waiting)
    assert told_["data"]["server"]["name"] == "mine"
    before = len(bodies(history))
    (unclaimed,) = history.idle()
    history.ready(unclaimed)
    history.pool(0)
    history.exits(unclaimed)
    assert unclaimed in history.state.stopped
    assert len(bodies(history)) == before


def test_a_report_of_a_host_tells_each_game_its_own() -> None:
    history = History()
    created = history.given(
        ask.CreateBuild(name="default", build_type="zip", limits=history.limits), OTHER_GAME
    )
    build_id = created[0].build.id  # type: ignore[attr-defined]  # BuildCreated
    (given,) = history.given(ask.ProcessBuild(build_id=build_id, upload_bytes=1), OTHER_GAME)
    history.end(given.build, error="no ZIP")  # type: ignore[attr-defined]  # BuildProcessing
    assert [one["type"] for one in bodies(history, OTHER_GAME)] == ["build.failed"]
    assert bodies(history, OTHER_GAME)[0]["data"]["build"]["error"] == "no ZIP"
    assert [one["type"] for one in bodies(history)] == ["build.ready"]


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_definition_may_ask_for_each(name: str) -> None:
    webhook = msgspec.convert({"id": "main", "url": "https://example.com/", "events": [name]}, Webhook)
    assert webhook.events == [name]


def test_values_of_variables_are_not_in_what_is_told() -> None:
    history = History()
    history.running(variables=[SealedVariable("TOKEN", MARK)], startup_args=MARK)
    assert [one.type for one in deliveries(history)] == ["build.ready", "server.running"]
    assert MARK.encode() not in b"".join(one.body for one in deliveries(history))
