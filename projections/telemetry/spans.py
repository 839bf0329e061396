"""Runs of events with gaps of at most 30 s: what a session's active seconds are made of. Pure.

Active time adds up the gaps between consecutive events that are at most 30 s (contract/telemetry.md,
"Sessions"). Kept as maximal runs it is a convergent aggregate: merging the runs of two sets of events gives
exactly the runs of their union, in any order and however often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

GAP_MS_MAX: Final = 30_000


class EventId(NamedTuple):
    """Where an event stands in the log. Its public form is `partition-offset-index`."""

    partition: int
    offset: int
    item: int

    def __str__(self) -> str:
        return f"{self.partition}-{self.offset}-{self.item}"


class Run(NamedTuple):
    """A maximal run: its first and last event, by (time, place in the log), unix milliseconds."""

    start_ms: int
    first: EventId
    end_ms: int
    last: EventId


def merge(runs: Iterable[Run]) -> list[Run]:
    """The maximal runs of the union of all events that the given runs stand for, in order of time."""
    merged: list[Run] = []
    for run in sorted(runs):
        if merged and run.start_ms - merged[-1].end_ms <= GAP_MS_MAX:
            before = merged[-1]
            end_ms, last = max((before.end_ms, before.last), (run.end_ms, run.last))
            merged[-1] = Run(before.start_ms, before.first, end_ms, last)
        else:
            merged.append(run)
    return merged


def active_ms(runs: Iterable[Run]) -> int:
    """Active time of merged runs in milliseconds."""
    return sum(run.end_ms - run.start_ms for run in runs)


def runs_by_session(
    partition: int,
    session: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    offset: NDArray[np.int64],
    index: NDArray[np.int64],
) -> dict[int, list[Run]]:
    """The runs of each session's events, by session code. The columns hold one event a place, any order."""
    if not len(session):
        return {}
    order = np.lexsort((index, offset, at_ms, session))
    session, at_ms, offset, index = session[order], at_ms[order], offset[order], index[order]
    begins = np.flatnonzero(np.concatenate(([True], (np.diff(session) != 0) | (np.diff(at_ms) > GAP_MS_MAX))))
    ends = np.concatenate((begins[1:], [len(session)])) - 1
    found: dict[int, list[Run]] = {}
    for code, start_ms, first_offset, first_index, end_ms, last_offset, last_index in zip(
        session[begins].tolist(),
        at_ms[begins].tolist(),
        offset[begins].tolist(),
        index[begins].tolist(),
        at_ms[ends].tolist(),
        offset[ends].tolist(),
        index[ends].tolist(),
        strict=True,
    ):
        found.setdefault(code, []).append(
            Run(
                start_ms,
                EventId(partition, first_offset, first_index),
                end_ms,
                EventId(partition, last_offset, last_index),
            )
        )
    return found
