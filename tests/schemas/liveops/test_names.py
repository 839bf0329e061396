from __future__ import annotations

from schemas.identifiers import partition_of
from schemas.liveops.names import (
    attempt_id,
    board_id,
    bot_id,
    event_aggregate,
    external_id_of,
    grant_id,
    lobby_id,
    player_aggregate,
    window_aggregate,
)


def test_names_are_stored_and_never_change() -> None:
    aggregate = event_aggregate("game_1", "frags", "w_1_2")
    assert (aggregate, window_aggregate("game_1", "frags", "w_1_2")) == (
        "event/game_1/frags/w_1_2",
        "window/game_1/frags/w_1_2",
    )
    assert player_aggregate("game_1", "ann") == "player/game_1/ann"
    assert partition_of("player/game_1/ann", 8) == 3
    assert board_id("game_1", "frags", "w_1_2") == "lb_mfm6gvgzxtzqrwal2jasgiv5"
    assert attempt_id("c1") == "ab795d16-c356-505d-b93a-51561c17d24c"
    assert grant_id("lb_1", "ann", "rank <= 3") == "b4636868-1bf3-58be-af51-faf277b0d653"
    assert lobby_id(aggregate, 1) == "lob_rklsce6zmarz7i3fdcyi5ea3"
    assert bot_id("lob_1", 2) == "bot_m6t3lcs6qj22t3gwl6mb7t52"


def test_an_external_id_may_hold_anything() -> None:
    for external_id in ("ann", "a/b/c", "", "ü 🎮"):
        assert external_id_of(player_aggregate("game_1", external_id)) == external_id


def test_other_parts_are_other_names() -> None:
    boards = {
        board_id("game_1", "frags", "w_1_2"),
        board_id("game_2", "frags", "w_1_2"),
        board_id("game_1", "fragsw", "_1_2"),
        board_id("game_1", "frags", "w_1_2", group=1),
        board_id("game_1", "frags", "w_1_2", segment="1"),
        board_id("game_1", "frags", "w_1_2", segment="g1"),
    }
    assert len(boards) == 6
    assert grant_id("a", "bc", "t") != grant_id("ab", "c", "t")
    assert grant_id("a", "b", "t", 0) != grant_id("a", "b", "t", 1)
