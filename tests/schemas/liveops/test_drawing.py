from __future__ import annotations

import hashlib
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from schemas.liveops.bots import bot_score
from schemas.liveops.crates import roll
from schemas.liveops.views import CrateRow

WEIGHTS = st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=20)


def table(weights: list[float]) -> list[CrateRow]:
    return [CrateRow(weight=weight, entries=[]) for weight in weights]


@given(WEIGHTS, st.binary(min_size=16, max_size=16), st.text(max_size=10))
def test_a_roll_is_a_row_of_the_table_and_the_same_every_time(
    weights: list[float], seed: bytes, grant_id: str
) -> None:
    row = roll(table(weights), seed, grant_id)
    assert 0 <= row < len(weights)
    assert roll(table(weights), seed, grant_id) == row


def test_rolls_follow_the_weights() -> None:
    rows = table([9.0, 1.0])
    drawn = Counter(roll(rows, hashlib.sha256(bytes([n % 256, n // 256])).digest(), "g") for n in range(5000))
    assert 400 <= drawn[1] <= 600


def test_a_roll_is_stored_by_its_seed_for_ever() -> None:
    rows = table([1.0, 2.0, 3.0, 4.0])
    assert [roll(rows, bytes([n]) * 16, "g") for n in range(8)] == [2, 3, 3, 0, 2, 1, 3, 1]


@given(st.text(max_size=8), st.floats(0.01, 1e6), st.lists(st.integers(0, 10**8), min_size=2, max_size=8))
def test_a_bots_score_only_grows(seed: str, per_minute: float, times: list[int]) -> None:
    scores = [bot_score(seed, per_minute, 1000, 1000 + at) for at in sorted(times)]
    assert scores == sorted(scores)
    assert scores[0] >= 0.0
    assert all(score == int(score) for score in scores)


def test_bots_score_about_what_they_should_at_paces_of_their_own() -> None:
    hour = [bot_score(f"seed {number}", 10.0, 0, 3_600_000) for number in range(200)]
    assert 540 <= sum(hour) / len(hour) <= 660
    assert len(set(hour)) > 50
