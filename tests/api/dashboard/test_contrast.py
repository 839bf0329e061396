"""Texts can be read: each colour of texts on each colour they stand on, in both themes, by WCAG's formula."""

from __future__ import annotations

import re
from itertools import product

import pytest

from api.dashboard.static_files import STATIC

TEXTS = ("ink", "ink-2", "ink-3", "accent", "good", "bad", "warn", "series-2")
GROUNDS = ("bg", "surface", "sunken", "accent-soft", "warn-soft")
LEAST = 4.5
"""WCAG 2.2, 1.4.3, level AA."""
TOKENS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", (STATIC / "css/tokens.css").read_text()
    )
}


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`."""
    parts = (int(colour[begin : begin + 2], 16) / 255 for begin in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """From 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_stand_out_from_what_they_stand_on(theme: str) -> None:
    pairs = [*product(TEXTS, GROUNDS), ("on-accent", "accent")]
    found = {pair: contrast(TOKENS[pair[0]][theme], TOKENS[pair[1]][theme]) for pair in pairs}
    assert {pair: ratio for pair, ratio in found.items() if ratio < LEAST} == {}
