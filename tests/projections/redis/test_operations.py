"""A record's operations on their way to the script."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from projections.redis.operations import Operation, delete, expire_as, expire_at, flat, set_field, set_score

names = st.sampled_from("abc")
expirations = st.builds(expire_as, names, names)
others = st.one_of(
    st.builds(set_field, names, names, names),
    st.builds(set_score, names, st.just(1.0), names),
    st.builds(expire_at, names, st.just(5)),
    st.builds(delete, names),
)


def test_a_board_s_keys_are_told_once_when_they_go() -> None:
    moved = set_score("entries", 1.0, "ann"), set_score("entries", 2.0, "bob")
    going = expire_as("entries", "board"), expire_as("members", "board")
    assert flat([moved[0], *going, moved[1], *going]) == [*chain(*moved), *chain(*going)]


@given(st.lists(expirations | others))
def test_all_else_stays_in_its_place(operations: list[Operation]) -> None:
    last = {operation: place for place, operation in enumerate(operations) if operation[0] == "expireas"}
    kept = [one for place, one in enumerate(operations) if last.get(one, place) == place]
    assert flat(operations) == list(chain.from_iterable(kept))
