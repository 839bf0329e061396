from __future__ import annotations

from typing import Any

import pytest

from schemas.liveops.commands import CloseWindow, FinalizeBoard, JoinEvent, SettleLobbies
from schemas.liveops.event_windows import BoardChunkFinalized, BoardFinalized, WindowClosing
from schemas.liveops.views import FinalEntry
from schemas.liveops.windows import window_from_id
from tests.streams.deciders.liveops.given import CRATE, GOLD, Liveops, event, kinds, only

REWARDS = [
    {"trigger": "rank <= 1", "crate": CRATE},
    {"trigger": "rank <= 3", "entries": [GOLD]},
    {"trigger": "rank <= 3", "entries": [GOLD]},
    {"trigger": "score >= 5", "entries": [GOLD]},
]


@pytest.fixture
def over() -> tuple[Liveops, str]:
    """A world whose window is over, and its id."""
    world = Liveops(event(rewards=REWARDS))
    window = world.window()
    world.start()
    world.at_ms = window_from_id(window).ends_at_ms
    return world, window


def entries(first: int, last: int) -> list[FinalEntry]:
    return [
        FinalEntry(rank=rank, external_id=f"p{rank}", score=-float(rank), achieved_at_ms=1)
        for rank in range(first, last + 1)
    ]


def chunk(
    window: str, number: int, ranks: list[FinalEntry], *, last: bool = False, **more: Any
) -> FinalizeBoard:
    fields = {"event_key": "frags", "window_id": window, "board_id": "lb_1"} | more
    return FinalizeBoard(chunk=number, entries=ranks, last=last, **fields)


def test_the_marker_comes_once_and_not_before_the_end() -> None:
    world = Liveops()
    window = window_from_id(world.window())
    close = CloseWindow(event_key="frags", window_id=window.id)
    world.at_ms = window.ends_at_ms - 1
    assert world.refusal(close) == (409, "window_open")
    world.at_ms = window.ends_at_ms
    assert only(WindowClosing, world.given(close)).ends_at_ms == window.ends_at_ms
    assert world.when(close) == ()
    assert world.refusal(CloseWindow(event_key="frags", window_id="?")) == (400, "validation_failed")


def test_the_marker_keeps_what_a_window_was_opened_with(over: tuple[Liveops, str]) -> None:
    world, window = over
    world.given(CloseWindow(event_key="frags", window_id=window))
    (marker,) = world.state.markers.values()
    assert (marker.sequence, marker.definition) == (2, world.events["frags"].encoded)


def test_ranks_freeze_in_chunks_with_the_rewards_that_reach_them(over: tuple[Liveops, str]) -> None:
    world, window = over
    first = only(BoardChunkFinalized, world.given(chunk(window, 0, entries(1, 2))))
    assert [(reward.rank_max, reward.trigger, reward.ordinal) for reward in first.rewards] == [
        (1, "rank <= 1", 0),
        (3, "rank <= 3", 0),
        (3, "rank <= 3", 1),
    ]
    assert [len(reward.table) for reward in first.rewards] == [2, 0, 0]
    second = only(BoardChunkFinalized, world.given(chunk(window, 1, entries(3, 4))))
    assert [reward.rank_max for reward in second.rewards] == [3, 3]
    events = world.given(chunk(window, 2, entries(5, 5), last=True))
    assert kinds(events) == ["BoardChunkFinalized", "BoardFinalized"]
    assert only(BoardChunkFinalized, events).rewards == []
    assert only(BoardFinalized, events).total_players == 5
    assert only(BoardFinalized, events).chunks == 3


def test_what_is_frozen_stays_frozen(over: tuple[Liveops, str]) -> None:
    world, window = over
    world.given(chunk(window, 0, entries(1, 2)))
    assert world.when(chunk(window, 0, entries(1, 3))) == ()
    world.given(chunk(window, 1, [], last=True))
    for number in (0, 1, 2):
        assert world.when(chunk(window, number, entries(3, 3), last=True)) == ()


def test_chunks_and_ranks_go_on_without_gaps(over: tuple[Liveops, str]) -> None:
    world, window = over
    assert world.refusal(chunk(window, 1, entries(1, 2))) == (409, "out_of_order")
    assert world.refusal(chunk(window, 0, entries(2, 3))) == (400, "validation_failed")
    assert world.refusal(chunk(window, 0, entries(1, 2001))) == (400, "validation_failed")


def test_an_empty_board_is_finalized_too(over: tuple[Liveops, str]) -> None:
    world, window = over
    events = world.given(chunk(window, 0, [], last=True))
    assert only(BoardFinalized, events).total_players == 0


def test_no_rank_freezes_before_the_end_or_while_lobbies_are_open() -> None:
    world = Liveops(event(matchmaking={"size": 2}))
    window = world.window()
    assert world.refusal(chunk(window, 0, [], last=True)) == (409, "window_open")
    world.given(JoinEvent(event_key="frags", window_id=window, external_id="ann"))
    world.at_ms = window_from_id(window).ends_at_ms
    assert world.refusal(chunk(window, 0, [], last=True)) == (409, "lobbies_open")
    world.given(SettleLobbies(event_key="frags", window_id=window))
    assert kinds(world.given(chunk(window, 0, [], last=True))) == ["BoardChunkFinalized", "BoardFinalized"]


def test_a_partition_that_never_saw_the_window_takes_the_commands_definition(
    over: tuple[Liveops, str],
) -> None:
    _, window = over
    other = Liveops(event(rewards=REWARDS))
    other.at_ms = window_from_id(window).ends_at_ms
    assert other.refusal(chunk(window, 0, entries(1, 1)), defined=False) == (409, "no_definition")
    other.given(CloseWindow(event_key="frags", window_id=window))
    events = other.given(chunk(window, 0, entries(1, 1)))
    assert kinds(events) == ["WindowOpened", "BoardChunkFinalized"]
    other.define(event(), version=2)
    assert len(only(BoardChunkFinalized, other.given(chunk(window, 1, entries(2, 2)))).rewards) == 2
