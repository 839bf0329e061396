"""Rounding as the contracts say it: halves up, once, at the end, over exact integers. Pure."""

from __future__ import annotations


def half_up(numerator: int, denominator: int = 1) -> int:
    """`numerator / denominator` to the nearest integer, halves up; 0 where the denominator is 0."""
    return (2 * numerator + denominator) // (2 * denominator) if denominator else 0


def half_up_to(numerator: int, denominator: int, places: int) -> float:
    """`numerator / denominator` to so many decimal places, halves up; 0 where the denominator is 0."""
    scale: int = 10**places
    return half_up(numerator * scale, denominator) / scale
