"""Every stored shape has examples that never change, and every reader must go on reading them.

A new event version: put its examples beside the old ones, which stay. An example without a reader, or a wire
name without an example, fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.nouns import NOUNS
from projections.studio.projection import outcome_of, project
from projections.telemetry.columns import Origin
from projections.telemetry.rows import Rows
from schemas.codec import Codec, Message, Upcaster
from schemas.dead_letters import decode_dead_letter, encode_dead_letter
from schemas.envelope import CommandRecord, Decided, Event, EventsRecord
from schemas.log import LogRecord
from schemas.operations import decode_operation, encode_operation
from schemas.outcomes import messages_of
from schemas.studio.commands import COMMANDS
from schemas.studio.events import EVENTS, DiscordEvent
from schemas.telemetry.deadlines import decode_session_due
from schemas.telemetry.forgetting import forgetting_in
from schemas.telemetry.noun import NOUN as TELEMETRY
from schemas.telemetry.record import EntryKind, decode_record, encode_record
from schemas.telemetry.skips import decode_skip
from streams.deciders.decide import decide_record
from streams.deciders.fold import Fold
from streams.deciders.studio import STUDIO

GOLDEN = Path(__file__).parents[2] / "schemas" / "golden"
ENVELOPES = frozenset({"command-record.v1", "events-record.v1", "dead-letter.v1", "operation.v1"})
FOLDERS = [
    ("envelope", ENVELOPES),
    *((noun.name, noun.schema.golden_names) for noun in NOUNS if noun.schema.golden_names),
]
WHOLE = frozenset({"with-principal"})
"""Examples that have every field that there is."""
WITH_BYTES = frozenset({"studio.ai-finished.v1"})
"""Events some of whose fields are bytes, which JSON holds as base64: only their struct tells which."""
HISTORY = (
    "studio-defined/studio",
    "studio-changed/plan",
    "studio-changed/ai",
    "ai-key-was-set/chat",
    "ai-key-paused/unauthorized",
    "ai-key-cleared/chat",
    "ai-requested/build-summary",
    "ai-call-started/started",
    "ai-finished/failed",
    "ai-requested/again",
    "ai-finished/summary",
    "ai-requested/embedding",
    "ai-finished/vectors-and-dropped",
    "game-defined/contract-example",
    "game-defined/unlimited",
    "key-created/account-wide",
    "key-created/one-game",
    "game-changed/slug-and-axes",
    "game-changed/funnels-and-annotations",
    "key-rotated/rotated",
    "key-revoked/revoked",
    "experiment-created/draft",
    "experiment-started/running",
    "experiment-stopped/stopped",
    "experiment-resumed/running",
    "experiment-winner-picked/treatment",
    "experiment-digest-made/degraded",
    "experiment-deleted/deleted",
    "discord-session-opened/thread",
    "discord-messages-appended/second-author",
)
"""The studio events' examples in an order in which they could have happened."""


def examples(noun: str, names: frozenset[str] | set[str]) -> list[Path]:
    return sorted(path for name in names for path in (GOLDEN / noun / name).iterdir())


