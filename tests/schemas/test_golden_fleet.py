"""The fleet's examples are one history: commands and their events, numbered as they happened.

Like all golden examples they never change; what reads or writes another way breaks what is stored.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from projections.fleet.projection import FLEET as PROJECTION
from schemas.fleet.answers import outcome_of
from schemas.fleet.events import EVENTS
from schemas.outcomes import messages_of
from streams.deciders.fleet.noun import FLEET
from streams.deciders.fold import Fold
from tests.schemas.golden_history import GoldenHistory, label
from tests.streams.deciders.fleet.given import AT_MS, GAME, STUDIO, Fleet
from tests.streams.deciders.fleet.invariants import check

HISTORY = GoldenHistory(FLEET, studio_id=STUDIO, game_id=GAME, at_ms=AT_MS)


def test_the_examples_are_numbered_as_they_happened() -> None:
    assert HISTORY.examples
    assert HISTORY.are_numbered()


def test_the_history_folds() -> None:
    fold = Fold(FLEET)
    for record in HISTORY.records():
        assert fold.accept(record)
        check(fold.state)
    assert {known.host.status for known in fold.state.hosts.values()} == {"draining", "up"}
    (queued,) = fold.state.servers.values()
    assert (queued.server.phase, queued.server.name) == ("queued", "match")
    assert FLEET.unpack(FLEET.pack(fold.state)) == fold.state


@pytest.mark.parametrize("path", HISTORY.commands, ids=label)
def test_every_command_is_decided_or_refused(path: Path) -> None:
    verdict = Fleet().when(HISTORY.read(path))
    assert isinstance(verdict, tuple) or verdict.status in {404, 409}


@pytest.mark.parametrize("example", HISTORY.pairs(), ids=lambda example: example[0].stem)
def test_every_command_has_an_outcome_and_is_projected(example: tuple[Path, list[Path]]) -> None:
    done = HISTORY.decided(*example)
    messages = messages_of(done, EVENTS)
    outcome = outcome_of(done, messages)
    assert outcome is not None
    assert outcome.status in {200, 201, 202}
    assert PROJECTION.outcome_of(done, messages) == outcome
    assert bool(PROJECTION.project(done, messages, AT_MS, 0)) == bool(messages)
