"""Whom `questlog persons forget` means in telemetry. Pure."""

from __future__ import annotations

from deploy.telemetry_forgetting import handles_of
from schemas.persons import Handle, Person


def test_a_linked_handle_is_theirs_in_its_game_and_the_id_itself_in_each() -> None:
    games = ("game_1", "game_2")
    linked = Person(studio_id="s", games=games, id="device", handles=(Handle("game_2", "Red"),))
    assert handles_of(linked) == [
        Handle("game_1", "device"),
        Handle("game_2", "device"),
        Handle("game_2", "Red"),
    ]
    same = Person(studio_id="s", games=games, id="Red", handles=(Handle("game_2", "Red"),))
    assert handles_of(same) == [Handle("game_1", "Red"), Handle("game_2", "Red")]
