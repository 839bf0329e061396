"""`/dashboard/data/active`, `/retention` and `/annotations`: players by day, and marks of charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.game_data import GameData
from api.dashboard.rates import Rates
from api.dashboard.routes_days import DAYS, Annotations
from projections.telemetry.queries import dashboard_annotations, dashboard_days

if TYPE_CHECKING:
    from api.dashboard.responses import Answer
    from projections.telemetry.queries.dashboard_common import QueryClient

DAYS_KEPT_MS = 15_000
"""They change slowly, and are read from all sessions."""


class DaysData:
    """The endpoints. All need the session cookie, and hold only the session's games."""

    def __init__(self, authenticator: SessionAuthenticator, rates: Rates, queries: QueryClient) -> None:
        self._clock_ms = authenticator.clock_ms
        self._data = GameData(authenticator, rates, queries, keep_ms=DAYS_KEPT_MS)

    def router(self) -> APIRouter:
        """The routes under /dashboard/data."""
        handlers: dict[str, Answer] = {
            "active": self.active,
            "retention": self.retention,
            "annotations": self.annotations,
        }
        return self._data.router(DAYS, handlers)

    async def active(self, request: Request, principal: Principal) -> bytes:
        """Different players by day, week and month."""
        _, filters = await self._data.asked(request, principal)
        query = dashboard_days.active_query(filters)
        return await self._data.kept(
            ("active", filters), query, lambda rows: dashboard_days.read_active(filters, rows)
        )

    async def retention(self, request: Request, principal: Principal) -> bytes:
        """Who came back how many days after their first."""
        _, filters = await self._data.asked(request, principal)
        query = dashboard_days.retention_query(filters, self._clock_ms())
        return await self._data.kept(("retention", filters), query, dashboard_days.read_retention)

    async def annotations(self, request: Request, principal: Principal) -> bytes:
        """What stands at a moment of the range."""
        game, filters = await self._data.asked(request, principal)
        declared = game.definition.get("annotations", [])
        return await self._data.kept(
            ("annotations", filters, game.definition_version),
            dashboard_annotations.first_builds_query(filters),
            lambda rows: Annotations(dashboard_annotations.read_annotations(filters, rows, declared)),
        )
