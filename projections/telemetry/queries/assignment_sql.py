"""Who gets which variant, as expressions of ClickHouse's SQL over `player_id` and `build_id`.

They say what `schemas.studio.assignment` and `schemas.studio.builds` say; a test compares both. What a
definition holds travels as parameters, whose names begin with `x_`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.studio.assignment import BUCKETS, COVERAGE, VARIANT
from schemas.studio.builds import BuildOrder, build_order

if TYPE_CHECKING:
    from projections.clickhouse.statements import Value
    from schemas.studio.assignment import Assignment


def bucket(purpose: str) -> str:
    """0 to 9999 of a device, for a purpose; `x_seed` is the assignment's."""
    text = f"concat({{x_seed:String}}, player_id, '\\n{purpose}')"
    return f"reinterpretAsUInt64(reverse(substring(SHA256({text}), 1, 8))) % {BUCKETS}"


_INTEGERS: Final = "extract(build_id, '^[0-9]+(?:[.][0-9]+)*')"
_DIGITS: Final = (
    f"arrayMap(part -> replaceRegexpOne(part, '^0+', ''), "
    f"splitByChar('.', replaceRegexpOne({_INTEGERS}, '(?:[.]0+)+$', '')))"
)
_SUFFIX: Final = f"substring(build_id, length({_INTEGERS}) + 1)"
PLACE: Final = (
    f"(arrayStringConcat(arrayMap(digits -> concat(leftPad(toString(length(digits)), 3, '0'), digits), "
    f"{_DIGITS})), multiIf({_SUFFIX} = '', 1, startsWith({_SUFFIX}, '-'), 0, 2), {_SUFFIX})"
)
"""A build's place in the order, to be compared as a tuple; only where `ORDERED` holds."""
ORDERED: Final = f"{_INTEGERS} != ''"
"""Whether a build has a place in the order."""


def parameters(assignment: Assignment) -> dict[str, Value]:
    """What the expressions of an assignment are filled with."""
    found: dict[str, Value] = {
        "x_seed": assignment.seed,
        "x_covered": assignment.covered_below,
        "x_below": [split.below for split in assignment.splits],
        "x_keys": [split.key for split in assignment.splits],
        "x_pinned": list(assignment.pins),
    }
    audience = assignment.audience
    if audience is not None:
        if audience.device_ids:
            found["x_devices"] = audience.device_ids
        if audience.builds:
            found["x_builds"] = audience.builds
        for side, build in (("min", audience.min_build), ("max", audience.max_build)):
            place = build_order(build) if build is not None else None
            if place is not None:
                found |= _place(side, place)
    return found


def _place(side: str, place: BuildOrder) -> dict[str, Value]:
    return {
        f"x_{side}_integers": place.integers,
        f"x_{side}_rank": place.suffix_rank,
        f"x_{side}_suffix": place.suffix,
    }


def pinned() -> str:
    """Whether a device is pinned."""
    return "has({x_pinned:Array(String)}, player_id)"


def in_audience(assignment: Assignment) -> str:
    """Whether the audience has a device with its build, whether or not the device is pinned."""
    audience = assignment.audience
    holds = ["1"]
    if audience is not None:
        if audience.device_ids:
            holds.append("has({x_devices:Array(String)}, player_id)")
        if audience.builds:
            holds.append("has({x_builds:Array(String)}, build_id)")
        for side, build, sign in (("min", audience.min_build, ">="), ("max", audience.max_build, "<=")):
            if build is not None:
                bound = f"({{x_{side}_integers:String}}, {{x_{side}_rank:UInt8}}, {{x_{side}_suffix:String}})"
                holds.append(f"{ORDERED} AND {PLACE} {sign} {bound}")
    return " AND ".join(f"({one})" for one in holds)


def variant(assignment: Assignment) -> str:
    """The key of the variant of a device that is meant; empty for one that is not covered."""
    # The bucket is the same text in each condition, so that ClickHouse computes it once for a row.
    chosen = ", ".join(
        f"{bucket(VARIANT)} < {{x_below:Array(UInt32)}}[{number}], {{x_keys:Array(String)}}[{number}]"
        for number in range(1, len(assignment.splits) + 1)
    )
    if assignment.covered_below >= BUCKETS:  # all are covered: half of the hashing is spared
        return f"multiIf({chosen}, '')"
    return f"if({bucket(COVERAGE)} < {{x_covered:UInt32}}, multiIf({chosen}, ''), '')"
