"""The playtests examples are one history: a studio's commands and their events, numbered as they happened.

Like all golden examples they never change; what reads or writes another way breaks what is stored.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from projections.playtests.projection import PLAYTESTS as PROJECTION
from schemas.codec import Codec, Message
from schemas.envelope import Decided, Event, EventsRecord
from schemas.log import LogRecord
from schemas.outcomes import messages_of
from schemas.playtests.answers import outcome_of
from schemas.playtests.commands import COMMANDS
from schemas.playtests.events import EVENTS
from streams.deciders.fold import Fold
from streams.deciders.playtests.noun import PLAYTESTS, aggregate_of
from tests.streams.deciders.playtests.given import AT_MS, GAME, STUDIO, Playtests
from tests.streams.deciders.playtests.money import check

GOLDEN = Path(__file__).parents[2] / "schemas" / "golden" / "playtests"
NAMES = COMMANDS.wire_names | EVENTS.wire_names
EXAMPLES = sorted((path for name in NAMES for path in (GOLDEN / name).iterdir()), key=lambda path: path.name)


def label(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def is_command(path: Path) -> bool:
    return path.parent.name in COMMANDS.wire_names


def read(path: Path) -> Message:
    codec: Codec[Message] = COMMANDS if is_command(path) else EVENTS
    plain = msgspec.json.decode(path.read_bytes())
    return codec.decode(path.parent.name, msgspec.msgpack.encode(plain))


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
        studio_id=STUDIO,
        game_id=GAME,
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


def test_the_examples_are_numbered_as_they_happened() -> None:
    assert [path.name[:3] for path in EXAMPLES] == [f"{number + 1:03d}" for number in range(len(EXAMPLES))]


def test_the_history_folds() -> None:
    fold = Fold(PLAYTESTS)
    for src, (command, events) in enumerate(histories()):
        record = EventsRecord(
            version=1, src=src, gateway_id="g", record_id="r", decided=[decided(command, events)]
        )
        value = msgspec.msgpack.encode(record)
        assert fold.accept(
            LogRecord(topic="e", partition=0, offset=src, appended_at_ms=AT_MS, key=None, value=value)
        )
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


@pytest.mark.parametrize("path", [path for path in EXAMPLES if is_command(path)], ids=label)
def test_every_command_is_decided_or_refused(path: Path) -> None:
    verdict = Playtests(0).when(read(path))
    assert isinstance(verdict, tuple) or verdict.status in {402, 404, 409, 422}


@pytest.mark.parametrize("example", histories(), ids=lambda example: example[0].stem)
def test_every_command_has_an_outcome_and_is_projected(example: tuple[Path, list[Path]]) -> None:
    done = decided(*example)
    messages = messages_of(done, EVENTS)
    outcome = outcome_of(done, messages)
    assert outcome is not None
    assert outcome.status in {200, 201}
    assert PROJECTION.outcome_of(done, messages) == outcome
    assert PROJECTION.project(done, messages, AT_MS, 0)
