"""The liveops examples are one history: a game's commands and their events, numbered as they happened.

Like all golden examples they never change; what reads or writes another way breaks what is stored.
"""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from schemas.codec import Codec, Message
from schemas.envelope import Decided, Event, EventsRecord
from schemas.liveops.answers import outcome_of
from schemas.liveops.commands import COMMANDS
from schemas.liveops.events import EVENTS
from schemas.log import LogRecord
from schemas.outcomes import messages_of
from streams.deciders.fold import Fold
from streams.deciders.liveops.noun import LIVEOPS, aggregate_of
from tests.streams.deciders.liveops.given import AT_MS, GAME_ID, Liveops, aggregate

GOLDEN = Path(__file__).parents[2] / "schemas" / "golden" / "liveops"
NAMES = COMMANDS.wire_names | EVENTS.wire_names
EXAMPLES = sorted((path for name in NAMES for path in (GOLDEN / name).iterdir()), key=lambda path: path.name)


def label(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def is_command(path: Path) -> bool:
    return path.parent.name in COMMANDS.wire_names


def codec_of(path: Path) -> Codec[Message]:
    return COMMANDS if is_command(path) else EVENTS


def plain(path: Path) -> dict[str, object]:
    """The example as data; bytes are base64 in JSON."""
    fields = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
    if path.parent.name == "liveops.window-opened.v1":
        fields["definition"] = base64.b64decode(str(fields["definition"]))
    return fields


def read(path: Path) -> Message:
    return codec_of(path).decode(path.parent.name, msgspec.msgpack.encode(plain(path)))


def histories() -> list[tuple[Path, list[Path]]]:
    """Each command, and the events that came of it."""
    found: list[tuple[Path, list[Path]]] = []
    for path in EXAMPLES:
        if is_command(path):
            found.append((path, []))
        else:
            found[-1][1].append(path)
    return found


def decided(command: Path, events: list[Path]) -> Decided:
    messages = [(path.parent.name, read(path)) for path in events]
    return Decided(
        command_id=command.stem,
        studio_id="user_1",
        game_id=GAME_ID,
        keyed=False,
        fingerprint=b"f" * 32,
        events=[
            Event(
                type=name,
                aggregate_id=aggregate_of(message),
                sequence=1,
                at_ms=AT_MS,
                data=EVENTS.encode(message),
            )
            for name, message in messages
        ],
    )


def test_the_examples_are_numbered() -> None:
    assert [path.name[:3] for path in EXAMPLES] == [f"{number + 1:03d}" for number in range(len(EXAMPLES))]


def test_the_history_folds() -> None:
    fold = Fold(LIVEOPS)
    for src, (command, events) in enumerate(histories()):
        record = EventsRecord(
            version=1, src=src, gateway_id="g", record_id="r", decided=[decided(command, events)]
        )
        value = msgspec.msgpack.encode(record)
        assert fold.accept(
            LogRecord(topic="e", partition=0, offset=src, appended_at_ms=AT_MS, key=None, value=value)
        )
    world = Liveops()
    world.state = fold.state
    ann = world.player()
    assert (ann.wallet["gold"].quantity, ann.movements) == (1043, 6)
    assert [len(fold.state.players), len(fold.state.windows), len(fold.state.markers)] == [2, 2, 2]
    assert all(board.finalized for window in fold.state.windows.values() for board in window.boards.values())
    assert LIVEOPS.unpack(LIVEOPS.pack(fold.state)) == fold.state


@pytest.mark.parametrize("path", [path for path in EXAMPLES if is_command(path)], ids=label)
def test_every_command_is_decided_or_refused(path: Path) -> None:
    world = Liveops()
    verdict = world.when(read(path))
    assert isinstance(verdict, tuple) or verdict.status in {400, 404, 409}


@pytest.mark.parametrize("example", histories(), ids=lambda example: example[0].stem)
def test_every_command_has_an_outcome(example: tuple[Path, list[Path]]) -> None:
    done = decided(*example)
    outcome = outcome_of(done, messages_of(done, EVENTS))
    assert outcome is not None
    assert outcome.status in ({409} if "implausible" in example[0].stem else {200, 201})


@pytest.mark.parametrize("path", [path for path in EXAMPLES if is_command(path)], ids=label)
def test_every_command_is_somebodys(path: Path) -> None:
    assert aggregate(read(path), "ann").split("/")[1] == GAME_ID
