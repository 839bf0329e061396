"""Playtests in Redis: which events set what, and what answers a command. Pure. Keys: `keys.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from projections.playtests import accounts, applications, batches, forgotten_persons, keys, orders, slots
from projections.playtests.context import Context, Step
from projections.playtests.former_slots import former
from projections.redis.operations import Operation
from projections.redis.reader import Projection
from schemas.codec import Message
from schemas.envelope import Decided
from schemas.playtests.answers import outcome_of
from schemas.playtests.events import EVENTS
from schemas.playtests.noun import PLAYTESTS_EVENTS

STEPS: Final[dict[type[Message], Step]] = {
    **orders.STEPS,
    **slots.STEPS,
    **applications.STEPS,
    **accounts.STEPS,
    **batches.STEPS,
    **forgotten_persons.STEPS,
}


def project(
    decided: Decided, messages: Sequence[Any], appended_at_ms: int, partition: int
) -> list[Operation]:
    """What one command's events set, in order. Applying them again changes nothing."""
    del appended_at_ms, partition  # the times that matter here are the events' own
    context = Context(decided.studio_id, decided.command_id)
    for event, message in zip(decided.events, messages, strict=False):
        step = STEPS.get(type(message))
        if step is not None:
            context.at_ms = event.at_ms
            step(context, message)
    orders.settle(context)
    return context.operations


def project_before(
    decided: Decided, messages: Sequence[Any], appended_at_ms: int, partition: int
) -> list[Operation]:
    """The same for the layout before."""
    return former(project(decided, messages, appended_at_ms, partition))


PLAYTESTS: Final = Projection(
    noun=keys.NOUN,
    layout=keys.LAYOUT,
    before=project_before,
    topic=PLAYTESTS_EVENTS,
    events=EVENTS,
    project=project,
    outcome_of=outcome_of,
)
