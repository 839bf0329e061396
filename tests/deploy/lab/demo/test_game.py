"""A short real game: the engine runs, bots get somewhere, and what they send is what the surfaces take."""

from __future__ import annotations

import builtins
import math
import random
from datetime import datetime
from typing import Any

import msgspec
import pytest

from deploy.lab.demo.game import engine
from deploy.lab.demo.game.bot import TEMPERAMENTS
from deploy.lab.demo.game.discord import thread_request
from deploy.lab.demo.game.navigation import Grid, exits
from deploy.lab.demo.game.payloads import Request
from deploy.lab.demo.game.play import BUILDS, seat
from deploy.lab.demo.game.run import CAMPAIGN, Plans, Run
from deploy.lab.demo.game.wad import UnknownLevelError, read_level
from schemas.telemetry.s1_discord import validate_discord

GAME = "72ab8f81-ef36-4712-a046-399a62b9afaa"
STARTED = 1_790_000_000_000


def play(number: int, seconds: int, dice: int = 7) -> tuple[Run, list[Request]]:
    run = Run(seat(number), GAME, plans=Plans(), random=random.Random(dice), started_ms=STARTED)
    requests = []
    while not run.over and run.now_ms < STARTED + seconds * 1000:
        requests += run.advance()
    return run, requests + run.finish()


@pytest.fixture(scope="module")
def s4() -> list[dict[str, Any]]:
    run, requests = play(0, 60)
    assert {(r.path, r.content_type, r.token) for r in requests} == {
        ("/api/events", "application/msgpack", "public_token")
    }
    assert run.seat.temperament is TEMPERAMENTS[0]
    return [item for request in requests for item in msgspec.msgpack.decode(request.body)]


def test_s4_items_are_of_the_four_kinds_and_of_this_game(s4: list[dict[str, Any]]) -> None:
    assert s4[0]["event_name"] == "Create_Player"
    assert s4[0]["hardware"]["gpu"]
    assert {item["app_id"] for item in s4} == {GAME}
    assert any("funnel_step_name" in item for item in s4)
    assert any("positions" in item for item in s4)
    names = {item["event_name"] for item in s4 if "event_name" in item}
    assert {"room_entered", "level_started", "enemy_killed"} <= names


def test_a_runner_finds_the_exit_of_the_first_level(s4: list[dict[str, Any]]) -> None:
    completed = [item for item in s4 if item.get("event_name") == "level_completed"]
    assert [item["level_id"] for item in completed][:1] == ["MAP01"]
    assert "MAP01_Exit" in {item.get("funnel_step_name") for item in s4}


def test_walked_paths_are_real_positions_in_order_of_time(s4: list[dict[str, Any]]) -> None:
    paths = [item for item in s4 if "positions" in item]
    assert len(paths) >= 11
    assert {path["level_id"] for path in paths} > {"MAP01"}
    assert sum(len(path["positions"]) for path in paths) > 3 * 100
    end = ""
    plans = Plans()
    for path in paths:
        seconds = datetime.fromisoformat(path["timestamp_end"]) - datetime.fromisoformat(
            path["timestamp_start"]
        )
        assert seconds.total_seconds() <= 5.5
        level, _ = plans.of(path["level_id"])
        assert min(line.x1 for line in level.lines) <= min(path["positions"][::3])
        assert max(path["positions"][::3]) <= max(line.x1 for line in level.lines)
        assert len(path["positions"]) % 3 == 0
        assert all(isinstance(value, float) and math.isfinite(value) for value in path["positions"])
        assert path["timestamp_start"] <= path["timestamp_end"]
        assert path["timestamp_start"] >= end
        end = path["timestamp_end"]
        assert path["fps"]["low_1"] <= path["fps"]["low_5"] <= path["fps"]["mean"]
        assert datetime.fromisoformat(path["timestamp_start"]).timestamp() * 1000 >= STARTED
    xs = [value for path in paths for value in path["positions"][::3]]
    ys = [value for path in paths for value in path["positions"][1::3]]
    assert max(xs) - min(xs) > 500, "x and y are the floor plan"
    assert max(ys) - min(ys) > 500, "x and y are the floor plan"


def test_s1_batches_number_their_events_without_a_gap_and_end_the_session() -> None:
    run, requests = play(1, 40)
    batches = [msgspec.json.decode(r.body) for r in requests if r.path == "/api/telemetry"]
    assert {batch["sessionId"] for batch in batches} == {run.session.session_id}
    assert [batch["ended"] for batch in batches] == [False] * (len(batches) - 1) + [True]
    events = [event for batch in batches for event in batch["events"]]
    assert [event["seq"] for event in events] == list(range(len(events)))
    positions = [event for event in events if event["name"] == "player_pos"]
    assert len(positions) >= 30
    assert all({"x", "y", "z", "room", "t"} <= event.keys() for event in positions)
    assert {event["room"] for event in events} <= set(CAMPAIGN)


def test_half_of_the_s1_sessions_leave_feedback_once() -> None:
    sent = [play(1, 1, dice)[1] for dice in range(8)]
    feedback = [r for requests in sent for r in requests if r.path == "/api/telemetry/feedback"]
    assert 0 < len(feedback) < 8
    answer = msgspec.json.decode(feedback[0].body)
    assert answer["formId"] == "ff_session"
    assert 1 <= answer["answers"][0]["value"] <= 5


def test_the_thread_is_one_that_discord_s_ingest_takes() -> None:
    request = thread_request(GAME, BUILDS[1], STARTED)
    call, messages = validate_discord(request.body, STARTED)
    assert (call.game, call.build, request.events) == (GAME, BUILDS[1], len(messages))
    assert max(one.at_ms for one in messages) < STARTED - 30 * 60_000


def test_a_players_death_is_told_and_the_level_tried_again() -> None:
    class Doomed(Run):
        """Stands still among the monsters of the deadliest level."""

    run = Doomed(seat(2), GAME, plans=Plans(), random=random.Random(1), started_ms=STARTED)
    run._stage = CAMPAIGN.index("E2M2")
    requests = []
    while not run.over and run.now_ms < STARTED + 290_000:
        requests += run.advance()
    requests += run.finish()
    items = [item for request in requests for item in msgspec.msgpack.decode(request.body)]
    deaths = [item for item in items if item.get("event_name") == "player_death"]
    starts = [item for item in items if item.get("event_name") == "level_started"]
    assert deaths
    assert len(starts) > 1


def test_seats_share_two_builds_and_both_surfaces() -> None:
    seats = [seat(number) for number in range(8)]
    assert len({s.build_id for s in seats}) == 2
    for build in {s.build_id for s in seats}:
        assert {s.surface for s in seats if s.build_id == build} == {"s4", "s1"}


@pytest.mark.parametrize("name", ["MAP01", "E1M1"])
def test_the_plan_knows_a_way_from_the_start_to_the_exit(name: str) -> None:
    level = read_level(engine.wad_path(name), name)
    grid = Grid(level)
    ways = [grid.distances(goal)[grid.cell(*level.start)] for goal in exits(level)]
    assert 50 < min(ways) < 1_000


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UnknownLevelError, match="MAP99"):
        read_level(engine.wad_path("MAP01"), "MAP99")


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "vizdoom":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(engine.DemoUnavailableError, match="extra `demo`"):
        engine.load()
