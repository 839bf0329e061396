"""What became of each kind of friction between two builds. Pure.

Source: contract/analytics.md, "`builds/compare`", and the reference's kinds.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

import msgspec

from schemas.rounding import half_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ChangeKind = Literal["resolved", "got_smaller", "carried_over", "got_larger", "introduced"]
CHANGE_KINDS: Final[tuple[ChangeKind, ...]] = get_args(ChangeKind)
CHANGED_FROM_POINTS: Final = 10
"""A smaller difference is none."""
CHANGES_MAX: Final = 200
SAMPLE_LOW_BELOW: Final = 5


class Side(NamedTuple):
    """One build: how many testers it has, and how many of them met each tag (at least one)."""

    testers: int
    with_tag: Mapping[str, int]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One tag in both builds. Shares are whole percents of a build's testers; `delta_pct` is in points."""

    kind: ChangeKind
    tag: str
    delta_pct: int
    pct_a: int
    pct_b: int
    testers_a: int
    testers_b: int


class Diff(msgspec.Struct, frozen=True):
    """The changes of most weight, and how many there are of each kind in all."""

    changes: list[Change]
    totals: dict[ChangeKind, int]
    low_sample: bool


def share_pct(testers_with_tag: int, testers: int) -> int:
    """Whole percents, halves up; 0 of none."""
    return half_up(100 * testers_with_tag, testers)


def diff(a: Side, b: Side) -> Diff:
    """From `a` to `b`: by kind in the reference's order, the largest differences first, then by tag."""
    changes = sorted(changes_of(a, b), key=_order)
    counts = Counter(change.kind for change in changes)
    return Diff(
        changes=changes[:CHANGES_MAX],
        totals={kind: counts[kind] for kind in CHANGE_KINDS},
        low_sample=min(a.testers, b.testers) < SAMPLE_LOW_BELOW,
    )


def changes_of(a: Side, b: Side) -> Iterable[Change]:
    """Every tag of either build, in no order."""
    for tag in a.with_tag.keys() | b.with_tag.keys():
        testers_a, testers_b = a.with_tag.get(tag, 0), b.with_tag.get(tag, 0)
        pct_a, pct_b = share_pct(testers_a, a.testers), share_pct(testers_b, b.testers)
        yield Change(
            kind=_kind(testers_a, testers_b, pct_b - pct_a),
            tag=tag,
            delta_pct=pct_b - pct_a,
            pct_a=pct_a,
            pct_b=pct_b,
            testers_a=testers_a,
            testers_b=testers_b,
        )


def _kind(testers_a: int, testers_b: int, delta_pct: int) -> ChangeKind:
    if not testers_b:
        return "resolved"
    if not testers_a:
        return "introduced"
    if delta_pct <= -CHANGED_FROM_POINTS:
        return "got_smaller"
    return "got_larger" if delta_pct >= CHANGED_FROM_POINTS else "carried_over"


def _order(change: Change) -> tuple[int, int, str]:
    return CHANGE_KINDS.index(change.kind), -abs(change.delta_pct), change.tag
