"""What an operator is told to do about a record that fails."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.failure_policy import ELSEWHERE, advice
from projections.clickhouse.errors import ClickHouseAway, ClickHouseRefused
from projections.telemetry.skip_store import SkipNeedsRebuild
from schemas.failures import Failing


def failing(**more: Any) -> Failing:
    fields: dict[str, Any] = {
        "role": "clickhouse",
        "topic": "telemetry",
        "partition": 2,
        "begin": 15,
        "first": 17,
        "last": 17,
        "index": 4,
        "failures": 3,
        "error": "bad",
        "first_at_ms": 1,
        "last_at_ms": 2,
    }
    return Failing(**(fields | more))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (failing(), "`questlog skip telemetry 2 17 --request 4`"),
        (failing(index=None), "`questlog skip telemetry 2 17`"),
        (failing(last=30, index=None), "No single request fails by itself"),
        (failing(topic="liveops.events", index=None), "nothing is skipped"),
        (failing(begin=-1), "no record that fails"),
        (failing(kind="SkipNeedsRebuild"), "`questlog rebuild clickhouse`"),
    ],
)
def test_what_to_do_follows_from_what_fails(entry: Failing, said: str) -> None:
    assert said in advice(entry)


def test_a_refused_statement_counts_and_a_store_that_is_away_does_not() -> None:
    assert issubclass(ClickHouseAway, ELSEWHERE)
    assert issubclass(ConnectionResetError, ELSEWHERE)
    assert not issubclass(ClickHouseRefused, ELSEWHERE)
    assert not issubclass(SkipNeedsRebuild, ELSEWHERE)
