"""The decision to skip a telemetry record, or one request in it, that a projector can't take in.

The decision is a part of a later record of the same partition, so that every reader meets it. A reader of
the record before must know it already: the topic `telemetry.skips` lists all decisions, and each reader reads
it before it begins. A decision holds for one record of one log, named by place and content.

NOTE: stored as JSON in both topics: append fields with a default, never rename.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from schemas.telemetry.noun import TELEMETRY_SKIPS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.log import Appender, LogRecord, LogTail

SKIPS_MAX: Final = 10_000
"""Decisions in one log: each reader keeps them all."""
REASON_MAX: Final = 500


class SkipDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `record.skipped.v1` part: this record, or the request `index` in it, has no effect."""

    log_id: str
    """The telemetry topic's id: a topic that was created again is another log."""
    partition: int
    offset: int
    index: int | None
    """The request within the record; None for the record as a whole."""
    sha256: str
    """Of the record's value, in hexadecimal digits: the decision can't skip another record."""
    reason: str
    decided_at_ms: int

    @property
    def id(self) -> str:
        """`partition-offset[-index]`."""
        name = f"{self.partition}-{self.offset}"
        return name if self.index is None else f"{name}-{self.index}"


_decoder = msgspec.json.Decoder(SkipDecision)


def encode_skip(decision: SkipDecision) -> bytes:
    """The body of a part, and the value of a record of `telemetry.skips`."""
    return msgspec.json.encode(decision)


def decode_skip(body: bytes) -> SkipDecision:
    """Read one back. Raises `msgspec.DecodeError`."""
    return _decoder.decode(body)


def content_hash(value: bytes) -> str:
    """What a decision says of the content of the record that it skips."""
    return sha256(value).hexdigest()


class Skips:
    """The decisions about one partition of one log. Pure."""

    def __init__(self, decisions: Iterable[SkipDecision] = ()) -> None:
        """`decisions` are of one partition and one log, in any order; repeats are one."""
        self._by_offset: dict[int, dict[int | None, SkipDecision]] = {}
        for decision in decisions:
            self._by_offset.setdefault(decision.offset, {}).setdefault(decision.index, decision)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._by_offset)

    def __eq__(self, other: object) -> bool:
        """Whether both skip the same."""
        return isinstance(other, Skips) and self._by_offset == other._by_offset

    __hash__ = None  # type: ignore[assignment]

    def of(self, record: LogRecord) -> dict[int | None, SkipDecision]:
        """What of a record is skipped, by index; empty for nearly every one. Other content: nothing is."""
        found = self._by_offset.get(record.offset)
        if found is None:
            return {}
        content = content_hash(record.value)
        return {index: decision for index, decision in found.items() if decision.sha256 == content}


async def read_skips(tail: LogTail, log_id: str) -> list[SkipDecision]:
    """Every decision about this telemetry log, oldest first. Raises `LogUnavailable`."""
    begin = await tail.begin_offset(TELEMETRY_SKIPS.name, 0)
    return [
        decision
        async for record in tail.read(TELEMETRY_SKIPS.name, 0, begin)
        if (decision := decode_skip(record.value)).log_id == log_id
    ]


async def list_skip(appender: Appender, decision: SkipDecision) -> None:
    """Add a decision to the list. Called twice: it is listed twice and counts once."""
    await appender.append(TELEMETRY_SKIPS.name, 0, encode_skip(decision), decision.id.encode())
