"""One command record in, one events record out: pure, whatever the record holds.

Source: architecture rules 1, 4, 5, 8 and 10. Nothing here looks at a clock, a random source or a store.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import Final, Generic

import msgspec

from schemas.codec import Message
from schemas.dead_letters import DEAD_LETTER_VERSION, DeadLetter
from schemas.envelope import (
    COMMAND_FAILED,
    COMMAND_REJECTED,
    COMMAND_REPEATED,
    ENVELOPE_VERSION,
    Command,
    CommandFailed,
    CommandRecord,
    CommandRejected,
    CommandRepeated,
    Decided,
    Event,
    EventsRecord,
)
from schemas.log import LogRecord
from schemas.outcomes import EXPIRED, is_remembered
from schemas.topics import RECORD_BYTES_MAX
from streams.deciders.fold import Fold
from streams.deciders.noun import Noun, Request, StateT

EVENT_BYTES_MAX: Final = RECORD_BYTES_MAX - 1024 * 1024
"""What all events of a record may take together; the rest is the envelope's."""

_log: Final = logging.getLogger(__name__)
_decoder: Final = msgspec.msgpack.Decoder(CommandRecord)
_encoder: Final = msgspec.msgpack.Encoder()


@dataclasses.dataclass(frozen=True, slots=True)
class Decision(Generic[StateT]):
    """What one command record gives: the events record to append, dead letters, and the state after."""

    record: EventsRecord
    dead_letters: list[DeadLetter]
    state: StateT


def decide_record(
    noun: Noun[StateT], fold: Fold[StateT], record: LogRecord, *, event_bytes_max: int = EVENT_BYTES_MAX
) -> Decision[StateT]:
    """Decide every command of a record on the folded state. Never raises, never changes `fold`.

    A command that can't be read or whose decider fails has the outcome CommandFailed and a dead letter; the
    others go on. A record that can't be read gives an events record without commands, and a dead letter.
    """
    try:
        commands = _decoder.decode(record.value)
        if commands.version != ENVELOPE_VERSION:
            raise ValueError(f"command record version {commands.version} is unknown to this build")  # noqa: TRY301
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        letter = _dead_letter(
            f"decider.{noun.name}", record, None, ("undecodable-record", error), record.value
        )
        empty = EventsRecord(
            version=ENVELOPE_VERSION,
            src=record.offset,
            gateway_id="",
            record_id="",
            decided=[],
            appended_at_ms=record.appended_at_ms,
        )
        return Decision(empty, [letter], fold.state)
    deciding = _Deciding(noun, fold, record, commands, event_bytes_max)
    decided = [deciding.decided(index, command) for index, command in enumerate(commands.commands)]
    events = EventsRecord(
        version=ENVELOPE_VERSION,
        src=record.offset,
        gateway_id=commands.gateway_id,
        record_id=commands.record_id,
        decided=decided,
        appended_at_ms=record.appended_at_ms,
        asked_at_ms=deciding.asked_at_ms,
    )
    return Decision(events, deciding.dead_letters, deciding.state)


def encode_events_record(events: EventsRecord) -> bytes:
    """The value of an events record."""
    return _encoder.encode(events)


