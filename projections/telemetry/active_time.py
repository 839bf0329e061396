"""Runs of events with gaps of at most 30 s: what a session's active seconds are made of. Pure.

Active time adds up the gaps between consecutive events that are at most 30 s (contract/telemetry.md,
"Sessions"). Kept as maximal runs it is a convergent aggregate: merging the runs of two sets of events gives
exactly the runs of their union, in any order and however often.

A session keeps at most RUNS_MAX runs. One more joins the two oldest, and the pause between them is kept as a
sum, so that active time stays exact; only an event that comes late into such a pause finds no place any more
and adds no active time. That depends on the order of events, which is the log's, and on nothing else.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

GAP_MS_MAX: Final = 30_000
RUNS_MAX: Final = 1_000
"""Of one session in one partition. So many runs are at least 8 hours and 20 minutes from first to last."""


class EventId(NamedTuple):
    """An event's position in the log. Its public form is `partition-offset-index`."""

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


def certainly_fit(runs: Sequence[Run], more: Iterable[Run]) -> bool:
    """Whether adding the events of `more` can't exceed RUNS_MAX on the way, in whichever order they come.

    Events that share one of time's fixed cells of 30 s are of one run, and a run leaves no cell between its
    ends empty: so the events of `more` are of no more runs than they occupy cells, however few are added.
    """
    cells = sum(run.end_ms // GAP_MS_MAX - run.start_ms // GAP_MS_MAX + 1 for run in more)
    return len(runs) + cells <= RUNS_MAX


def bounded(runs: list[Run]) -> tuple[list[Run], int]:
    """Merged runs with the oldest joined where there are too many, and the milliseconds between those."""
    surplus = len(runs) - RUNS_MAX
    if surplus <= 0:
        return runs, 0
    oldest = runs[: surplus + 1]
    joined = Run(oldest[0].start_ms, oldest[0].first, oldest[-1].end_ms, oldest[-1].last)
    return [joined, *runs[surplus + 1 :]], joined.end_ms - joined.start_ms - active_ms(oldest)


def add_in_order(runs: Iterable[Run], events: Iterable[Run]) -> tuple[list[Run], int]:
    """Merged runs after adding events one by one (runs of one event each), and the pauses then joined."""
    found, joined_ms = bounded(list(runs))
    starts = [run.start_ms for run in found]
    for event in events:
        at_ms = event.start_ms
        place = bisect_right(starts, at_ms)
        if place and starts[place - 1] < at_ms < found[place - 1].end_ms:
            continue
        low = place - 1 if place and at_ms - found[place - 1].end_ms <= GAP_MS_MAX else place
        high = place + 1 if place < len(found) and starts[place] - at_ms <= GAP_MS_MAX else place
        found[low:high] = merge([event, *found[low:high]]) if low < high else [event]
        starts[low:high] = [found[low].start_ms]
        if len(found) > RUNS_MAX:
            oldest, second = found[:2]
            joined_ms += second.start_ms - oldest.end_ms
            found[:2] = [Run(oldest.start_ms, oldest.first, second.end_ms, second.last)]
            del starts[1]
    return found, joined_ms


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


def events_by_session(
    partition: int,
    session: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    offset: NDArray[np.int64],
    index: NDArray[np.int64],
    *,
    codes: Iterable[int],
) -> Iterator[tuple[int, list[Run]]]:
    """Of the sessions with these codes each event as a run of its own, in the order of the log."""
    order = np.lexsort((at_ms, index, offset, session))
    session, at_ms, offset, index = session[order], at_ms[order], offset[order], index[order]
    for code in codes:
        begin, end = np.searchsorted(session, [code, code + 1]).tolist()
        places = zip(
            at_ms[begin:end].tolist(), offset[begin:end].tolist(), index[begin:end].tolist(), strict=True
        )
        ids = ((moment, EventId(partition, own_offset, item)) for moment, own_offset, item in places)
        yield code, [Run(moment, event, moment, event) for moment, event in ids]
