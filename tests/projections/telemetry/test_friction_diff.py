"""What became of friction: kinds by presence and points, order, totals."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from projections.telemetry.queries.friction_diff import (
    CHANGE_KINDS,
    CHANGES_MAX,
    Change,
    Side,
    diff,
)

TAGS = ("a-stuck", "b-bug", "c-ui", "d-difficulty", "pacing-issue")
sides = st.integers(0, 40).flatmap(
    lambda testers: st.builds(
        Side,
        st.just(testers),
        st.dictionaries(st.sampled_from(TAGS), st.integers(1, max(testers, 1))) if testers else st.just({}),
    )
)


def kinds(a: Side, b: Side) -> dict[str, str]:
    return {change.tag: change.kind for change in diff(a, b).changes}


def test_ten_points_are_a_change_and_nine_are_none() -> None:
    a = Side(100, {"up-bug": 50, "up-less-bug": 50, "down-bug": 50, "down-less-bug": 50, "gone-bug": 1})
    b = Side(100, {"up-bug": 60, "up-less-bug": 59, "down-bug": 40, "down-less-bug": 41, "new-bug": 1})
    assert kinds(a, b) == {
        "gone-bug": "resolved",
        "down-bug": "got_smaller",
        "down-less-bug": "carried_over",
        "up-less-bug": "carried_over",
        "up-bug": "got_larger",
        "new-bug": "introduced",
    }


def test_a_tag_of_one_tester_in_many_is_there_though_its_share_is_zero() -> None:
    (change,) = diff(Side(1000, {"a-bug": 1}), Side(1000, {})).changes
    assert change == Change(
        kind="resolved", tag="a-bug", delta_pct=0, pct_a=0, pct_b=0, testers_a=1, testers_b=0
    )


def test_an_empty_side_resolves_or_introduces_all() -> None:
    full = Side(5, {"a-bug": 5, "b-bug": 1})
    gone = diff(full, Side(0, {}))
    assert [(change.kind, change.delta_pct) for change in gone.changes] == [
        ("resolved", -100),
        ("resolved", -20),
    ]
    assert gone.totals["resolved"] == 2
    assert gone.low_sample
    new = diff(Side(0, {}), full)
    assert {change.kind for change in new.changes} == {"introduced"}
    empty = diff(Side(0, {}), Side(0, {}))
    assert (empty.changes, sum(empty.totals.values()), empty.low_sample) == ([], 0, True)
    assert not diff(full, full).low_sample


def test_totals_count_more_changes_than_are_listed() -> None:
    many = Side(10, {f"place-{number:04}-bug": 1 for number in range(CHANGES_MAX + 50)})
    found = diff(many, Side(10, {}))
    assert len(found.changes) == CHANGES_MAX
    assert found.totals["resolved"] == CHANGES_MAX + 50
    assert [change.tag for change in found.changes[:2]] == ["place-0000-bug", "place-0001-bug"]


@given(sides, sides, st.randoms(use_true_random=False))
def test_as_counted_by_hand_in_whatever_order_tags_come(a: Side, b: Side, random: object) -> None:
    def pct(part: int, whole: int) -> int:
        return floor(Fraction(100 * part, whole) + Fraction(1, 2)) if whole else 0

    expected = []
    for tag in a.with_tag.keys() | b.with_tag.keys():
        pct_a, pct_b = pct(a.with_tag.get(tag, 0), a.testers), pct(b.with_tag.get(tag, 0), b.testers)
        change = pct_b - pct_a
        moved = "got_smaller" if change <= -10 else "got_larger" if change >= 10 else "carried_over"
        kind = "resolved" if tag not in b.with_tag else "introduced" if tag not in a.with_tag else moved
        expected.append((CHANGE_KINDS.index(kind), -abs(change), tag, change, pct_a, pct_b))
    expected.sort()
    found = diff(a, b)
    assert [
        (
            CHANGE_KINDS.index(one.kind),
            -abs(one.delta_pct),
            one.tag,
            one.delta_pct,
            one.pct_a,
            one.pct_b,
        )
        for one in found.changes
    ] == expected
    assert found.totals == {
        kind: Counter(one[0] for one in expected)[n] for n, kind in enumerate(CHANGE_KINDS)
    }

    def shuffled(side: Side) -> Side:
        tags = list(side.with_tag.items())
        random.shuffle(tags)  # type: ignore[attr-defined]
        return Side(side.testers, dict(tags))

    assert diff(shuffled(a), shuffled(b)) == found
