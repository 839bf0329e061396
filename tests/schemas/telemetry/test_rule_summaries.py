"""Summaries by rule: how much was played, and three tags of friction and of praise."""

from __future__ import annotations

from itertools import permutations

from schemas.telemetry.friction import TagCount
from schemas.telemetry.rule_summaries import narrative


def test_the_contracts_sentence() -> None:
    counts = [
        TagCount("stuck-point", "act2-door-stuck", 7),
        TagCount("bug-report", "hub-bug", 3),
        TagCount("ui-friction", "shop-ui", 3),
        TagCount("pacing-issue", "pacing-issue", 2),
        TagCount("praise", "hub-praise", 1200),
    ]
    expected = (
        "42 sessions by 17 testers, 3,697 minutes active."
        " Friction: act2-door-stuck (7), hub-bug (3), shop-ui (3). Praise: hub-praise (1,200)."
    )
    assert {narrative(42, 17, 221_804_000, order) for order in permutations(counts)} == {expected}


def test_one_of_each_and_nothing_found() -> None:
    assert narrative(1, 1, 60_000, []) == "1 session by 1 tester, 1 minute active."
    assert narrative(0, 0, 0, []) == "0 sessions by 0 testers, 0 minutes active."
    assert narrative(2, 1, 30_000, []) == "2 sessions by 1 tester, 1 minute active."
    assert narrative(2, 1, 29_999, []) == "2 sessions by 1 tester, 0 minutes active."
