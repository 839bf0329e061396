"""The names of events that insight rules look at. Source: contract/telemetry.md."""

from __future__ import annotations

from typing import Final

from schemas.studio.discord import MESSAGE

ENTRIES: Final = frozenset({"room_entered", "level_started"})
FAILED: Final = "level_failed"
DEATH: Final = "player_death"
COMPLETED: Final = "level_completed"
PROBLEMS: Final = frozenset({"crash", "error"})
RULE_EVENTS: Final = tuple(sorted(ENTRIES | PROBLEMS | {FAILED, DEATH, COMPLETED, MESSAGE}))
"""The names of the events that rules look at; the rest matter only by their times."""
