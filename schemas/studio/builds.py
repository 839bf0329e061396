"""The order of builds, for audiences: by leading dotted integers, then suffix, then text. Pure.

Source: the analytics contract, "Experiments": missing integers are 0; a `-suffix` comes before none, none
before any other suffix. A build that begins with no integer has no place in the order.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

REMEMBERED_MAX: Final = 2048
"""Builds whose places are remembered: players have few, and every assignment asks."""
_SHAPE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)*)(.*)", re.DOTALL)
_ZEROS: Final = re.compile(r"(?:\.0+)+$")


class BuildOrder(NamedTuple):
    """A build's place: compare as a tuple. `projections` has the same as an expression of ClickHouse.

    `integers` has each integer as three digits of its length and its digits without leading zeros, so that
    the order of the text is that of the numbers, however large they are; zeros at the end are left out.
    """

    integers: str
    suffix_rank: int
    """0 for `-suffix`, 1 for none, 2 for any other."""
    suffix: str


@lru_cache(maxsize=REMEMBERED_MAX)
def build_order(build: str) -> BuildOrder | None:
    """A build's place in the order; None where it begins with no integer."""
    shape = _SHAPE.fullmatch(build)
    if shape is None:
        return None
    numbers, suffix = shape.groups()
    digits = [part.lstrip("0") for part in _ZEROS.sub("", numbers).split(".")]
    integers = "".join(f"{len(one):03d}{one}" for one in digits)
    return BuildOrder(integers, 1 if not suffix else 0 if suffix.startswith("-") else 2, suffix)
