"""Which S1 events a session has seen, so that a batch that is sent again does not count twice. Pure.

What makes two events the same is `schemas/telemetry/identity.py`. Sequence numbers are kept as ranges, the
others as 128-bit hashes. Source: telemetry.md, "S1 ingest".
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Seen:
    """The identities that one session has seen."""

    __slots__ = ("_ends", "_hashes", "_starts")

    def __init__(self, seqs: Iterable[int] = (), hashes: Iterable[int] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._hashes = set(hashes)
        for seq in sorted(seqs):
            self.add(seq, 0)

    @property
    def weight(self) -> int:
        """How many things are remembered: ranges and hashes."""
        return len(self._starts) + len(self._hashes)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The sequence numbers seen, as inclusive ranges that neither touch nor overlap."""
        return list(zip(self._starts, self._ends, strict=True))

    def add(self, seq: int | None, identity: int) -> bool:
        """Remember an event; return whether it is new."""
        if seq is not None:
            return self._add_seq(seq)
        if identity in self._hashes:
            return False
        self._hashes.add(identity)
        return True

    def _add_seq(self, seq: int) -> bool:
        place = bisect_right(self._starts, seq)
        if place and seq <= self._ends[place - 1]:
            return False
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
