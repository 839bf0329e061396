"""Which S1 events a session has seen, so that a batch that is sent again does not count twice. Pure.

What makes two events the same is `schemas/telemetry/identity.py`. Sequence numbers are kept as ranges, the
others as 128-bit hashes. Source: telemetry.md, "S1 ingest".

A session remembers the REMEMBERED_MAX largest sequence numbers and the REMEMBERED_MAX latest other events, by
their own time. What lies below those is taken as new. Which they are follows from the set of events alone, so
that they can be read again from what is stored.
"""

from __future__ import annotations

from bisect import bisect_right
from heapq import heapify, heappushpop
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


REMEMBERED_MAX: Final = 20_000
"""Of a session's sequence numbers, and of its events without one: twenty full batches of each."""
_IDENTITY_BITS: Final = 128


class Seen:
    """The identities that one session remembers."""

    __slots__ = ("_by_time", "_ends", "_hashes", "_most", "_seqs", "_starts")

    def __init__(
        self,
        seqs: Iterable[int] = (),
        hashes: Iterable[tuple[int, int]] = (),
        *,
        most: int = REMEMBERED_MAX,
    ) -> None:
        """`hashes` are (event time in milliseconds, identity) of events without a sequence number."""
        self._most = most
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._seqs = 0
        self._hashes: set[int] = set()
        self._by_time: list[int] = []  # a heap of _hashes, once there are as many as are remembered
        for seq in sorted(set(seqs)):
            self.add(seq, 0, 0)
        for at_ms, identity in hashes:
            self.add(None, identity, at_ms)

    @property
    def weight(self) -> int:
        """How many things are remembered: ranges and hashes."""
        return len(self._starts) + len(self._hashes)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The sequence numbers seen, as inclusive ranges that neither touch nor overlap."""
        return list(zip(self._starts, self._ends, strict=True))

    def add(self, seq: int | None, identity: int, at_ms: int) -> bool:
        """Remember an event; return whether it is new."""
        if seq is not None:
            return self._add_seq(seq)
        timed = (at_ms << _IDENTITY_BITS) + identity
        if timed in self._hashes:
            return False
        if len(self._hashes) < self._most:
            self._hashes.add(timed)
            return True
        if not self._by_time:
            self._by_time = list(self._hashes)
            heapify(self._by_time)
        forgotten = heappushpop(self._by_time, timed)
        if forgotten != timed:
            self._hashes.remove(forgotten)
            self._hashes.add(timed)
        return True

    def _add_seq(self, seq: int) -> bool:
        place = bisect_right(self._starts, seq)
        if place and seq <= self._ends[place - 1]:
            return False
        if self._seqs == self._most:
            if not place:
                return True
            place -= self._forget_least()
        self._seqs += 1
        joins_before = bool(place) and self._ends[place - 1] == seq - 1
        joins_after = place < len(self._starts) and self._starts[place] == seq + 1
        if joins_before and joins_after:
            self._ends[place - 1] = self._ends.pop(place)
            del self._starts[place]
        elif joins_before:
            self._ends[place - 1] = seq
        elif joins_after:
            self._starts[place] = seq
        else:
            self._starts.insert(place, seq)
            self._ends.insert(place, seq)
        return True

    def _forget_least(self) -> int:
        """Forget the least sequence number; return how many ranges went with it."""
        self._seqs -= 1
        if self._starts[0] < self._ends[0]:
            self._starts[0] += 1
            return 0
        del self._starts[0], self._ends[0]
        return 1
