from __future__ import annotations

from typing import Any

import pytest

from schemas.numbers import whole, whole_of_text, whole_within


@pytest.mark.parametrize(("value", "integer"), [(5.0, 5), (-0.0, 0), (-3.0, -3), (2.0**53 - 1, 2**53 - 1)])
def test_a_whole_float_is_the_integer(value: float, integer: int) -> None:
    assert (type(whole(value)), whole(value)) == (int, integer)
    assert whole_within({"a": [value]}, 2) == {"a": [integer]}
    assert type(whole_within({"a": [value]}, 1)["a"][0]) is float


@pytest.mark.parametrize(
    "value", [5.5, 2.0**53, -(2.0**53), 1e300, float("inf"), float("nan"), "5.0", True, None, 5]
)
def test_anything_else_stays_as_it_is(value: Any) -> None:
    assert whole(value) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [("20", 20), ("20.0", 20), ("20.", 20), ("2e1", 20), ("-1", -1), ("0", 0), ("9007199254740992", 2**53)],
)
def test_a_query_s_integer(text: str, value: int) -> None:
    assert whole_of_text(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "5.5", "1e17", "9007199254740993.0", "\u0661", "1_0", " 1", "0x1", "1e999", "inf", "9" * 19, "1e-1"],
)
def test_a_query_s_text_that_is_no_integer(text: str) -> None:
    assert whole_of_text(text) is None
