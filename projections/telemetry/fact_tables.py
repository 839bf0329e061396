"""The tables that telemetry's facts are inserted into, one row for each."""

from __future__ import annotations

from typing import Final

FACT_TABLES: Final = (
    "events",
    "positions",
    "funnel_steps",
    "performance",
    "players",
    "feedback",
    "models",
    "messages",
)
