"""RedisReader: takes a noun's events topic into Redis, each record whole, once, and in order.

Redis holds the position beside the effect, so a crash, a duplicate or a second worker changes nothing. A
Redis that lost its last second or restarted empty is behind what this process has applied: the reader
raises, its process ends, and the next one begins at the store's position.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, cast

import msgspec
from prometheus_client import Counter
from redis.asyncio import Redis

from projections.redis.client import patiently
from projections.redis.layout import claim
from projections.redis.operations import LookUp, Operation, OutcomeOf, Project, flat
from projections.redis.scripts import APPLY, MARK, READY
from projections.redis.state import State, state_of
from projections.redis.stores import Group, stored_name
from schemas.codec import Codec
from schemas.envelope import EventsRecord
from schemas.log import LogRecord, LogTail
from schemas.log_positions import StoreRegressed, begin, mark_of
from schemas.outcomes import REMEMBERED_REFUSALS, messages_of
from schemas.topics import Topic

POLL_MS: Final = 250
"""How often an idle reader looks whether Redis is still the one it knows."""
FRESH_MS: Final = 5_000
"""How often an idle reader reports that it is at the log's end."""
UNKEYED_MS: Final = 2 * 60 * 1000
KEYED_MS: Final = 24 * 60 * 60 * 1000
CLOCKS_DIFFER_MS_MAX: Final = 5 * 60 * 1000
"""By how much a record's append time may differ from its commands' stamps and be believed."""
REPAIR: Final = (
    "Repair: `questlog rebuild redis --discard` builds it again from this log; `questlog repair` does so with"
    " the stack stopped, and says what was lost."
)
_HEAD: Final = 12
"""Arguments of apply.lua before the outcomes."""

_RECORDS = Counter("questlog_redis_records", "Events records by what became of them.", ["noun", "status"])
_events_decoder = msgspec.msgpack.Decoder(EventsRecord)
_outcome_encoder = msgspec.msgpack.Encoder()


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """A noun's way into Redis: its events topic, their codec, and two pure functions of what they say."""

    noun: str
    topic: Topic
    events: Codec[Any]
    project: Project
    outcome_of: OutcomeOf
    news: str = ""
    """Prefix of keys that hold passing news: two builds of the same log differ in them."""
    is_gone: Callable[[str, int], bool] = lambda _key, _now_ms: False
    """Whether a key may be there or not at a time: two builds may differ in it, too."""
    look_up: LookUp | None = None
    """Operations that are no function of the events alone, after those of `project`."""
    looked_up: frozenset[str] = frozenset()
    """The wire names of the events that it is for."""
    spread: bool = False
    """Whether no key is of two games, so that groups of games may be in stores of their own."""
    group: Group = Group()
    """Which games' share of the records it takes in."""
    layout: int = 1
    """How keys and values are laid out: one more where either changes, so that they are made anew."""
    before: Project | None = None
    """What the same events ask for in the layout before, which edges of the release before read until they
    are replaced; None where this release can't keep that up."""

    @property
    def stored(self) -> str:
        """The noun's name in keys, whichever group they are of."""
        return stored_name(self.noun, self.layout)

    @property
    def name(self) -> str:
        """The noun's name in keys."""
        return self.group.name(self.stored)

    @property
    def shown(self) -> str:
        """The same for people, to whom the layout says nothing."""
        return self.group.name(self.noun)

    @property
    def former(self) -> tuple[str, ...]:
        """Those of the same group in the layouts before."""
        return tuple(self.group.name(stored_name(self.noun, before)) for before in range(1, self.layout))

    @property
    def kept(self) -> Projection | None:
        """The noun in the layout before, where this release can keep it up."""
        if self.before is None:
            return None
        return msgspec.structs.replace(self, layout=self.layout - 1, project=self.before, before=None)


class ApplyRefused(Exception):
    """The script refused a record before writing anything: a gap, another log, a bad argument."""


