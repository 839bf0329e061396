"""Sums of movements by minute and hour, as rows that may be written again. No I/O, no clock.

A row holds everything of its time up to an offset. The writer of the next one adds only movements from there
on, so a batch that is written twice, or by two writers, is counted once; the row that knows most is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

STEPS: Final = (1, 60)
"""Minutes of a row."""


class Move(NamedTuple):
    """One movement, and the record it came from."""

    studio_id: str
    game_id: str
    type: str
    key: str
    amount: int
    at_ms: int
    partition: int
    offset: int


class Place(NamedTuple):
    """What a row is of; `start` is in unix seconds."""

    game_id: str
    step: int
    start: int
    type: str
    key: str
    partition: int


class Total(NamedTuple):
    """What a row says: movements of records before `next_offset` are counted."""

    minted: int = 0
    spent: int = 0
    next_offset: int = 0


def places(move: Move) -> list[Place]:
    """The rows that a movement is in."""
    return [
        Place(
            move.game_id,
            step,
            move.at_ms // (step * 60_000) * step * 60,
            move.type,
            move.key,
            move.partition,
        )
        for step in STEPS
    ]


def rows_of(
    moves: Iterable[Move], stored: Mapping[Place, Total], next_offsets: Mapping[int, int]
) -> list[list[Any]]:
    """The rows after these movements, in the order of the table's columns.

    `stored` is what is there, `next_offsets` says for each partition up to where `moves` has all of them.
    """
    totals: dict[Place, Total] = {}
    studios: dict[Place, str] = {}
    for move in moves:
        for place in places(move):
            before = stored.get(place, Total())
            minted, spent, _ = totals.get(place, before)
            if move.offset >= before.next_offset:
                minted += max(move.amount, 0)
                spent -= min(move.amount, 0)
            studios[place] = move.studio_id
            totals[place] = Total(minted, spent, max(before.next_offset, next_offsets[move.partition]))
    return [
        # ClickHouse reads integers beyond 64 bits as text.
        [studios[place], *place[:5], str(total.minted), str(total.spent), place.partition, total.next_offset]
        for place, total in totals.items()
    ]
