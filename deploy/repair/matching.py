"""Commands and events that answer each other: which command records were decided and are gone.

A command record that was decided lives on in its events. So where `<noun>.commands` lost its end behind
`<noun>.events`, nothing that was answered is lost, but the next record would take an offset that was decided
before, and it would never be decided. For each lost offset an empty record is appended, under the ids of the
one that was there. Records that took decided offsets meanwhile were never answered and are appended again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from schemas.envelope import ENVELOPE_VERSION, CommandRecord
from schemas.log import LogRecord
from schemas.log_positions import Cursor, Position
from streams.deciders.decider import source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.log import Appender, LogTail
    from schemas.topics import Topic

RECOVERED: Final = b"recovered"
"""The Kafka key of a command record that stands for a lost one."""
LOOK_BACK: Final = 64
"""Records that are looked at before the end where nothing is lost; widened tenfold as long as all differ."""
Source = tuple[str, str]
"""Gateway and record id."""
_UNKNOWN: Final = ("", "")
_LOOK_BACK_MAX: Final = 1_000_000


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """The beginning of an EventsRecord."""

    version: int
    src: int
    gateway_id: str
    record_id: str


_decoder: Final = msgspec.msgpack.Decoder(_Head)
_encode: Final = msgspec.msgpack.Encoder().encode


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """One partition of a noun: what was asked, what was decided, and what of that is gone."""

    commands: str
    events: str
    partition: int
    commands_end: int
    decided: int
    """The last command record that was decided."""
    missing: dict[int, Source]
    """Offsets from the commands' end on that were decided, and whose records they were."""
    replaced: list[LogRecord]
    """Records at offsets that were decided for others."""

    @property
    def broken(self) -> bool:
        """Whether command records that were decided are gone."""
        return bool(self.missing or self.replaced)

    @property
    def undecided(self) -> int:
        """Command records that wait to be decided."""
        return max(0, self.commands_end - self.decided - 1) + len(self.replaced)

    def __str__(self) -> str:
        said = [f"{self.commands}[{self.partition}] ends at {self.commands_end}"]
        said.append(f"{self.events}[{self.partition}] answers it up to {self.decided}")
        if self.missing:
            said.append(f"{len(self.missing)} decided records are gone, their events are kept")
        if self.replaced:
            said.append(f"{len(self.replaced)} records are at the offsets of others and are undecided")
        return ", ".join(said)


async def chain_of(
    tail: LogTail,
    topics: tuple[Topic, Topic],
    partition: int,
    known: tuple[int, int] = (0, -1),
    look_back: int = LOOK_BACK,
) -> Chain:
    """A partition of a noun's commands and events.

    `known` is a position in the events (next offset, last src) up to which they need not be read.
    """
    commands, events = topics
    end = await tail.end_offset(commands.name, partition)
    first = max(await tail.begin_offset(commands.name, partition), end - look_back)
    sources, decided = await _sources(tail, events.name, partition, known, first)
    replaced = [
        record
        async for record in tail.read(commands.name, partition, first, min(decided + 1, end))
        if any(sources.get(record.offset, _UNKNOWN)) and source_of(record) != sources[record.offset]
    ]
    if replaced and replaced[0].offset == first and first > 0 and look_back < _LOOK_BACK_MAX:
        return await chain_of(tail, topics, partition, (0, -1), look_back * 10)
    missing = {offset: sources.get(offset, _UNKNOWN) for offset in range(end, decided + 1)}
    return Chain(
        commands=commands.name,
        events=events.name,
        partition=partition,
        commands_end=end,
        decided=decided,
        missing=missing,
        replaced=replaced,
    )


async def _sources(
    tail: LogTail, events: str, partition: int, known: tuple[int, int], wanted: int
) -> tuple[dict[int, Source], int]:
    """Whose record each `src` from `wanted` on was, and the last `src` that counted.

    The events record of a `src` never stands before that offset, as every record before has one.
    """
    begin = await tail.begin_offset(events, partition)
    end = await tail.end_offset(events, partition)
    cursor = Cursor(Position(*known) if known[0] <= end else Position())
    known_next = cursor.offset
    first = max(begin, min(known_next, wanted)) if known_next else begin
    sources: dict[int, Source] = {}
    async for record in tail.read(events, partition, first, end):
        found = _decoder.decode(record.value)
        counts = found.src <= cursor.src if record.offset < known_next else cursor.accept(record, found.src)
        if counts and found.src >= wanted:
            sources.setdefault(found.src, (found.gateway_id, found.record_id))
    return sources, cursor.src


async def repair_chain(chain: Chain, appender: Appender) -> list[Mapping[str, object]]:
    """Append what makes the chain whole; a line for each record. Raises where another process appends too."""
    told: list[Mapping[str, object]] = []
    for offset, (gateway_id, record_id) in sorted(chain.missing.items()):
        empty = CommandRecord(
            version=ENVELOPE_VERSION, gateway_id=gateway_id, record_id=record_id, commands=[]
        )
        appended = await appender.append(chain.commands, chain.partition, _encode(empty), RECOVERED)
        if appended.offset != offset:
            raise RuntimeError(
                f"{chain.commands}[{chain.partition}] gave offset {appended.offset}, not {offset}:"
                " another process appends to it. Stop gateways and workers, then repair again."
            )
        told.append({"topic": chain.commands, "partition": chain.partition, "lost": offset})
    for record in chain.replaced:
        appended = await appender.append(chain.commands, chain.partition, record.value, record.key)
        told.append(
            {
                "topic": chain.commands,
                "partition": chain.partition,
                "undecided": record.offset,
                "appended_again_at": appended.offset,
            }
        )
    return told
