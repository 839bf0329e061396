"""The state after an event. An event that no decider could have written raises, and halts its reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from schemas.codec import Message
from streams.deciders.fleet.evolve_builds import BUILD_STEPS
from streams.deciders.fleet.evolve_hosts import HOST_STEPS
from streams.deciders.fleet.evolve_projects import PROJECT_STEPS
from streams.deciders.fleet.evolve_servers import SERVER_STEPS
from streams.deciders.fleet.state import FleetState

Step = Callable[[FleetState, Any, int], FleetState]
STEPS: Final[dict[type[Message], Step]] = SERVER_STEPS | BUILD_STEPS | HOST_STEPS | PROJECT_STEPS


def evolve(state: FleetState, event: Message, at_ms: int) -> FleetState:
    """The state after an event of this noun."""
    step = STEPS.get(type(event))
    if step is None:
        raise TypeError(f"{type(event).__name__} is no event of this noun")
    return replace(step(state, event, at_ms), time_ms=max(state.time_ms, at_ms))
