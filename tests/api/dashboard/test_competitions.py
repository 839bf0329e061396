"""Which leaderboard an address means."""

from __future__ import annotations

import pytest

from api.dashboard.competitions import read_choice
from api.dashboard.parameters import BadParameter
from schemas.edge.ports import Game, Limits
from schemas.liveops.names import board_id
from schemas.liveops.windows import Window

HOUR_MS = 3_600_000
NOW_MS = 500_000 * HOUR_MS + 5


def event(key: str, **more: object) -> dict[str, object]:
    plain = {"eventKey": key, "name": key.upper(), "mode": "global", "window": {"every": "hour"}}
    return {**plain, "metrics": {"frags": {}}, "scoreFormula": "frags", **more}


def game(*events: dict[str, object]) -> Game:
    definition = {"events": list(events)}
    return Game(
        id="g", studio_id="s", slug="g", name="G", created_at_ms=0, limits=Limits(), definition=definition
    )


def test_the_first_event_s_running_window_is_meant_where_nothing_is_said() -> None:
    played = game(event("one"), event("two"))
    found = read_choice({}, played, NOW_MS)
    window = Window(500_000 * HOUR_MS, 500_001 * HOUR_MS)
    assert found.window == window
    assert found.board_id == board_id("g", "one", window.id)
    assert [one.key for one in found.events] == ["one", "two"]
    assert read_choice({"event": "two"}, played, NOW_MS).board_id == board_id("g", "two", window.id)


def test_the_window_before_is_the_last_that_is_over() -> None:
    once = {"startsAt": "2026-01-05T00:00:00Z", "endsAt": "2026-01-06T00:00:00Z"}
    first = {"seconds": 3600, "from": "2026-01-05T00:00:00Z"}
    played = game(event("hourly"), event("once", window=once), event("first", window=first))
    before = read_choice({"window": "before"}, played, NOW_MS)
    assert before.window == Window(499_999 * HOUR_MS, 500_000 * HOUR_MS)
    ended = read_choice({"event": "once", "window": "before"}, played, NOW_MS)
    assert ended.window == Window(1_767_571_200_000, 1_767_657_600_000)
    assert read_choice({"event": "once"}, played, NOW_MS).board_id == ""
    running = 1_767_571_200_000 + 1
    assert read_choice({"event": "once", "window": "before"}, played, running).window is None
    assert read_choice({"event": "first", "window": "before"}, played, running).window is None


def test_a_group_is_a_number_and_a_segment_a_name() -> None:
    played = game(
        event("squads", mode="grouped", groupSize=5), event("leagues", mode="segmented", segmentBy="x")
    )
    window = Window(500_000 * HOUR_MS, 500_001 * HOUR_MS).id
    assert read_choice({}, played, NOW_MS).board_id == board_id("g", "squads", window, group=1)
    assert read_choice({"part": "7"}, played, NOW_MS).board_id == board_id("g", "squads", window, group=7)
    leagues = {"event": "leagues"}
    assert read_choice(leagues, played, NOW_MS).board_id == ""
    gold = read_choice(leagues | {"part": "gold"}, played, NOW_MS)
    assert gold.board_id == board_id("g", "leagues", window, segment="gold")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"event": "nothing"}, "event"),
        ({"event": "x" * 201}, "event"),
        ({"window": "tomorrow"}, "window"),
        ({"part": "0"}, "part"),
        ({"part": "one"}, "part"),
        ({"part": "9" * 17}, "part"),
        ({"event": "\ud800"}, "event"),
    ],
)
def test_what_can_t_be_read_is_named(query: dict[str, str], name: str) -> None:
    with pytest.raises(BadParameter) as refused:
        read_choice(query, game(event("squads", mode="grouped", groupSize=5)), NOW_MS)
    assert refused.value.name == name


def test_a_game_without_events_has_nothing_to_choose() -> None:
    found = read_choice({}, game(), NOW_MS)
    assert (found.events, found.event, found.board_id) == ([], None, "")