class RedisReader:
    """A `LogReader` for one noun.

    `generation` is empty for the live reader, which follows the noun's pointer; a rebuild names its own.
    `answers` false applies without storing outcomes or sending notifications (a rebuild before it has caught
    up).
    """

    def __init__(
        self,
        redis: Redis,
        projection: Projection,
        *,
        log: LogTail,
        generation: str = "",
        answers: bool = True,
    ) -> None:
        self.answers = answers
        self._redis = redis
        self._projection = projection
        self._topic = projection.topic
        self._log = log
        self._generation = generation
        self._log_id = ""
        self._partitions: dict[int, _Partition] = {}
        self.ready = False
        """Whether the noun could be read when this reader looked last."""

    async def assigned(self, partition: int) -> int:
        """Look up the store's position and return it.

        PositionRefused where it can't be this log's, or is of other groups.
        """
        noun = self._projection
        if noun.spread and not self._generation:
            await patiently(lambda: claim(self._redis, noun.stored, noun.name))
        held = await self._state(partition)
        topic = self._topic.name
        start = await begin(self._log, topic, partition, held.position, where="Redis", repair=REPAIR)
        offset, mark = start.position.offset, start.position.mark
        self._log_id = start.position.log_id
        if start.marked:
            kept = (self._projection.name, self._generation, str(partition), str(offset), mark)
            await patiently(lambda: MARK.run(self._redis, *kept))
        state = _Partition(run_id=held.run_id, position=offset, target=start.end)
        self._partitions[partition] = state
        await self._open_gate(partition, state, at_end=offset >= start.end)
        return offset

    async def handle(self, record: LogRecord) -> None:
        """Apply one record in one script. Raises where that can't be: nothing is skipped on this topic."""
        looked_up = await patiently(lambda: self.look_up(record))
        arguments, events = self.arguments(record, looked_up)
        status, next_offset, detail = await patiently(lambda: APPLY.run(self._redis, *arguments))
        name = status.decode()
        _RECORDS.labels(self._projection.noun, name).inc()
        if name not in {"applied", "repeated", "dropped"}:
            at = f"{record.topic}[{record.partition}]@{record.offset}"
            raise ApplyRefused(f"{at}: {name} {next_offset!r} {detail!r} ({events} commands)")
        state = self._partitions.get(record.partition)
        if state is not None:
            state.position = record.offset + 1
            if not state.reached and state.position >= state.target:
                await self._open_gate(record.partition, state, at_end=False)

    async def idle(self, now_ms: int) -> None:
        """See that Redis is the one we know, and now and then that nothing is left in the log."""
        for partition, state in list(self._partitions.items()):
            if now_ms - state.polled_ms < POLL_MS:
                continue
            state.polled_ms = now_ms
            held = await self._state(partition)
            self.ready = held.ready
            if held.position.offset < state.position:
                raise StoreRegressed(
                    f"Redis holds {self._topic.name}[{partition}] up to {held.position.offset}, but "
                    f"{state.position} was applied: it lost data or restarted empty"
                )
            if held.run_id != state.run_id:  # it restarted and lost nothing: wait for the end as it is now
                state.run_id = held.run_id
                state.target = await self._log.end_offset(self._topic.name, partition)
            if not held.ready or now_ms - state.fresh_ms >= FRESH_MS:
                state.fresh_ms = now_ms
                end = await self._log.end_offset(self._topic.name, partition)
                await self._open_gate(partition, state, at_end=state.position >= end)

    async def revoked(self, partition: int) -> None:
        """Forget the partition."""
        self._partitions.pop(partition, None)

    def looks_up(self, record: LogRecord) -> bool:
        """Whether a record's operations depend on what is held; most records' don't."""
        return any(name.encode() in record.value for name in self._projection.looked_up)

    async def look_up(self, record: LogRecord) -> list[Operation]:
        """The operations of a record that depend on what is held once all records before it are applied."""
        noun = self._projection
        if not self.looks_up(record):
            return []
        generation: bytes | str | None = self._generation
        if not generation:
            generation = await cast("Awaitable[bytes | None]", self._redis.get(f"generation:{noun.name}"))
        if generation is None or noun.look_up is None:
            return []  # without a generation the script refuses the record
        prefix = f"{noun.name}:{generation.decode() if isinstance(generation, bytes) else generation}:"
        found: list[Operation] = []
        for decided in _events_decoder.decode(record.value).decided:
            if noun.group.holds(decided.game_id):
                found += await noun.look_up(self._redis, prefix, decided, messages_of(decided, noun.events))
        return found

    def arguments(
        self, record: LogRecord, looked_up: Sequence[Operation] = ()
    ) -> tuple[list[str | bytes], int]:
        """The script's arguments for a record, and how many commands it answers. Raises on bad bytes.

        `looked_up` is what `look_up` gave for it.
        """
        noun = self._projection
        events = _events_decoder.decode(record.value)
        outcomes: list[str | bytes] = []
        operations: list[Operation] = []
        answered_at_ms = record.appended_at_ms
        if (
            events.asked_at_ms
        ):  # a broker's clock that is hours off neither drops an outcome nor keeps it long
            latest_ms = events.asked_at_ms + CLOCKS_DIFFER_MS_MAX
            answered_at_ms = min(max(answered_at_ms, events.asked_at_ms), latest_ms)
        own = 0
        for decided in events.decided:
            if not noun.group.holds(decided.game_id):
                continue
            own += 1
            messages = messages_of(decided, noun.events)
            operations += noun.project(decided, messages, record.appended_at_ms, record.partition)
            outcome = noun.outcome_of(decided, messages) if self.answers else None
            if outcome is not None:
                remembered = outcome.status < 400 or outcome.status in REMEMBERED_REFUSALS
                key = outcome_key(decided.command_id, "" if remembered else events.record_id)
                keep_ms = KEYED_MS if decided.keyed and remembered else UNKEYED_MS
                expires = str(answered_at_ms + keep_ms)
                outcomes += (key, _outcome_encoder.encode(outcome), expires)
        operations += looked_up
        head: list[str | bytes] = [
            noun.name,
            self._generation,
            self._log_id,
            str(record.partition),
            str(record.offset),
            str(events.src),
            str(record.appended_at_ms),
            events.gateway_id if self.answers and (own or not events.decided) else "",
            events.record_id,
            str(self._topic.partitions),
            str(len(outcomes) // 3),
            mark_of(record),
        ]
        return head + outcomes + flat(operations), own

    async def _open_gate(self, partition: int, state: _Partition, *, at_end: bool) -> None:
        if self._generation or state.position < state.target:
            return
        head = (self._projection.name, str(partition), str(self._topic.partitions), state.run_id)
        rest = (str(state.target), "1" if at_end else "0")
        reply = await patiently(lambda: READY.run(self._redis, *head, *rest))
        state.reached = reply in {b"ready", b"waiting"}

    async def _state(self, partition: int) -> State:
        where = (self._projection.name, partition, self._generation)
        return await patiently(lambda: state_of(self._redis, *where))


class _Partition(msgspec.Struct):
    run_id: str
    position: int
    target: int
    """The log's end as it was after connecting: readers wait until it is reached."""
    reached: bool = False
    polled_ms: int = 0
    fresh_ms: int = 0


def outcome_keys(arguments: list[str | bytes]) -> list[str | bytes]:
    """The keys of the outcomes in a record's arguments."""
    return arguments[_HEAD : _HEAD + 3 * int(arguments[10]) : 3]


def outcome_key(command_id: str, record_id: str = "") -> str:
    """Where a command's outcome is stored; one that isn't remembered by key is found by its record too."""
    return f"outcome:{command_id}:{record_id}" if record_id else f"outcome:{command_id}"
