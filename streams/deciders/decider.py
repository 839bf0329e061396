"""The decider's shell: a `LogReader` of a noun's commands that appends exactly one events record for each.

Framework-free. Exactness comes from the log: the fold of the events partition says which command record is
next, an acknowledged offset other than the expected one proves another writer, any anomaly ends the process.
Source: architecture rules 3 to 8 and 10.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Generic

import msgspec

from schemas.dead_letters import append_dead_letter
from schemas.envelope import CommandsHead
from schemas.log import Appender, LogReader, LogRecord, LogTail
from schemas.log_positions import REPAIR, Position, PositionRefused, bounds, in_log, record_before
from schemas.objects import ObjectStoreError
from schemas.topics import Topic
from streams.deciders.decide import Decision, decide_record, encode_events_record
from streams.deciders.fold import Fold
from streams.deciders.noun import Noun, StateT
from streams.deciders.snapshots import Snapshot, SnapshotName, SnapshotStore

_log: Final = logging.getLogger(__name__)

SNAPSHOT_EVERY: Final = 2000
"""Events records between snapshots: a fold reads at most about twice as many."""
SNAPSHOT_BYTES_A_RECORD: Final = 16 * 1024
"""A large state is saved less often: no record pays for more of a snapshot than this, about 0.2 ms."""


class AnotherWriter(Exception):
    """Kafka gave our record another offset than the next one: another process appends to this partition."""


class OutOfOrder(Exception):
    """A command record is missing between the folded position and the one that came."""


class DeciderReader(LogReader, Generic[StateT]):
    """Decides a noun's command records, each exactly once in effect. Partitions know nothing of each other.

    `commands` and `events` have the same partition count: what is read from one is answered in the other.
    """

    def __init__(
        self,
        noun: Noun[StateT],
        *,
        commands: Topic,
        events: Topic,
        tail: LogTail,
        appender: Appender,
        snapshots: SnapshotStore,
        snapshot_every: int = SNAPSHOT_EVERY,
        snapshot_bytes_a_record: int = SNAPSHOT_BYTES_A_RECORD,
    ) -> None:
        if commands.partitions != events.partitions:
            raise ValueError(f"{commands.name} and {events.name} differ in partitions")
        self._noun = noun
        self._commands = commands.name
        self._events = events.name
        self._tail = tail
        self._appender = appender
        self._snapshots = snapshots
        self._snapshot_every = snapshot_every
        self._snapshot_bytes_a_record = snapshot_bytes_a_record
        self._code = noun.code_hash()
        self._log_id = ""
        self._folds: dict[int, Fold[StateT]] = {}
        self._snapshot_at: dict[int, int] = {}
        self._snapshot_bytes: dict[int, int] = {}
        self._saving: dict[int, asyncio.Task[None]] = {}

    def state(self, partition: int) -> StateT:
        """A partition's folded state, for tests and inspection. Raises KeyError when it is not assigned."""
        return self._folds[partition].state

    @property
    def noun(self) -> str:
        """The noun's name."""
        return self._noun.name

    def folded(self, partition: int) -> int:
        """How many events records the state is made of. Raises KeyError when it is not assigned."""
        return self._folds[partition].cursor.offset

    async def assigned(self, partition: int) -> int:
        """Fold the events partition to its end; deciding goes on at the folded `src` plus 1.

        Raises PositionRefused where the commands' log does not hold what was decided last.
        """
        fold, begun_at, size_bytes = await self._folded(partition)
        await self._refuse_other_commands(partition, fold)
        self._folds[partition] = fold
        self._snapshot_at[partition] = begun_at
        self._snapshot_bytes[partition] = size_bytes
        _log.info(
            "%s[%d]: folded %d records from %d, next command record is %d",
            self._events,
            partition,
            fold.cursor.offset - begun_at,
            begun_at,
            fold.cursor.src + 1,
        )
        return fold.cursor.src + 1

    async def fold(self, partition: int) -> Fold[StateT]:
        """The events partition folded to its end, whatever the commands' log holds: for a repair."""
        return (await self._folded(partition))[0]

    async def _folded(self, partition: int) -> tuple[Fold[StateT], int, int]:
        """The fold, where reading began, and what the snapshot takes that it began with (0 for none)."""
        self._log_id = await self._tail.log_id(self._events)
        end = await self._tail.end_offset(self._events, partition)
        fold = Fold(self._noun)

        async def is_in_log(events_next: int, mark: str) -> bool:
            return await in_log(self._tail, self._events, partition, Position(events_next, mark=mark))

        snapshot = await self._snapshots.newest(self._name(partition, Position(end)), is_in_log)
        if snapshot is not None:
            fold.restore(
                state=self._noun.unpack(snapshot.state),
                position=Position(snapshot.events_next, snapshot.src, snapshot.mark),
                time=snapshot.time,
                remembered=snapshot.remembered,
                source=snapshot.source,
            )
        where = f"the decider of {self.noun}"
        begun_at = fold.cursor.offset
        await bounds(self._tail, self._events, partition, begun_at, where=where)
        async for record in self._tail.read(self._events, partition, begun_at, end):
            fold.accept(record)
        return fold, begun_at, snapshot.size_bytes if snapshot is not None else 0

    async def handle(self, record: LogRecord) -> None:
        """Decide one command record. Raises on what proves another writer, and on an unanswered append."""
        fold = self._folds[record.partition]
        src = fold.cursor.src
        if record.offset <= src:
            return
        if record.offset != src + 1:
            raise OutOfOrder(f"{record.topic}[{record.partition}]: {record.offset} follows {src}")
        decision = decide_record(self._noun, fold, record)
        for letter in decision.dead_letters:
            await append_dead_letter(self._appender, letter)
        await append_decision(decision, fold, self._appender, self._events, record.partition)

    async def idle(self, now_ms: int) -> None:  # noqa: ARG002 - a decider looks at no clock
        """Save a snapshot where enough has happened since the last; deciding does not wait for it."""
        for partition, fold in self._folds.items():
            saving = self._saving.get(partition)
            records = fold.cursor.offset - self._snapshot_at[partition]
            paid_for = self._snapshot_bytes[partition] // self._snapshot_bytes_a_record
            due = records >= max(self._snapshot_every, paid_for)
            if due and (saving is None or saving.done()):
                self._snapshot_at[partition] = fold.cursor.offset
                self._saving[partition] = asyncio.ensure_future(self._try_to_save(partition))

    async def revoked(self, partition: int) -> None:
        """Forget the state. A snapshot under way may finish: it stays valid whichever process decides now."""
        self._folds.pop(partition, None)
        self._snapshot_at.pop(partition, None)
        self._snapshot_bytes.pop(partition, None)

    async def save(self, partition: int) -> int:
        """Put a snapshot of what is folded now; how many bytes it takes.

        Raises ObjectStoreError or OSError, and KeyError where the partition is not assigned. Deciding goes on
        meanwhile: the state that is packed never changes.
        """
        fold = self._folds[partition]
        position = fold.cursor.position
        size_bytes = await self._snapshots.put(
            self._name(partition, position),
            Snapshot(
                src=position.src,
                events_next=position.offset,
                time=fold.time,
                remembered=fold.remembered(),
                source=fold.source,
                state=self._noun.pack(fold.state),
                mark=position.mark,
            ),
        )
        if partition in self._snapshot_bytes:
            self._snapshot_bytes[partition] = size_bytes
        return size_bytes

    async def _try_to_save(self, partition: int) -> None:
        try:
            if partition in self._folds:  # it may be revoked since
                await self.save(partition)
        except (OSError, ObjectStoreError) as error:
            _log.warning("no snapshot of %s[%d]: %s", self._events, partition, error)

    async def _refuse_other_commands(self, partition: int, fold: Fold[StateT]) -> None:
        """Commands that lost their end would give decided offsets to new records, which are never decided."""
        src = fold.cursor.src
        if src < 0:
            return
        decided = f"{self._events}[{partition}] answers {self._commands}[{partition}] up to {src}"
        end = await self._tail.end_offset(self._commands, partition)
        if end <= src:
            raise PositionRefused(f"{decided}, but that ends at {end}: the log lost its end. {REPAIR}")
        record = await record_before(self._tail, self._commands, partition, src + 1)
        if record is not None and any(fold.source) and source_of(record) != fold.source:
            raise PositionRefused(f"{decided}, but that holds another record there. {REPAIR}")

    def _name(self, partition: int, position: Position) -> SnapshotName:
        return SnapshotName(
            noun=self._noun.name,
            log_id=self._log_id,
            partition=partition,
            events_next=position.offset,
            code=self._code,
            mark=position.mark,
        )


async def append_decision(
    decision: Decision[StateT], fold: Fold[StateT], appender: Appender, events: str, partition: int
) -> None:
    """Append what was decided and take it into the fold. Raises LogUnavailable, and AnotherWriter."""
    value = encode_events_record(decision.record)
    appended = await appender.append(events, partition, value)
    expected = fold.cursor.offset
    if appended.offset != expected:
        raise AnotherWriter(f"{events}[{partition}]: got offset {appended.offset}, not {expected}")
    record = LogRecord(
        topic=events,
        partition=partition,
        offset=appended.offset,
        appended_at_ms=appended.appended_at_ms,
        key=None,
        value=value,
    )
    fold.advance(decision.state, decision.record, record)


def source_of(record: LogRecord) -> tuple[str, str]:
    """Gateway and record id of a command record; both empty where it can't be read."""
    try:
        head = _head.decode(record.value)
    except (msgspec.DecodeError, RecursionError):
        return "", ""
    return head.gateway_id, head.record_id


_head: Final = msgspec.msgpack.Decoder(CommandsHead)
