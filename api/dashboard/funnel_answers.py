"""What `/dashboard/data/funnel` answers."""

from __future__ import annotations

from typing import Literal

import msgspec

from projections.telemetry.queries.dashboard_funnel import FunnelStep

FunnelBy = Literal["declared", "picked", "observed"]


class DeclaredFunnel(msgspec.Struct, frozen=True):
    """A funnel of the game's definition. All steps are done within the window, from the first on."""

    key: str
    name: str
    steps: list[str]
    window_minutes: int


class Funnel(msgspec.Struct, frozen=True):
    """The funnel's steps, in their order, and the declared funnels to choose from.

    `by` says whose steps these are: the definition's (`key` names it), those that were asked for, or those
    that most players did, in the order in which they did them.
    """

    declared: list[DeclaredFunnel]
    by: FunnelBy
    key: str | None
    window_minutes: int
    steps: list[FunnelStep]
