"""Halves go up, whatever the size of the numbers."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from schemas.rounding import half_up, half_up_to


def test_halves_go_up() -> None:
    assert [half_up(n, 2) for n in (1, 3, 5)] == [1, 2, 3]
    assert (half_up(1499, 1000), half_up(1500, 1000)) == (1, 2)
    assert half_up_to(145, 1000, 2) == 0.15  # 0.145 * 100 is 14.499… in floats
    assert (half_up(5, 0), half_up_to(5, 0, 2)) == (0, 0.0)


@given(st.integers(0, 10**15), st.integers(1, 10**12), st.integers(0, 6))
def test_as_decimals_round(numerator: int, denominator: int, places: int) -> None:
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(numerator) / Decimal(denominator)
        expected = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    assert half_up_to(numerator, denominator, places) == float(expected)
