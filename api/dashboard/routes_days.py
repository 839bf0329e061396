"""Players by day and annotations as routes. Part of `routes`."""

from __future__ import annotations

from typing import Final

import msgspec

from api.dashboard.routes_parts import FILTERS, data_route
from projections.telemetry.queries.dashboard_annotations import Annotation
from projections.telemetry.queries.dashboard_days import ActivePlayers, Retention


class Annotations(msgspec.Struct, frozen=True):
    """Moments of the range, in order: builds' first sessions, and the definition's annotations."""

    annotations: list[Annotation]


DAYS: Final = (
    data_route("active", "active", "Players by day, week and month", ActivePlayers, *FILTERS),
    data_route("retention", "retention", "Players who came back, by first day", Retention, *FILTERS),
    data_route("annotations", "annotations", "What charts over time are marked with", Annotations, *FILTERS),
)
