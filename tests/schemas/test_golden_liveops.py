"""The liveops examples are one history: a game's commands and their events, numbered as they happened.

Like all golden examples they never change; what reads or writes another way breaks what is stored.
"""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from schemas.liveops.answers import outcome_of
from schemas.liveops.events import EVENTS
from schemas.outcomes import messages_of
from streams.deciders.fold import Fold
from streams.deciders.liveops.noun import LIVEOPS
from tests.schemas.golden_history import GoldenHistory, label
from tests.streams.deciders.liveops.given import AT_MS, GAME_ID, Liveops, aggregate


def plain(path: Path) -> object:
    """The example as data; bytes are base64 in JSON."""
    fields = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
    if path.parent.name == "liveops.window-opened.v1":
        fields["definition"] = base64.b64decode(str(fields["definition"]))
    return fields


HISTORY = GoldenHistory(LIVEOPS, studio_id="user_1", game_id=GAME_ID, at_ms=AT_MS, plain=plain)


def test_the_examples_are_numbered() -> None:
    assert HISTORY.examples
    assert HISTORY.are_numbered()


def test_the_history_folds() -> None:
    fold = Fold(LIVEOPS)
    for record in HISTORY.records():
        assert fold.accept(record)
    world = Liveops()
    world.state = fold.state
    ann = world.player()
    assert (ann.wallet["gold"].quantity, ann.movements) == (1043, 6)
    assert [len(fold.state.players), len(fold.state.windows), len(fold.state.markers)] == [2, 3, 3]
    assert all(board.finalized for window in fold.state.windows.values() for board in window.boards.values())
    assert LIVEOPS.unpack(LIVEOPS.pack(fold.state)) == fold.state


@pytest.mark.parametrize("path", HISTORY.commands, ids=label)
def test_every_command_is_decided_or_refused(path: Path) -> None:
    world = Liveops()
    verdict = world.when(HISTORY.read(path))
    assert isinstance(verdict, tuple) or verdict.status in {400, 404, 409}


@pytest.mark.parametrize("example", HISTORY.pairs(), ids=lambda example: example[0].stem)
def test_every_command_has_an_outcome(example: tuple[Path, list[Path]]) -> None:
    done = HISTORY.decided(*example)
    outcome = outcome_of(done, messages_of(done, EVENTS))
    assert outcome is not None
    assert outcome.status in ({409} if "implausible" in example[0].stem else {200, 201})


@pytest.mark.parametrize("path", HISTORY.commands, ids=label)
def test_every_command_is_somebodys(path: Path) -> None:
    assert aggregate(HISTORY.read(path), "ann").split("/")[1] == GAME_ID