class _Deciding(Generic[StateT]):
    """The state as it moves through one record."""

    def __init__(
        self,
        noun: Noun[StateT],
        fold: Fold[StateT],
        record: LogRecord,
        commands: CommandRecord,
        event_bytes_max: int,
    ) -> None:
        self._noun = noun
        self._fold = fold
        self._record = record
        self._definitions = commands.definitions
        self.asked_at_ms = max((command.at_ms for command in commands.commands), default=0)
        time = fold.time.after(record.appended_at_ms, self.asked_at_ms)
        self._appended_at_ms = time.counts(record.appended_at_ms)
        self._first_ms, self._last_ms = time.stamps(record.appended_at_ms)
        self._seen: set[str] = set()
        self._bytes_left = event_bytes_max
        self.state = fold.state
        self.dead_letters: list[DeadLetter] = []

    def decided(self, index: int, command: Command) -> Decided:
        decided = Decided(
            command_id=command.command_id,
            studio_id=command.studio_id,
            game_id=command.game_id,
            keyed=command.keyed,
            fingerprint=command.fingerprint,
            events=self._outcome(index, command),
            by=command.by,
        )
        if is_remembered(decided):
            self._seen.add(command.command_id)
        return decided

    def _outcome(self, index: int, command: Command) -> list[Event]:
        at_ms = min(command.at_ms, self._appended_at_ms)
        first_src = self._first_src(command)
        if first_src is not None:
            return [_shell_event(COMMAND_REPEATED, command, at_ms, CommandRepeated(first_src=first_src))]
        if not self._first_ms <= command.at_ms <= self._last_ms:
            expired = CommandRejected(
                status=503, code=EXPIRED, message="the command came too late; send it again"
            )
            return [_shell_event(COMMAND_REJECTED, command, at_ms, expired)]
        try:
            body = self._noun.commands.decode(command.type, command.body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            return self._failed(index, command, at_ms, "undecodable-command", error)
        try:
            events, state = self._decide(command, body, at_ms)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest of the record goes on
            _log.exception("the decider failed on command %s (%s)", command.command_id, command.type)
            return self._failed(index, command, at_ms, "decider-failed", error)
        self.state = state
        return events

    def _first_src(self, command: Command) -> int | None:
        if not command.keyed:
            return None
        if command.command_id in self._seen:
            return self._record.offset
        return self._fold.first_src(command.command_id)

    def _decide(self, command: Command, body: Message, at_ms: int) -> tuple[list[Event], StateT]:
        noun = self._noun
        state = self.state
        at_ms = max(at_ms, noun.time_of(state, command.aggregate_id))
        verdict = noun.decide(
            state,
            Request(
                command_id=command.command_id,
                aggregate_id=command.aggregate_id,
                studio_id=command.studio_id,
                game_id=command.game_id,
                command=body,
                at_ms=at_ms,
                seed=command.seed,
                definition=self._definitions.get(command.definition),
                reference=command.definition,
            ),
        )
        if isinstance(verdict, CommandRejected):
            return [_shell_event(COMMAND_REJECTED, command, at_ms, verdict)], state
        events: list[Event] = []
        for message in verdict:
            aggregate_id = noun.aggregate_of(message)
            data = noun.events.encode(message)
            # What is appended must be readable for ever: evolve on what a reader will see, then append.
            state = noun.evolve(state, noun.events.decode(message.WIRE, data), at_ms)
            events.append(
                Event(
                    type=message.WIRE,
                    aggregate_id=aggregate_id,
                    sequence=noun.sequence(state, aggregate_id),
                    at_ms=at_ms,
                    data=data,
                )
            )
        size = sum(len(event.data) + 256 for event in events)
        if size > self._bytes_left:
            raise ValueError(f"{size} bytes of events do not fit into the record")
        self._bytes_left -= size
        return events, state

    def _failed(self, index: int, command: Command, at_ms: int, reason: str, error: Exception) -> list[Event]:
        self.dead_letters.append(
            _dead_letter(
                f"decider.{self._noun.name}", self._record, index, (reason, error), _encoder.encode(command)
            )
        )
        failed = CommandFailed(error=f"{reason}: {type(error).__name__}")
        return [_shell_event(COMMAND_FAILED, command, at_ms, failed)]


def _shell_event(
    kind: str, command: Command, at_ms: int, data: CommandRejected | CommandRepeated | CommandFailed
) -> Event:
    """An outcome that changes no aggregate: its sequence is 0."""
    return Event(
        type=kind, aggregate_id=command.aggregate_id, sequence=0, at_ms=at_ms, data=_encoder.encode(data)
    )


def _dead_letter(
    reader: str, record: LogRecord, index: int | None, failed: tuple[str, Exception], body: bytes
) -> DeadLetter:
    reason, error = failed
    return DeadLetter(
        version=DEAD_LETTER_VERSION,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        index=index,
        reader=reader,
        reason=reason,
        error=f"{type(error).__name__}: {error}"[:1000],
        appended_at_ms=record.appended_at_ms,
        key=record.key,
        body=body,
    )
