"""The state after an event. An event that no decider could have written raises, and halts its reader."""

from __future__ import annotations

from typing import Final

from schemas.codec import Message
from streams.deciders.playtests.evolve_accounts import ACCOUNT_STEPS
from streams.deciders.playtests.evolve_batches import BATCH_STEPS
from streams.deciders.playtests.evolve_forgotten import PERSON_STEPS
from streams.deciders.playtests.evolve_orders import ORDER_STEPS
from streams.deciders.playtests.evolve_slots import SLOT_STEPS
from streams.deciders.playtests.state import PlaytestsState, StudioState

STEPS: Final = ORDER_STEPS | SLOT_STEPS | ACCOUNT_STEPS | BATCH_STEPS | PERSON_STEPS
_NEW: Final = StudioState()


def evolve(state: PlaytestsState, event: Message, at_ms: int) -> PlaytestsState:
    """The state after an event of this noun."""
    step = STEPS.get(type(event))
    if step is None:
        raise TypeError(f"{type(event).__name__} is no event of this noun")
    studio_id: str = event.studio_id  # type: ignore[attr-defined]
    studio = step(state.studios.get(studio_id, _NEW), event)
    return PlaytestsState(state.studios.set(studio_id, studio), max(state.time_ms, at_ms))
