"""Crates: which row of a weighted table a seed draws. The draw can be verified with table and seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from schemas.liveops.views import CrateRow

_BITS: Final = 53


def roll(table: Sequence[CrateRow], seed: bytes, grant_id: str) -> int:
    """The index of the drawn row, with probability weight / sum of weights. `table` is not empty.

    One 53-bit number from SHA-256 of seed and grant id, so that crates opened with one seed differ.
    """
    digest = hashlib.sha256(seed + grant_id.encode()).digest()
    fraction = (int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / (1 << _BITS)
    bounds = list(accumulate(row.weight for row in table))
    drawn = fraction * bounds[-1]
    for index, bound in enumerate(bounds):
        if drawn < bound:
            return index
    return len(bounds) - 1  # the product may round up to the sum itself
