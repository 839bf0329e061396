"""Several commands in one command record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.envelope import COMMAND_REJECTED
from schemas.log import LogRecord
from schemas.outcomes import rejection
from streams.deciders.decide import Decision, decide_record
from streams.deciders.fold import Fold
from streams.deciders.playtests.noun import PLAYTESTS
from tests.streams.deciders.playtests.given import (
    Playtests,
    record_of,
)

if TYPE_CHECKING:
    from schemas.codec import Message
    from streams.deciders.playtests.state import PlaytestsState


def in_one_record(world: Playtests, *bodies: Message) -> Decision[PlaytestsState]:
    """Several commands in one command record; the world goes on from what they gave."""
    fold = Fold(PLAYTESTS)
    fold.state = world.state
    value = record_of([world.request(body) for body in bodies])
    record = LogRecord(topic="c", partition=0, offset=0, appended_at_ms=world.at_ms, key=None, value=value)
    decision = decide_record(PLAYTESTS, fold, record)
    assert decision.dead_letters == []
    world.state = decision.state
    return decision


def outcomes(decision: Decision[PlaytestsState]) -> list[str]:
    """The first event of each command, or the code of its refusal."""
    found = []
    for decided in decision.record.decided:
        refused = rejection(decided)
        name = decided.events[0].type if decided.events else ".nothing"
        assert (refused is not None) == (name == COMMAND_REJECTED)
        found.append(refused.code if refused is not None else name.split(".")[1])
    return found


def kinds_of(decision: Decision[PlaytestsState], index: int) -> list[str]:
    return [event.type.split(".")[1] for event in decision.record.decided[index].events]
