"""One write of S2 that its caller may make, its answer, and the stores it needs beside the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from schemas.edge.errors import Refused
from schemas.edge.routes import Route
from schemas.objects import ObjectStore
from schemas.playtests.ports import PlaytestReads
from schemas.playtests.refusals import REASONS, Reason
from schemas.seal import Sealer
from streams.gateway.playtests.asking import Asked


class FirstAnswers(Protocol):
    """Answers that no command gives, kept for a day, so that a retry gets the first one."""

    async def known(self, command_id: str) -> bytes | None:
        """What was answered first; None where nothing was. Raises StoreUnavailable."""
        ...

    async def first(self, command_id: str, answer: bytes) -> bytes:
        """What was answered first: this, unless there is another. Raises StoreUnavailable."""
        ...


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """What writes need beside the log."""

    reads: PlaytestReads
    first_answers: FirstAnswers
    objects: ObjectStore
    sealer: Sealer


class Write(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One write that its caller may make."""

    asked: Asked
    route: Route
    path: Mapping[str, str]
    body: Any

    @property
    def studio_id(self) -> str:
        """Whose it is."""
        return self.asked.caller.studio_id

    @property
    def playtester_id(self) -> str:
        """The calling playtester; empty for an owner."""
        return self.asked.caller.playtester_id


Answered = tuple[int, bytes]
"""The status, and `data` encoded."""


def conflict(reason: Reason) -> Refused:
    """A 409 of a state that forbids it."""
    return Refused(409, REASONS[reason], reason=reason)
