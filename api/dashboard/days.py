"""`/dashboard/data/active`, `/retention` and `/annotations`: players by day, and marks of charts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request

from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.answer_cache import SharedAnswers
from api.dashboard.parameters import read_filters
from api.dashboard.rates import Rates
from api.dashboard.responses import data_router
from api.dashboard.routes_days import DAYS, Annotations
from projections.telemetry.queries import dashboard_annotations, dashboard_days
from schemas.edge.routes import bind

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.dashboard.responses import Answer
    from projections.telemetry.queries.dashboard_common import Filters, Query, QueryClient
    from schemas.edge.ports import Game

DAYS_KEPT_MS = 15_000
"""They change slowly, and are read from all sessions."""


class DaysData:
    """The endpoints. All need the session cookie, and hold only the session's games."""

    def __init__(self, authenticator: SessionAuthenticator, rates: Rates, queries: QueryClient) -> None:
        self._authenticator = authenticator
        self._rates = rates
        self._queries = queries
        self._answers = SharedAnswers(authenticator.clock_ms, keep_ms=DAYS_KEPT_MS)

    def router(self) -> APIRouter:
        """The routes under /dashboard/data."""
        handlers: dict[str, Answer] = {
            "active": self.active,
            "retention": self.retention,
            "annotations": self.annotations,
        }
        return data_router(self._authenticator, self._rates, bind(DAYS, handlers))

    async def active(self, request: Request, principal: Principal) -> bytes:
        """Different players by day, week and month."""
        game, filters = await self._asked(request, principal)
        return await self._answer(
            ("active", filters),
            game,
            dashboard_days.active_query(filters),
            lambda rows, _: dashboard_days.read_active(filters, rows),
        )

    async def retention(self, request: Request, principal: Principal) -> bytes:
        """Who came back how many days after their first."""
        game, filters = await self._asked(request, principal)
        return await self._answer(
            ("retention", filters),
            game,
            dashboard_days.retention_query(filters, self._authenticator.clock_ms()),
            lambda rows, _: dashboard_days.read_retention(rows),
        )

    async def annotations(self, request: Request, principal: Principal) -> bytes:
        """What stands at a moment of the range."""
        game, filters = await self._asked(request, principal)
        return await self._answer(
            ("annotations", filters, game.definition_version),
            game,
            dashboard_annotations.first_builds_query(filters),
            lambda rows, game: Annotations(
                dashboard_annotations.read_annotations(filters, rows, game.definition.get("annotations", []))
            ),
        )

    async def _asked(self, request: Request, principal: Principal) -> tuple[Game, Filters]:
        game = await self._authenticator.game(principal, request.query_params.get("game", ""))
        studio_id = principal.credential.studio_id
        now_ms = self._authenticator.clock_ms()
        return game, read_filters(request.query_params, studio_id, game.id, now_ms)

    async def _answer(
        self,
        key: tuple[object, ...],
        game: Game,
        query: Query,
        read: Callable[[list[dict[str, Any]], Game], msgspec.Struct],
    ) -> bytes:
        async def compute() -> bytes:
            return msgspec.json.encode(read(await self._queries.select(query.sql, query.parameters), game))

        return await self._answers.get(key, compute)
