"""S1's nine reads over telemetry as a section, with the caches that all who are let in share."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from api.telemetry.reads import Reads
from api.telemetry.routes import ROUTES
from api.telemetry.sections import Handler
from projections.telemetry.queries import rollups
from projections.telemetry.queries.cache import RefreshingCache
from projections.telemetry.queries.heatmap import Heatmap, HeatmapReader
from projections.telemetry.queries.heatmap_sql import HeatmapKey

if TYPE_CHECKING:
    from api.telemetry.access import Gate
    from api.telemetry.ai_ports import Ai
    from projections.telemetry.queries.client import Queries

_EVENTS_BYTES = 16 * 1024 * 1024


class TelemetrySection:
    """Implements `api.telemetry.sections.Section`."""

    routes = ROUTES

    def __init__(self, queries: Queries, ai: Ai) -> None:
        async def count(filters: rollups.EventFilters, _: rollups.EventCounts | None) -> rollups.EventCounts:
            return await rollups.event_counts(queries, filters)

        self._queries = queries
        self._ai = ai
        self._heatmaps: RefreshingCache[HeatmapKey, Heatmap] = RefreshingCache(
            HeatmapReader(queries, time.monotonic).load, monotonic=time.monotonic, weigh=Heatmap.weight
        )
        self._events: RefreshingCache[rollups.EventFilters, rollups.EventCounts] = RefreshingCache(
            count, monotonic=time.monotonic, weigh=rollups.EventCounts.weight, weight=_EVENTS_BYTES
        )

    def handlers(self, gate: Gate) -> Mapping[str, Handler]:
        """By the names of the routes."""
        return Reads(gate, self._queries, self._heatmaps, self._events, self._ai).handlers()

    async def close(self) -> None:
        """End what is loading."""
        await self._heatmaps.close()
        await self._events.close()
