"""Boards that a schedule promises: which ids are one, and how long."""

from __future__ import annotations

from typing import Any

import pytest

from api.liveops.schedule import FINAL_AFTER_MS, ScheduledBoards
from schemas.edge.ports import Game, Limits
from schemas.liveops.definitions import resolve_events
from schemas.liveops.names import board_id

HOUR_MS = 3_600_000
NOW_MS = 1_800_000_000_000 // HOUR_MS * HOUR_MS + 1_000


def event(key: str = "frags", mode: str = "global", **more: Any) -> dict[str, Any]:
    window = more.pop("window", {"every": "hour"})
    plain = {"eventKey": key, "name": key, "mode": mode, "window": window}
    return plain | {"metrics": {"frags": {}}, "scoreFormula": "frags"} | more


class World:
    def __init__(self, *events: dict[str, Any], created_at_ms: int = 0) -> None:
        self.now_ms = NOW_MS
        self.game = Game(
            id="game_1",
            studio_id="user_1",
            slug="g",
            name="G",
            created_at_ms=created_at_ms,
            limits=Limits(),
            definition={"events": list(events)},
        )
        self.boards = ScheduledBoards(lambda: self.now_ms)

    def id_at(self, at_ms: int, index: int = 0, **more: Any) -> str:
        one = resolve_events(self.game)[index]
        window = one.window_at(at_ms)
        assert window is not None
        return board_id(self.game.id, one.definition.event_key, window.id, **more)

    def found(self, wanted: str) -> bool | None:
        """Whether it is final; None where there is none."""
        scheduled = self.boards.find(self.game, wanted)
        return None if scheduled is None else scheduled.board.finalized_at_ms is not None


def test_the_open_window_and_ended_ones_have_a_board_and_the_next_one_has_none() -> None:
    world = World(event())
    assert world.found(world.id_at(NOW_MS)) is False
    assert world.found(world.id_at(NOW_MS - HOUR_MS)) is False, "a start of its last moment may be on its way"
    assert world.found(world.id_at(NOW_MS - 2 * HOUR_MS)) is True
    assert world.found(world.id_at(NOW_MS + HOUR_MS)) is None
    assert world.found(world.id_at(NOW_MS + 1000 * HOUR_MS)) is None
    assert world.found("lb_nonsense") is None
    world.now_ms += FINAL_AFTER_MS
    assert world.found(world.id_at(NOW_MS - HOUR_MS)) is True


def test_windows_that_open_later_are_taken_in() -> None:
    world = World(event(), event("every-second", window={"seconds": 1}))
    later = [world.id_at(NOW_MS + hour * HOUR_MS) for hour in range(1, 4)]
    assert world.found(later[0]) is None
    world.now_ms += 3 * HOUR_MS  # nobody asked meanwhile
    assert [world.found(one) for one in later] == [True, False, False]
    assert world.found(world.id_at(world.now_ms, 1)) is False


def test_the_row_is_the_definitions() -> None:
    world = World(event(order="asc"))
    wanted = world.id_at(NOW_MS)
    scheduled = world.boards.find(world.game, wanted)
    assert scheduled is not None
    row = scheduled.board
    assert (row.id, row.game_id, row.event_key, row.order, row.total_players) == (
        *(wanted, "game_1", "frags"),
        *("asc", 0),
    )
    assert scheduled.ends_at_ms == NOW_MS // HOUR_MS * HOUR_MS + HOUR_MS


def test_groups_and_segments_have_none_before_somebody_is_on_them() -> None:
    world = World(event(mode="grouped"), event("s", "segmented", segmentBy="league"))
    assert world.found(world.id_at(NOW_MS)) is None
    assert world.found(world.id_at(NOW_MS, group=1)) is None
    assert world.found(world.id_at(NOW_MS, 1, segment="gold")) is None


def test_nothing_is_before_the_game_the_first_window_or_beyond_the_share() -> None:
    young = World(event(), created_at_ms=NOW_MS - HOUR_MS)
    assert young.found(young.id_at(NOW_MS - HOUR_MS)) is False
    assert young.found(young.id_at(NOW_MS - 2 * HOUR_MS)) is None
    begun = World(event(window={"every": "hour", "from": "2027-01-15T07:00:00Z"}))
    begun.now_ms = 1_800_000_000_000  # 2027-01-15T08:00:00Z
    assert begun.found(begun.id_at(begun.now_ms - HOUR_MS)) is False
    assert begun.found(World(event()).id_at(begun.now_ms - 2 * HOUR_MS)) is None
    many = World(*(event(f"e{number}") for number in range(200)))
    assert many.found(many.id_at(NOW_MS - 2 * HOUR_MS, 7)) is None
    assert many.found(many.id_at(NOW_MS, 7)) is False


@pytest.mark.parametrize(("ends", "final"), [("2027-01-15T09:00:00Z", False), ("2027-01-15T08:00:00Z", True)])
def test_an_event_that_runs_once(ends: str, *, final: bool) -> None:
    world = World(event(window={"startsAt": "2027-01-15T07:00:00Z", "endsAt": ends}))
    world.now_ms = 1_800_000_000_000 + FINAL_AFTER_MS
    assert world.found(world.id_at(1_800_000_000_000 - 1)) is final


def test_what_is_known_is_bounded() -> None:
    world = World(event(), event("f", window={"seconds": 1}))
    world.boards = ScheduledBoards(lambda: world.now_ms, games_max=2, windows_max=10)
    for _ in range(30):
        world.found("lb_x")
        world.now_ms += 1_000
    (boards,) = world.boards._games.values()
    assert len(boards.held) <= 10
    assert world.found(world.id_at(world.now_ms, 1)) is False
