"""A state in pieces: whole again when put together, and no piece takes long."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from streams.deciders import state_chunks
from streams.deciders.liveops.noun import LIVEOPS
from streams.deciders.liveops.state import (
    Board,
    EventWindow,
    Holding,
    LiveopsState,
    Lobby,
    Marker,
    Player,
    Run,
)

names = st.text("abcdé", min_size=1, max_size=6)
numbers = st.integers(0, 2**62)
players = st.builds(
    Player,
    external_id=names,
    created_at_ms=numbers,
    secret_hash=names,
    wallet=st.dictionaries(names, st.builds(Holding, numbers, numbers), max_size=3).map(Map),
    items=st.dictionaries(names, st.builds(Holding, numbers, numbers), max_size=3).map(Map),
    runs=st.dictionaries(
        names,
        st.lists(
            st.builds(Run, names, numbers, numbers, numbers, st.just(()), settled=st.just(Map({"lb": 1.5}))),
            max_size=2,
        ).map(tuple),
        max_size=2,
    ).map(Map),
)
lobbies = st.builds(
    Lobby, names, numbers, st.sampled_from(["forming", "active"]), names, numbers, numbers, numbers, st.none()
)
windows = st.builds(
    EventWindow,
    sequence=numbers,
    groups=st.dictionaries(names, numbers, max_size=200).map(Map),
    lobbies=st.dictionaries(names, lobbies, max_size=3).map(Map),
    lobby_of=st.dictionaries(names, names, max_size=3).map(Map),
    boards=st.dictionaries(names, st.builds(Board, numbers, numbers, st.booleans()), max_size=3).map(Map),
)
states = st.builds(
    LiveopsState,
    players=st.dictionaries(names, players, max_size=5).map(Map),
    markers=st.dictionaries(names, st.builds(Marker, numbers, names, st.binary()), max_size=3).map(Map),
    windows=st.dictionaries(names, windows, max_size=3).map(Map),
    time_ms=numbers,
)


@given(states)
def test_a_packed_state_is_the_same_again(state: LiveopsState) -> None:
    assert LIVEOPS.unpack(LIVEOPS.pack(state)) == state


def test_no_piece_has_more_entries_than_are_quickly_packed() -> None:
    count = 10 * state_chunks.PIECE_ENTRIES + 1
    member = Map({f"p{number}": number for number in range(count)})
    player = Map({f"p{number}": Player(f"p{number}", number) for number in range(count)})
    state = LiveopsState(players=player, windows=Map({"w": EventWindow(groups=member)}))
    found: dict[tuple[str, ...], list[int]] = {}
    for data in LIVEOPS.pack(state):
        piece = state_chunks.read_chunk(data)
        content = msgspec.msgpack.decode(piece.content)
        if isinstance(content, dict):
            found.setdefault(piece.path, []).append(len(content))
    assert found == {
        ("players",): [state_chunks.PIECE_ENTRIES] * 10 + [1],
        ("windows", "w", "groups"): [state_chunks.PIECE_ENTRIES] * 10 + [1],
    }


@pytest.mark.parametrize("pieces", [[], [state_chunks.chunk(("players",), {})]])
def test_what_is_no_whole_state_is_refused(pieces: list[bytes]) -> None:
    with pytest.raises(msgspec.DecodeError, match="no whole state"):
        LIVEOPS.unpack(pieces)
