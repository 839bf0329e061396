"""Liveops in Redis: which events set what, and what answers a command. Pure. Keys: `keys.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from projections.liveops import forgotten_keys, keys, players, windows
from projections.liveops.context import Context, Step
from projections.redis.operations import Operation
from projections.redis.reader import Projection
from schemas.codec import Message
from schemas.envelope import Decided
from schemas.liveops.answers import outcome_of
from schemas.liveops.events import EVENTS, PlayerForgotten
from schemas.liveops.noun import LIVEOPS_EVENTS

_STEPS: Final[dict[type[Message], Step]] = {**players.STEPS, **windows.STEPS}


def project(
    decided: Decided, messages: Sequence[Any], appended_at_ms: int, partition: int
) -> list[Operation]:
    """What one command's events set, in order. Applying them again changes nothing but a stream's ids."""
    del appended_at_ms  # the times that matter here are the events' own
    operations: list[Operation] = []
    for event, message in zip(decided.events, messages, strict=False):
        step = _STEPS.get(type(message))
        if step is not None:
            step(Context(decided.studio_id, partition, event.at_ms, operations), message)
    return operations


LIVEOPS: Final = Projection(
    noun=keys.NOUN,
    topic=LIVEOPS_EVENTS,
    events=EVENTS,
    project=project,
    outcome_of=outcome_of,
    news=keys.stream_key(""),
    is_gone=keys.is_gone,
    look_up=forgotten_keys.look_up,
    looked_up=frozenset({PlayerForgotten.WIRE}),
    spread=True,
)
