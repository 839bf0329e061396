"""Plausibility: how far a metric may move in one call and in a minute. Over it is refused and recorded."""

from __future__ import annotations

from typing import NamedTuple

from schemas.liveops.events import ProgressImplausible
from schemas.liveops.views import Attempt
from streams.deciders.liveops.recent_increases import minute_sum
from streams.deciders.liveops.rules import Rules
from streams.deciders.liveops.state import Player, Run
from streams.deciders.noun import Request


class Reported(NamedTuple):
    """What a report is about: whose attempt, in which window, by which rules."""

    player: Player
    run: Run
    attempt: Attempt
    rules: Rules
    reference: str
    """`version:hash` of the rules' definition."""


def implausible(
    reported: Reported, increases: dict[str, float], request: Request
) -> ProgressImplausible | None:
    """The first limit that the increases go over, as the event that records it; None where all are kept.

    Only what is added counts. A minute's sum is over every attempt of the window, in whole seconds, the one
    a minute ago included: in no 60 seconds does more than the limit get through.
    """
    player, run, attempt, rules, _ = reported
    for name, increase in increases.items():
        limits = rules.definition.metrics[name]
        if increase <= 0:
            continue
        if limits.max_per_call is not None and increase > limits.max_per_call:
            broken, allowed, asked = "maxPerCall", limits.max_per_call, increase
        elif limits.max_per_minute is not None:
            asked = increase + minute_sum(run.rated, name, request.at_ms)
            if asked <= limits.max_per_minute:
                continue
            broken, allowed = "maxPerMinute", limits.max_per_minute
        else:
            continue
        return ProgressImplausible(
            game_id=request.game_id,
            external_id=player.external_id,
            event_key=attempt.event_key,
            window_id=attempt.window_id,
            attempt_id=attempt.id,
            metric=name,
            limit=broken,
            allowed=allowed,
            asked=asked,
        )
    return None


def rated_increases(rules: Rules, increases: dict[str, float]) -> dict[str, float]:
    """What the minute's limits must remember of a report."""
    return {name: value for name, value in increases.items() if value > 0 and name in rules.per_minute}
