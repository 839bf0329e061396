"""The two tests of a comparison: whether exposures fit the allocations, whether two rates differ. Pure.

The tail of the chi-square distribution with a whole number of degrees has a closed form, a short sum after
the normal tail (odd) or 0 (even): a library for it (scipy, 40 MB) would be a large part of the installation.
Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.4.4 and 26.4.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

EXPOSURES_MIN: Final = 100
EXPECTED_MIN: Final = 5
MISMATCH_BELOW: Final = 0.001
ELIGIBLE_MIN: Final = 100
STRONG_BELOW: Final = 0.01
LEANING_BELOW: Final = 0.1

SrmStatus = Literal["ok", "mismatch", "insufficient"]
Label = Literal["strong", "leaning", "inconclusive"]


class Srm(NamedTuple):
    """Sample ratio mismatch: whether as many take part in each variant as the allocations say."""

    status: SrmStatus
    chi_square: float | None
    p_value: float | None
    """Both None where it is `insufficient`."""


def chi_square_tail(value: float, degrees: int) -> float:
    """The probability of at least `value` with so many degrees of freedom (from 1)."""
    half = value / 2
    if degrees % 2:
        total = math.erfc(math.sqrt(half))
        term, power = math.exp(-half) * math.sqrt(half) / math.gamma(1.5), 1.5
    else:
        total = 0.0
        term, power = math.exp(-half), 1.0
    while 2 * power <= degrees:
        total += term
        term *= half / power
        power += 1
    return min(1.0, total)


def srm(exposures: Sequence[int], shares: Sequence[float]) -> Srm:
    """Exposures against allocations, which are shares of any whole."""
    total, whole = sum(exposures), sum(shares)
    expected = [total * share / whole for share in shares]
    if total < EXPOSURES_MIN or min(expected) < EXPECTED_MIN:
        return Srm("insufficient", None, None)
    chi_square = sum((seen - due) ** 2 / due for seen, due in zip(exposures, expected, strict=True))
    p_value = chi_square_tail(chi_square, len(shares) - 1)
    status: SrmStatus = "mismatch" if p_value < MISMATCH_BELOW else "ok"
    return Srm(status, six_digits(chi_square), six_digits(p_value))


def two_proportions_p(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Two-sided p of the pooled z test; each is (successes, of how many), of at least one."""
    (hits, size), (other_hits, other_size) = one, other
    pooled = (hits + other_hits) / (size + other_size)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / size + 1 / other_size))
    if spread == 0:
        return 1.0
    z = (hits / size - other_hits / other_size) / spread
    return math.erfc(abs(z) / math.sqrt(2))


def confidence(retained: Sequence[tuple[int, int]], srm_status: SrmStatus) -> Label:
    """How sure a difference on D1 is: (retained, eligible) of each variant, the baseline first.

    The smallest p of any variant against the baseline, times how many there are (Bonferroni).
    """
    baseline, *others = retained
    if srm_status == "mismatch" or baseline[1] < ELIGIBLE_MIN:
        return "inconclusive"
    compared = [two_proportions_p(one, baseline) for one in others if one[1] >= ELIGIBLE_MIN]
    corrected = min(compared, default=1.0) * len(others)
    if corrected < STRONG_BELOW:
        return "strong"
    return "leaning" if corrected < LEANING_BELOW else "inconclusive"


def six_digits(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")
