"""The `funnels` section of a game's definition: steps that players take in an order, within a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from schemas.identifiers import NAME_CHARACTERS_MAX
from schemas.studio.definitions_events import Finding, Key, Name, Section

FUNNELS_MAX: Final = 50
STEPS_MAX: Final = 20
WINDOW_MINUTES_MAX: Final = 90 * 1440

StepName = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
Steps = Annotated[list[StepName], Meta(min_length=2, max_length=STEPS_MAX)]
WindowMinutes = Annotated[int, Meta(ge=1, le=WINDOW_MINUTES_MAX)]


class FunnelSection(Section, frozen=True, kw_only=True):
    """One entry of `funnels`. A step is the name of an event or of a funnel step; each comes once.

    A player reached a step who did it at or after the step before, all of them within `windowMinutes` of the
    first.
    """

    key: Key
    name: Name
    steps: Steps
    window_minutes: WindowMinutes = 1440


def funnel_problems(funnel: FunnelSection) -> Iterator[Finding]:
    """What the shape alone doesn't say. Pure."""
    for index, step in enumerate(funnel.steps):
        if step in funnel.steps[:index]:
            yield ("steps", index), f"{step} is given twice"


def funnels_settings(funnels: list[FunnelSection]) -> dict[str, Any]:
    """Left out where there are none, so that definitions from before there were any are equal still."""
    return {"funnels": msgspec.to_builtins(funnels)} if funnels else {}
