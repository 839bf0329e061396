"""Where readers fail again and again at the same place although nothing that they need is away.

A process that meets anything unforeseen ends itself and begins again; the count of how often it did so at
one place has to outlive it. One entry for each role, topic and partition, kept until the reader is past it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

POISON_FAILURES: Final = 3
"""So many failures in a row at one place: waiting for it to go away by itself is over."""


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """A reader that fails. NOTE: stored as JSON: append fields with a default, never rename."""

    role: str
    topic: str
    partition: int
    begin: int
    """The position that the reader began at: it has not moved since. -1 where it failed before it had one."""
    first: int
    last: int
    """The record at which it fails is one of these offsets."""
    index: int | None
    """The request within the record, where it is known."""
    failures: int
    error: str
    """For the operator alone: it may quote what a client sent."""
    first_at_ms: int
    last_at_ms: int
    kind: str = ""
    """The name of the exception."""

    @property
    def poison(self) -> bool:
        """Whether it failed so often that an operator has to act."""
        return self.failures >= POISON_FAILURES

    @property
    def place(self) -> str:
        """`topic[partition]` and the record, for a person."""
        if self.begin < 0:
            return f"{self.topic}[{self.partition}], before its first record"
        records = f"record {self.first}" if self.first == self.last else f"records {self.first}-{self.last}"
        request = "" if self.index is None else f", request {self.index}"
        return f"{self.topic}[{self.partition}], {records}{request}"


class FailureStore(Protocol):
    """Keeps the entries. Every method raises `StoreUnavailable` where the store is away."""

    async def all(self) -> Sequence[Failing]:
        """Every entry, by role, topic and partition."""
        ...

    async def put(self, failing: Failing) -> None:
        """Keep an entry in place of the one of the same role, topic and partition."""
        ...

    async def remove(self, failing: Failing) -> None:
        """Forget an entry. Called twice: nothing more."""
        ...
