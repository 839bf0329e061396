"""Summaries of sessions by rule: what is said where no AI is asked. Pure.

Source: contract/analytics.md, "AI".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas.rounding import half_up
from schemas.telemetry.friction import FRICTION_TYPES, PRAISE_TYPES, TagCount

TAGS_NAMED: Final = 3
_MINUTE_MS: Final = 60_000


def narrative(sessions: int, testers: int, active_ms: int, counts: Iterable[TagCount]) -> str:
    """How much was played, and which friction and praise most testers have (ties by tag).

    "42 sessions by 17 testers, 3,697 minutes active. Friction: act2-door-stuck (7). Praise: hub-praise (2)."
    """
    ordered = sorted(counts, key=lambda one: (-one.testers, one.tag))
    played = (
        f"{_counted(sessions, 'session')} by {_counted(testers, 'tester')},"
        f" {_counted(half_up(active_ms, _MINUTE_MS), 'minute')} active."
    )
    return " ".join(
        (played, *_named("Friction", ordered, FRICTION_TYPES), *_named("Praise", ordered, PRAISE_TYPES))
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _named(what: str, ordered: Iterable[TagCount], types: tuple[str, ...]) -> Iterable[str]:
    named = [f"{one.tag} ({one.testers:,})" for one in ordered if one.type in types][:TAGS_NAMED]
    if named:
        yield f"{what}: {', '.join(named)}."
