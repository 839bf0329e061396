# ruff: noqa: S106 - they look like secrets and are hashes of none
"""A forgotten player: nothing of them is left in the state, and nothing can be asked of them."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.liveops.commands import (
    CloseWindow,
    CreditWallet,
    FinalizeBoard,
    ForgetPlayer,
    GiveGrant,
    JoinEvent,
    RegisterPlayer,
    ReportProgress,
    SettleLobbies,
)
from schemas.liveops.event_windows import BoardChunkFinalized, EventJoined, LobbyActivated
from schemas.liveops.events import PlayerForgotten
from schemas.liveops.names import (
    board_id,
    event_aggregate,
    forgotten_name,
    is_pseudonym,
    player_aggregate,
    pseudonym,
)
from schemas.liveops.views import FinalEntry
from streams.deciders.liveops.noun import LIVEOPS
from streams.deciders.liveops.state import pack, unpack
from tests.streams.deciders.liveops.given import AT_MS, GAME_ID, WINDOW_MS, Liveops, event, kinds, only

ANN = pseudonym("a" * 32)
FORGET = ForgetPlayer(pseudonym=ANN)


def duel(**more: Any) -> dict[str, Any]:
    return event(
        "duel",
        mode="grouped",
        groupSize=2,
        matchmaking={"size": 2, "minPlayers": 2, "fillSeconds": 20},
        **more,
    )


def test_a_pseudonym_has_a_form_of_its_own_and_is_of_one_game() -> None:
    assert is_pseudonym(ANN)
    assert not is_pseudonym("forgotten:me")
    assert not is_pseudonym(f"{ANN}0")
    assert forgotten_name("game_1", "ann") != forgotten_name("game_2", "ann")


def test_nothing_of_the_player_is_left_and_nothing_can_be_asked_of_them() -> None:
    world = Liveops()
    world.given(RegisterPlayer(secret_hash="h1"))
    world.given(CreditWallet(economy_key="gold", amount=5))
    attempt = world.start().attempt
    world.given(CreditWallet(economy_key="gold", amount=7), "bob")
    bob = world.player("bob")

    forgotten = only(PlayerForgotten, world.given(FORGET))
    assert (forgotten.external_id, forgotten.pseudonym) == ("ann", ANN)
    assert (forgotten.was_known, forgotten.was_in_windows) == (True, False)
    assert player_aggregate(GAME_ID, "ann") not in world.state.players
    assert world.player("bob") == bob
    for asked in (
        RegisterPlayer(secret_hash="h2"),
        RegisterPlayer(secret_hash="h2", force=True),
        CreditWallet(economy_key="gold", amount=1),
        ReportProgress(event_key="frags", attempt_id=attempt.id, mode="set", metric_value=1.0),
        GiveGrant(),
    ):
        assert world.refusal(asked) == (404, "not_found")
        assert world.refusal(asked, ANN) == (404, "not_found")
    world.given(CreditWallet(economy_key="gold", amount=1), "bob")


def test_asked_again_it_changes_nothing_and_a_snapshot_keeps_it() -> None:
    world = Liveops()
    world.given(RegisterPlayer(secret_hash="h1"))
    world.given(FORGET)
    assert world.given(FORGET) == []
    assert world.given(ForgetPlayer(pseudonym=pseudonym("b" * 32))) == []
    assert unpack(pack(world.state)) == world.state
    assert world.refusal(ForgetPlayer(pseudonym="ann"), "eve") == (400, "validation_failed")
    assert world.refusal(FORGET, ANN) == (404, "not_found")


def test_in_another_partition_whoever_is_unknown_is_forgotten_too() -> None:
    world = Liveops()
    forgotten = only(PlayerForgotten, world.given(FORGET))
    assert (forgotten.was_known, forgotten.was_in_windows) == (False, False)
    assert world.refusal(RegisterPlayer(secret_hash="h1")) == (404, "not_found")


def test_groups_and_lobbies_have_the_pseudonym_in_their_place() -> None:
    world = Liveops(duel())
    window = world.window("duel")

    def joined(name: str) -> EventJoined:
        command = JoinEvent(event_key="duel", window_id=window, external_id=name)
        return only(EventJoined, world.given(command))

    joined("ann")
    forgotten = only(PlayerForgotten, world.given(FORGET))
    assert (forgotten.was_known, forgotten.was_in_windows) == (False, True)
    assert world.refusal(JoinEvent(event_key="duel", window_id=window, external_id="ann")) == (
        404,
        "not_found",
    )
    command = JoinEvent(event_key="duel", window_id=window, external_id="bob")
    activated = only(LobbyActivated, world.given(command))
    assert [member.external_id for member in activated.players] == [ANN, "bob"]
    held = world.state.windows[event_aggregate(GAME_ID, "duel", window)]
    assert (dict(held.groups), set(held.lobby_of)) == ({ANN: 1, "bob": 1}, {ANN, "bob"})
    assert "ann" not in repr(world.state.windows)


@pytest.mark.parametrize("bot", [False, True])
def test_a_rank_that_was_read_before_is_frozen_under_the_pseudonym(*, bot: bool) -> None:
    world = Liveops()
    world.start()
    window = world.window()
    world.given(FORGET)
    world.at_ms = AT_MS + WINDOW_MS
    world.given(CloseWindow(event_key="frags", window_id=window))
    world.given(SettleLobbies(event_key="frags", window_id=window))
    entries = [
        FinalEntry(rank=1, external_id="ann", score=3.0, achieved_at_ms=AT_MS, is_bot=bot),
        FinalEntry(rank=2, external_id="bob", score=2.0, achieved_at_ms=AT_MS),
    ]
    frozen = world.given(
        FinalizeBoard(
            event_key="frags",
            window_id=window,
            board_id=board_id(GAME_ID, "frags", window),
            chunk=0,
            entries=entries,
            last=True,
        )
    )
    assert kinds(frozen) == ["BoardChunkFinalized", "BoardFinalized"]
    chunk = only(BoardChunkFinalized, frozen)
    assert [entry.external_id for entry in chunk.entries] == ["ann" if bot else ANN, "bob"]


def test_the_aggregate_counts_on() -> None:
    world = Liveops()
    world.given(RegisterPlayer(secret_hash="h1"))
    name = player_aggregate(GAME_ID, "ann")
    before = LIVEOPS.sequence(world.state, name)
    world.given(FORGET)
    assert LIVEOPS.sequence(world.state, name) == before + 1
