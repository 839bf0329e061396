"""Decisions to skip that the log still means, but whose place on the list or whose dead letter it has lost.

`telemetry.skips` and the dead letters are topics of one partition each: either may lose its end although the
partitions of telemetry do not. Then a rebuild would fail at a record that the worker has skipped. The tables
say which decisions they honour, and a decision's dead letter follows from the record that it skips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from projections.telemetry.open_batch import SKIPPED, OpenBatch
from projections.telemetry.skip_store import SkipStore
from schemas.dead_letters import DeadLetter, append_dead_letter, decode_dead_letter
from schemas.telemetry.noun import TELEMETRY
from schemas.telemetry.skips import SkipDecision, Skips, list_skip, read_skips
from schemas.topics import DEAD_LETTERS

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from schemas.log import Appender, LogTail


class LostSkips(msgspec.Struct, frozen=True):
    """What is missing of decisions that the tables honour."""

    unlisted: list[SkipDecision] = []
    letters: list[DeadLetter] = []

    def lines(self) -> list[str]:
        """One for each decision, for a person."""
        return [
            *(f"{one.id} of {TELEMETRY.name} is skipped, but no longer on the list" for one in self.unlisted),
            *(f"the dead letter {letter.id} of what is skipped is gone" for letter in self.letters),
        ]


async def lost_skips(client: ClickHouse, tail: LogTail) -> LostSkips:
    """Look at every decision that the tables of `client` honour, about records that the log still holds.

    Raises LogUnavailable or ClickHouseError.
    """
    log_id = await tail.log_id(TELEMETRY.name)
    honoured = await SkipStore(client, TELEMETRY.name, log_id).honoured()
    if not honoured:
        return LostSkips()
    listed = {(one.id, one.sha256) for one in await read_skips(tail, log_id)}
    begin = await tail.begin_offset(DEAD_LETTERS.name, 0)
    kept = {decode_dead_letter(record.value).id async for record in tail.read(DEAD_LETTERS.name, 0, begin)}
    lost = LostSkips([], [])
    for one in honoured:
        is_listed, is_told = (one.id, one.sha256) in listed, f"{TELEMETRY.name}-{one.id}" in kept
        if is_listed and is_told:
            continue
        letters = await _letters(tail, one, honoured)
        if letters and not is_listed:
            lost.unlisted.append(one)
        if not is_told:
            lost.letters.extend(letters)
    return lost


async def restore_skips(lost: LostSkips, appender: Appender) -> None:
    """Append what is missing. Called twice: it is there twice and counts once."""
    for one in lost.unlisted:
        await list_skip(appender, one)
    for letter in lost.letters:
        await append_dead_letter(appender, letter)


async def _letters(tail: LogTail, decision: SkipDecision, honoured: list[SkipDecision]) -> list[DeadLetter]:
    """What the projector appends of what a decision skips; nothing where the log does not hold it."""
    place = (TELEMETRY.name, decision.partition)
    if not await tail.begin_offset(*place) <= decision.offset < await tail.end_offset(*place):
        return []
    batch = OpenBatch(Skips(one for one in honoured if one.partition == decision.partition))
    async for record in tail.read(*place, decision.offset, decision.offset + 1):
        batch.add(record)
    return [letter for letter in batch.letters if letter.reason == SKIPPED and letter.index == decision.index]