def label(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def packed(path: Path) -> bytes:
    return msgspec.msgpack.encode(msgspec.json.decode(path.read_bytes()))


def test_every_folder_of_examples_is_a_nouns_or_the_envelopes() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {name for name, _ in FOLDERS}


@pytest.mark.parametrize(("noun", "names"), FOLDERS)
def test_every_stored_name_has_examples_and_no_example_is_an_orphan(noun: str, names: frozenset[str]) -> None:
    assert {path.name for path in (GOLDEN / noun).iterdir()} == names
    assert all(any((GOLDEN / noun / name).iterdir()) for name in names)


def messages() -> Iterator[Any]:
    """Every example of a command or an event, with its codec."""
    for noun in NOUNS:
        for codec in (noun.schema.commands, noun.schema.events):
            for path in examples(noun.name, codec.wire_names) if codec is not None else ():
                yield pytest.param(codec, path, id=label(path))


@pytest.mark.parametrize(("codec", "path"), list(messages()))
def test_the_newest_version_of_an_example_says_the_same_when_written_again(
    codec: Codec[Message], path: Path
) -> None:
    wire, example = path.parent.name, path.read_bytes()
    struct = codec._decoders[wire].type  # reads bytes, which are base64 in JSON
    message = codec.decode(wire, msgspec.msgpack.encode(msgspec.json.decode(example, type=struct)))
    again = codec.encode(message)
    assert codec.decode(message.WIRE, again) == message
    if wire in codec.current_wire_names:
        said = msgspec.msgpack.decode(again, type=struct)
        assert msgspec.json.decode(msgspec.json.encode(said)) == msgspec.json.decode(example)


def test_the_history_holds_every_event_example() -> None:
    assert sorted(f"studio.{name.replace('/', '.v1/')}" for name in HISTORY) == sorted(
        label(path) for path in examples("studio", EVENTS.wire_names)
    )


def history() -> list[Event]:
    events = []
    for number, name in enumerate(HISTORY):
        kind, _, example = name.partition("/")
        wire = f"studio.{kind}.v1"
        path = GOLDEN / "studio" / wire / f"{example}.json"
        if wire in WITH_BYTES:
            struct = EVENTS._decoders[wire].type
            data = msgspec.msgpack.encode(msgspec.json.decode(path.read_bytes(), type=struct))
        else:
            data = packed(path)
        studio_id = msgspec.msgpack.decode(data)["studio_id"]
        events.append(Event(type=wire, aggregate_id=studio_id, sequence=number + 1, at_ms=1, data=data))
    return events


def one_record(events: list[Event]) -> EventsRecord:
    decided = Decided(
        command_id="c", studio_id="s", game_id="", keyed=True, fingerprint=b"f" * 32, events=events
    )
    return EventsRecord(version=1, src=0, gateway_id="g", record_id="r", decided=[decided])


def as_log_record(value: bytes, topic: str = "studio.events", offset: int = 0) -> LogRecord:
    return LogRecord(topic=topic, partition=0, offset=offset, appended_at_ms=1, key=None, value=value)


def test_the_decider_folds_every_event_example() -> None:
    fold = Fold(STUDIO)
    assert fold.accept(as_log_record(msgspec.msgpack.encode(one_record(history()))))
    (studio,) = fold.state.studios.values()
    assert (studio.sequence, set(studio.games)) == (len(HISTORY), {"freedoom", "relay"})
    assert STUDIO.unpack(STUDIO.pack(fold.state)) == fold.state


def test_the_redis_projection_takes_every_event_example() -> None:
    for event in history():
        (decided,) = one_record([event]).decided
        messages = messages_of(decided, EVENTS)
        assert bool(project(decided, messages, 1, 0)) != isinstance(messages[0], DiscordEvent)
        assert outcome_of(decided, messages) is not None


@pytest.mark.parametrize("path", examples("studio", COMMANDS.wire_names), ids=label)
def test_the_decider_decides_every_command_example(path: Path) -> None:
    body = msgspec.json.decode(path.read_bytes())
    command = ["c", path.parent.name, "", "", "", msgspec.msgpack.encode(body), 1, bytes(16), b"", True]
    record = msgspec.msgpack.encode([1, "g", "r", [command]])
    decision = decide_record(STUDIO, Fold(STUDIO), as_log_record(record, "studio.commands"))
    assert decision.dead_letters == []
    assert len(decision.record.decided) == 1


def begins(new: Any, old: Any) -> bool:
    """Whether a shape is the old one with more fields behind, at any depth."""
    if isinstance(new, list) and isinstance(old, list):
        return len(new) >= len(old) and all(begins(*pair) for pair in zip(new, old, strict=False))
    return bool(new == old)


@pytest.mark.parametrize("path", examples("envelope", ENVELOPES), ids=label)
def test_every_envelope_example_is_read_and_written_again(path: Path) -> None:
    value = path.read_bytes()
    if path.parent.name == "dead-letter.v1":
        assert encode_dead_letter(decode_dead_letter(value)) == value
        return
    if path.parent.name == "operation.v1":
        assert encode_operation(decode_operation(value)) == value
        return
    if path.parent.name == "command-record.v1":
        commands = msgspec.msgpack.decode(value, type=CommandRecord)
        assert commands.version == 1
        written = msgspec.msgpack.encode(commands)
        assert begins(msgspec.msgpack.decode(written), msgspec.msgpack.decode(value))
        assert path.stem not in WHOLE or written == value
        return
    events = msgspec.msgpack.decode(value, type=EventsRecord)
    assert events.version == 1
    fields = msgspec.msgpack.decode(value)  # what was appended later has defaults behind them
    written = msgspec.msgpack.encode(events)
    assert begins(msgspec.msgpack.decode(written), fields)
    assert path.stem not in WHOLE or written == value
    assert Fold(STUDIO).accept(as_log_record(value)) is (events.src == 0)


@pytest.mark.parametrize("path", examples("telemetry", TELEMETRY.golden_names), ids=label)
def test_every_telemetry_example_is_read_and_written_again(path: Path) -> None:
    value = path.read_bytes()
    assert encode_record(decode_record(value).entries) == value


@pytest.mark.parametrize("path", examples("telemetry", set(EntryKind)), ids=label)
def test_the_telemetry_projection_takes_every_part_example(path: Path) -> None:
    (entry,) = decode_record(path.read_bytes()).entries
    assert entry.kind == path.parent.name
    rows = Rows()
    assert rows.add(Origin(entry.studio_id, entry.game_id, 1, 0), 0, entry) == entry.item_count
    if entry.kind == EntryKind.SESSION_DUE:
        assert decode_session_due(entry.body).session_id == "sess_1"
    if entry.kind == EntryKind.RECORD_SKIPPED:
        assert decode_skip(entry.body).id == "0-17-2"
    told = forgetting_in(path.read_bytes())
    assert (told is not None) == (entry.kind == EntryKind.PERSON_FORGOTTEN)
    if told is not None:
        assert (len(told.players), len(told.handles), told.studio_id) == (2, 1, entry.studio_id)


class _Old(Message, frozen=True, kw_only=True):
    WIRE = "thing.happened.v1"
    amount: str


class _New(Message, frozen=True, kw_only=True):
    WIRE = "thing.happened.v2"
    amount: int


def test_an_old_version_is_read_as_the_newest() -> None:
    codec: Codec[Message] = Codec((_New,), (Upcaster(_Old, lambda old: _New(amount=int(old.amount))),))
    assert codec.decode(_Old.WIRE, msgspec.msgpack.encode({"amount": "7"})) == _New(amount=7)
    assert codec.wire_names == {_Old.WIRE, _New.WIRE}
    assert codec.current_wire_names == {_New.WIRE}


def test_two_structs_may_not_claim_one_name() -> None:
    with pytest.raises(ValueError, match="two structs"):
        Codec((_New, _New))
