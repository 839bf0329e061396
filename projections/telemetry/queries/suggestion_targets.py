"""What fixes are suggested for: the frictions of most testers, with the insights that show them.

Source: contract/analytics.md, "`builds/compare/suggestions`".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from projections.telemetry.queries.friction_diff import ChangeKind, Side, changes_of, share_pct
from schemas.telemetry.friction import FRICTION_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projections.telemetry.queries.build_compare import BuildFriction
    from projections.telemetry.queries.client import Queries
    from projections.telemetry.queries.filters import Conditions

OF_ONE_BUILD: Final = 5
OF_A_COMPARISON: Final = 8
INSIGHTS_MAX: Final = 12
"""Of one target."""
_STILL_BAD: Final[frozenset[ChangeKind]] = frozenset({"carried_over", "got_larger", "introduced"})


class Shown(msgspec.Struct, frozen=True):
    """An insight that shows a friction: its id, whose session it is of, and what it says."""

    id: str
    tester: str
    text: str


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A friction of a build. `insights` are the most certain first, then by id."""

    tag: str
    type: str
    testers: int
    pct: int
    change: ChangeKind | None = None
    """What became of it since the build before, where two are compared."""
    insights: list[Shown] = []


def targets_of_build(build: BuildFriction) -> list[Target]:
    """The first 5 of a build's `byTag`. Pure."""
    return [
        Target(tag=one.tag, type=one.type, testers=one.testers, pct=share_pct(one.testers, build.testers))
        for one in build.tags[:OF_ONE_BUILD]
    ]


def targets_of_comparison(a: BuildFriction, b: BuildFriction) -> list[Target]:
    """The 8 of most testers among what is still there in `b`, then by tag. Pure."""
    types = {one.tag: one.type for one in b.tags}
    found = [one for one in changes_of(_side(a), _side(b)) if one.kind in _STILL_BAD]
    found.sort(key=lambda one: (-one.pct_b, one.tag))
    return [
        Target(tag=one.tag, type=types[one.tag], testers=one.testers_b, pct=one.pct_b, change=one.kind)
        for one in found[:OF_A_COMPARISON]
    ]


async def with_insights(queries: Queries, of_build: Conditions, targets: list[Target]) -> list[Target]:
    """The targets with their insights. `of_build` are conditions on `insights`: a build, an environment."""
    conditions = (
        of_build.copy()
        .holds("removed = 0 AND type IN {types:Array(String)}", types=list(FRICTION_TYPES))
        .holds("tag IN {tags:Array(String)}", tags=[one.tag for one in targets])
    )
    rows = await queries.query(
        "SELECT tag, insight_id, player_id, evidence FROM insights FINAL "  # noqa: S608 - placeholders only
        f"WHERE {conditions} ORDER BY tag, confidence DESC, insight_id LIMIT {INSIGHTS_MAX} BY tag",
        conditions.parameters,
    )
    shown: dict[str, list[Shown]] = {}
    for tag, *insight in rows:
        shown.setdefault(tag, []).append(Shown(*insight))
    return [msgspec.structs.replace(one, insights=shown.get(one.tag, [])) for one in targets]


def _side(build: BuildFriction) -> Side:
    with_tag: Mapping[str, int] = {one.tag: one.testers for one in build.tags}
    return Side(build.testers, with_tag)
