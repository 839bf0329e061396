"""The playtests examples are one history: a studio's commands and their events, numbered as they happened.

Like all golden examples they never change; what reads or writes another way breaks what is stored.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from projections.playtests.projection import PLAYTESTS as PROJECTION
from schemas.outcomes import messages_of
from schemas.playtests.answers import outcome_of
from schemas.playtests.events import EVENTS
from streams.deciders.fold import Fold
from streams.deciders.playtests.noun import PLAYTESTS
from tests.schemas.golden_history import GoldenHistory, label
from tests.streams.deciders.playtests.given import AT_MS, GAME, STUDIO, Playtests
from tests.streams.deciders.playtests.money import check

HISTORY = GoldenHistory(PLAYTESTS, studio_id=STUDIO, game_id=GAME, at_ms=AT_MS)


def test_the_examples_are_numbered_as_they_happened() -> None:
    assert HISTORY.examples
    assert HISTORY.are_numbered()


def test_the_history_folds() -> None:
    fold = Fold(PLAYTESTS)
    for record in HISTORY.records():
        assert fold.accept(record)
        check(fold.state)
    studio = fold.state.studios[STUDIO]
    assert (studio.account.balance_cents, studio.account.movements) == (102_000, 11)
    assert studio.playtesters["ann"].playtester.balance_cents == 1000
    assert sorted(known.order.status for known in studio.orders.values()) == [
        "active",
        "active",
        "cancelled",
        "cancelled",
        "completed",
        "completed",
    ]
    assert sorted(batch.batch.status for batch in studio.batches.values()) == ["closed", "expired"]
    assert PLAYTESTS.unpack(PLAYTESTS.pack(fold.state)) == fold.state


@pytest.mark.parametrize("path", HISTORY.commands, ids=label)
def test_every_command_is_decided_or_refused(path: Path) -> None:
    verdict = Playtests(0).when(HISTORY.read(path))
    assert isinstance(verdict, tuple) or verdict.status in {402, 404, 409, 422}


@pytest.mark.parametrize("example", HISTORY.pairs(), ids=lambda example: example[0].stem)
def test_every_command_has_an_outcome_and_is_projected(example: tuple[Path, list[Path]]) -> None:
    done = HISTORY.decided(*example)
    messages = messages_of(done, EVENTS)
    outcome = outcome_of(done, messages)
    assert outcome is not None
    assert outcome.status in {200, 201}
    assert PROJECTION.outcome_of(done, messages) == outcome
    assert PROJECTION.project(done, messages, AT_MS, 0)
