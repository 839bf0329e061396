"""Decides that a telemetry record, or a request in it, is skipped: `questlog skip`.

The projector is asked to wait, so that it can't take the record in meanwhile; then the decision goes into the
record's own partition, and onto the list that every reader reads before it begins. Who dies between the two
has decided nothing yet, or is completed by the projector when it meets the decision.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from projections.clickhouse.projector_hold import held
from projections.clickhouse.rebuilding import QUIET_S
from schemas.telemetry.noun import TELEMETRY
from schemas.telemetry.record import EntryKind, TelemetryEntry, decode_record, encode_record
from schemas.telemetry.skips import (
    REASON_MAX,
    SKIPS_MAX,
    SkipDecision,
    content_hash,
    encode_skip,
    list_skip,
    read_skips,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from projections.clickhouse.positions import Positions
    from schemas.failures import Failing
    from schemas.log import Appender, LogRecord, LogTail

_LOOK_S: Final = 0.25


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that holds, and what it leaves out."""

    decision: SkipDecision
    requests: list[TelemetryEntry]
    again: bool
    """Whether it held before."""

    @property
    def letter_id(self) -> str:
        """The dead letter that the projector makes of it."""
        return f"{TELEMETRY.name}-{self.decision.id}"


class SkipRefused(Exception):
    """Nothing was decided; the message is for the operator."""


class Skipping:
    """Decides on one log and one set of tables."""

    def __init__(
        self,
        positions: Positions,
        failing: Callable[[], Awaitable[Sequence[Failing]]],
        *,
        tail: LogTail,
        appender: Appender,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`failing` are the places at which readers fail."""
        self._positions = positions
        self._failing = failing
        self._tail = tail
        self._appender = appender
        self._clock_ms = clock_ms
        self._sleep = sleep

    async def decide(
        self, partition: int, offset: int, *, index: int | None, reason: str, force: bool
    ) -> Decided:
        """Decide that a record, or its request `index`, is skipped. Called twice: one decision.

        Without `force` only where the projector fails. Raises SkipRefused, LogUnavailable, ClickHouseError or
        StoreUnavailable.
        """
        record = await self._record(partition, offset)
        requests = _requests(record, index)
        log_id = await self._tail.log_id(TELEMETRY.name)
        decision = SkipDecision(
            log_id=log_id,
            partition=partition,
            offset=offset,
            index=index,
            sha256=content_hash(record.value),
            reason=reason[:REASON_MAX],
            decided_at_ms=self._clock_ms(),
        )
        known = await read_skips(self._tail, log_id)
        for one in known:
            if (one.id, one.sha256) == (decision.id, decision.sha256):
                return Decided(decision=one, requests=requests, again=True)
        if len(known) >= SKIPS_MAX:
            raise SkipRefused(f"there are {SKIPS_MAX} decisions to skip in this log already")
        if not force:
            await self._refuse_healthy(partition, offset)
        async with self._held(partition):
            await self._refuse_applied(partition, offset, log_id)
            await self._appender.append(TELEMETRY.name, partition, _decision_record(decision))
            await list_skip(self._appender, decision)
        return Decided(decision=decision, requests=requests, again=False)

    async def _record(self, partition: int, offset: int) -> LogRecord:
        first = await self._tail.begin_offset(TELEMETRY.name, partition)
        end = await self._tail.end_offset(TELEMETRY.name, partition)
        if first <= offset < end:
            async for record in self._tail.read(TELEMETRY.name, partition, offset, offset + 1):
                return record
        raise SkipRefused(f"{TELEMETRY.name}[{partition}] holds {first} to {end}, not {offset}")

    async def _refuse_healthy(self, partition: int, offset: int) -> None:
        for entry in await self._failing():
            mine = entry.topic == TELEMETRY.name and entry.partition == partition and entry.poison
            if mine and entry.first <= offset <= entry.last:
                return
        raise SkipRefused(
            f"no projector is known to fail at record {offset} of {TELEMETRY.name}[{partition}]:"
            " `questlog status` says at which. Skip it nevertheless with --force"
        )

    async def _refuse_applied(self, partition: int, offset: int, log_id: str) -> None:
        position = (await self._positions.read(partition)).position
        if position.log_id == log_id and position.offset > offset:
            raise SkipRefused(
                f"record {offset} of {TELEMETRY.name}[{partition}] is in the tables already:"
                f" ClickHouse is at {position.offset}. There is nothing to skip"
            )

    @asynccontextmanager
    async def _held(self, partition: int) -> AsyncIterator[None]:
        """While the partition's projector waits, or does not run, or is stopped."""
        holder = await self._positions.held(self._clock_ms())
        if holder is not None:
            raise SkipRefused(f"{holder} holds the projectors now: try again when it is done")
        async with held(self._positions, self._clock_ms, self._sleep, name="skip") as mine:
            before, quiet_s = await self._positions.read(partition), 0.0
            while quiet_s < QUIET_S and partition not in await self._positions.waiting(mine.holder):
                await self._sleep(_LOOK_S)
                now = await self._positions.read(partition)
                quiet_s = quiet_s + _LOOK_S if now == before else 0.0
                before = now
            yield


def _requests(record: LogRecord, index: int | None) -> list[TelemetryEntry]:
    """What a skip leaves out. SkipRefused where there is no such request, or it is no request."""
    try:
        entries = decode_record(record.value).entries
    except (msgspec.DecodeError, ValueError) as error:
        raise SkipRefused(f"the record can't be read, and is a dead letter without a skip: {error}") from None
    if index is not None and not 0 <= index < len(entries):
        raise SkipRefused(f"record {record.offset} has the requests 0 to {len(entries) - 1}, not {index}")
    chosen = entries if index is None else [entries[index]]
    if any(entry.kind == EntryKind.RECORD_SKIPPED for entry in chosen):
        raise SkipRefused(f"record {record.offset} holds a decision to skip, which can't be skipped")
    if any(entry.kind == EntryKind.PERSON_FORGOTTEN for entry in chosen):
        raise SkipRefused(f"record {record.offset} says that a person is forgotten, which can't be skipped")
    return chosen


def _decision_record(decision: SkipDecision) -> bytes:
    entry = TelemetryEntry(
        kind=EntryKind.RECORD_SKIPPED,
        request_id="",
        studio_id="",
        game_id="",
        received_at_ms=decision.decided_at_ms,
        item_count=0,
        country=None,
        region=None,
        city=None,
        body=encode_skip(decision),
    )
    return encode_record([entry])
