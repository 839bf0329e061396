"""What a command was refused with, as answers over HTTP begin with it."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.edge.errors import Refused
from schemas.envelope import CommandRejected, Outcome

FAILED: Final = "the request can't be decided; it changed nothing"
_rejected: Final = msgspec.msgpack.Decoder(CommandRejected)


def refusal_in(outcome: Outcome, failed: str = FAILED) -> CommandRejected | None:
    """The refusal; None in a success. Raises `Refused` (500, `failed`) where the decider failed on it."""
    if outcome.status < 400:
        return None
    if outcome.status == 500:
        raise Refused(500, failed)
    return _rejected.decode(outcome.body)
