"""Sessions of `questlog bench analytics`: accepted as S1 sends them, and the same for a number."""

from __future__ import annotations

import pytest

from deploy.lab.bench.analytics import BUILDS, session_body
from schemas.telemetry.s1 import validate_batch

NOW_MS = 1_790_000_000_000


@pytest.mark.parametrize("number", [0, 7, 123_456])
def test_a_session_is_a_valid_batch_that_ends_it(number: int) -> None:
    body = session_body("game_1", number, 100, NOW_MS)
    batch = validate_batch(body, NOW_MS)
    assert (len(batch.events), batch.ended) == (100, True)
    assert batch.labels is not None
    assert batch.labels.game_version == BUILDS[number % len(BUILDS)]
    assert [event.at_ms for event in batch.events] == sorted(event.at_ms for event in batch.events)
    assert body == session_body("game_1", number, 100, NOW_MS)
    assert (
        batch.session_id != validate_batch(session_body("game_1", number + 1, 1, NOW_MS), NOW_MS).session_id
    )
