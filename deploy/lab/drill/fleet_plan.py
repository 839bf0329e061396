"""How much the fleet drill does, and what it found."""

from __future__ import annotations

import msgspec

from deploy.lab.drill.checks import DrillOutcome
from deploy.lab.drill.faults import Recovery


class FleetPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How much to do. The same seed gives the same choices, kills and pauses."""

    launches: int = 500
    """Servers that are started and stopped; restarts and crashes make more."""
    kills: int = 40
    freezes: int = 3
    lanes: int = 10
    """Servers at once, beside those that stand."""
    seed: int = 1


class FleetOutcome(DrillOutcome):
    """All that a drill found."""

    recoveries: list[Recovery] = []
    answers: dict[str, int] = {}
    driver: str = ""
    launches: int = 0
    """Attempts that the log has placed."""
    servers: int = 0
    lines: int = 0
    unsure: int = 0
    seconds: float = 0.0
    playing_seconds: float = 0.0
    ready_p50_seconds: float = 0.0
    """From an attempt's place on a host until players can connect, outages included."""
    ready_p99_seconds: float = 0.0
    adoption_seconds: list[float] = []
    """From each kill of an agent until the next one had joined and found its servers."""
    lost_seconds: list[float] = []
    """From each freeze until the log gave the host up."""
