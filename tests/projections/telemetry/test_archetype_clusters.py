"""Clusters of testers against the contract's words: order, ties, sizes, and ids that stay."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.telemetry.queries.archetype_clusters import (
    CLUSTERS_MAX,
    Cluster,
    Described,
    archetype_id,
    clusters,
)
from tests.ai_server import vector


def described(device: str, text: str, sessions: int = 1, friction: str = "") -> Described:
    return Described(
        device_id=device, sessions=sessions, active_ms=0, friction=frozenset(friction.split()), text=text
    )


def vectors(*testers: Described) -> dict[str, list[float]]:
    return {one.text: vector(one.text) for one in testers}


def shape(found: list[Cluster]) -> list[list[str]]:
    return [[member.device_id for member in one.members] for one in found]


def slowly(testers: list[Described], similarity: float) -> list[list[str]]:
    """The contract's sentences, one by one."""
    groups: list[list[Described]] = []
    for one in sorted(testers, key=lambda it: (-it.sessions, it.device_id)):
        cosines = [
            round(sum(a * b for a, b in zip(vector(group[0].text), vector(one.text), strict=True)), 6)
            for group in groups
        ]
        best = max(cosines, default=-1.0)
        if best >= similarity:
            groups[cosines.index(best)].append(one)
        else:
            groups.append([one])
    some = [group for group in groups if len(group) >= 2]
    some.sort(key=lambda group: (-len(group), group[0].device_id))
    return [[member.device_id for member in group] for group in some[:CLUSTERS_MAX]]


WORDS = ("door", "stuck", "music", "boss", "menu", "loved")
TESTERS = st.lists(
    st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), st.integers(1, 3)), max_size=25
)


@given(TESTERS, st.sampled_from([0.3, 0.5, 0.75]), st.randoms())
def test_clusters_are_those_of_the_contract_whatever_the_order(
    some: list[tuple[list[str], int]], similarity: float, order: random.Random
) -> None:
    testers = [described(f"d{n:02d}", " ".join(words), count) for n, (words, count) in enumerate(some)]
    expected = slowly(testers, similarity)
    order.shuffle(testers)
    assert shape(clusters(testers, vectors(*testers), similarity)) == expected


def test_a_tie_goes_to_the_older_cluster_and_an_added_tester_changes_no_id() -> None:
    testers = [
        described("a", "door", 9),
        described("b", "boss", 8),
        described("c", "door boss", 7),  # as similar to both
        described("d", "boss", 1),
    ]
    before = clusters(testers, vectors(*testers), 0.5)
    assert shape(before) == [["a", "c"], ["b", "d"]]
    more = [*testers, described("e", "door door boss", 1)]
    after = clusters(more, vectors(*more), 0.5)
    ids = [archetype_id("g", "production", one.founder.device_id) for one in before]
    assert [archetype_id("g", "production", one.founder.device_id) for one in after] == ids
    assert ids[0].startswith("arc_")
    assert len({*ids, archetype_id("g", "demo", "a"), archetype_id("h", "production", "a")}) == 4


def test_there_are_at_most_12_clusters_of_2_and_more() -> None:
    testers = [described(f"d{n:02d}{m}", f"word{n}") for n in range(15) for m in range(2)]
    testers.append(described("alone", "nothing like it"))
    found = clusters(testers, vectors(*testers), 0.75)
    assert shape(found) == [[f"d{n:02d}0", f"d{n:02d}1"] for n in range(12)]


def test_common_friction_is_of_two_members_and_30_percent() -> None:
    members = [
        described(f"d{n}", "t", friction=f"all {'some' if n < 3 else ''} {f'own{n}'}") for n in range(10)
    ]
    cluster = Cluster(members=members, similarities=[1.0] * 10)
    assert cluster.common_friction() == ["all", "some"]
    few = Cluster(members=members[2:6], similarities=[1.0] * 4)
    assert few.common_friction() == ["all"]
    many = [described(f"d{n}", "t", friction="z y x w v u") for n in range(2)]
    assert Cluster(members=many, similarities=[1.0] * 2).common_friction() == ["u", "v", "w", "x", "y"]


def test_representatives_are_the_founder_then_the_most_similar() -> None:
    members = [described(one, "t") for one in ("m", "z", "b", "a")]
    cluster = Cluster(members=members, similarities=[1.0, 0.9, 0.8, 0.9])
    assert [one.device_id for one in cluster.representatives(3)] == ["m", "a", "z"]


@pytest.mark.parametrize("count", [0, 1])
def test_few_testers_make_no_cluster(count: int) -> None:
    testers = [described(f"d{n}", "t") for n in range(count)]
    assert clusters(testers, vectors(*testers), 0.5) == []
