"""A game is in one group, and a group is known by its number and by how many there are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from projections.liveops.projection import LIVEOPS
from projections.redis.stores import Group, NounStores, RedisStores, group_of
from projections.studio.projection import STUDIO

if TYPE_CHECKING:
    from redis.asyncio import Redis

GAMES = st.text(max_size=40)
COUNTS = st.integers(min_value=1, max_value=64)


def client(name: str) -> Redis:
    """Stands for one: none of these tests asks it anything."""
    return cast("Redis", name)


@given(GAMES, COUNTS)
def test_exactly_one_group_holds_a_game(game_id: str, count: int) -> None:
    holding = [index for index in range(count) if Group(index, count).holds(game_id)]
    assert holding == [group_of(game_id, count)]
    stores = NounStores("n", [client(str(index)) for index in range(count)])
    assert stores.of(game_id) is stores.all[holding[0]]


def test_the_rule_is_stored_by_its_effect() -> None:
    games = ["72ab8f81-ef36-4712-a046-399a62b9afaa", "game_shortwindow", ""]
    dealt = [[group_of(game, count) for count in (1, 2, 3, 64)] for game in games]
    assert dealt == [
        [0, 1, 2, 53],
        [0, 0, 0, 6],
        [0, 0, 0, 0],
    ]


def test_games_are_spread_evenly() -> None:
    counted = Counter(group_of(f"game_{number}", 4) for number in range(4_000))
    assert min(counted.values()) > 900


def test_names_of_other_counts_and_groups_differ() -> None:
    names = [Group(index, count).name("liveops") for count in range(1, 9) for index in range(count)]
    assert names[0] == "liveops"
    assert len({*names}) == len(names)


def test_only_spread_nouns_are_in_groups() -> None:
    common, one, two = client("common"), client("one"), client("two")
    stores = RedisStores(common, [one, two])
    assert [store.redis for store in stores.of(LIVEOPS).all] == [one, two]
    assert [tuple(store) for store in stores.of(STUDIO).all] == [(common, "studio")]
    assert [tuple(store) for store in RedisStores(common).of(LIVEOPS).all] == [(common, "liveops")]
