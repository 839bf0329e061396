"""The fleet of game servers in this room."""

from __future__ import annotations

from typing import Final

from schemas.fleet.errors import S5
from schemas.fleet.telemetry import METRICS_KEPT_DAYS
from schemas.noun import NounSchema
from schemas.topics import Topic

_DAY_MS: Final = 24 * 60 * 60 * 1000
FLEET_TELEMETRY: Final = Topic(
    name="fleet.telemetry",
    partitions=1,
    description="Lines that servers print and samples of what they use, as their hosts tell: no decider.",
    retention_ms=(METRICS_KEPT_DAYS + 1) * _DAY_MS,
)
NOUN: Final = NounSchema(
    name="fleet", topics=(FLEET_TELEMETRY,), surfaces=(S5,), stored=frozenset({"fleet-telemetry.v1"})
)
