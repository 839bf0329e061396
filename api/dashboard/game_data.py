"""What endpoints over ClickHouse share: the session's game, the page's filters, and answers kept a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request

from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.answer_cache import KEEP_MS, SharedAnswers
from api.dashboard.parameters import read_filters
from api.dashboard.responses import data_router
from schemas.edge.routes import Route, bind

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from api.dashboard.rates import Rates
    from api.dashboard.responses import Answer
    from projections.telemetry.queries.dashboard_common import Filters, Query, QueryClient
    from schemas.edge.ports import Game


class GameData:
    """For sessions of any key: it gives the session's own games alone."""

    def __init__(
        self,
        authenticator: SessionAuthenticator,
        rates: Rates,
        queries: QueryClient,
        *,
        keep_ms: int = KEEP_MS,
    ) -> None:
        self._authenticator = authenticator
        self._rates = rates
        self._queries = queries
        self.answers = SharedAnswers(authenticator.clock_ms, keep_ms=keep_ms)

    def router(self, routes: Iterable[Route], handlers: Mapping[str, Answer]) -> APIRouter:
        """The routes, each with the handler of its name."""
        return data_router(self._authenticator, self._rates, bind(routes, handlers))

    async def game(self, request: Request, principal: Principal) -> Game:
        """The game that the request names. Raises NoSuchGame."""
        return await self._authenticator.game(principal, request.query_params.get("game", ""))

    async def asked(self, request: Request, principal: Principal) -> tuple[Game, Filters]:
        """That game, and the filters of the request. Raises NoSuchGame, BadParameter."""
        game = await self.game(request, principal)
        studio_id = principal.credential.studio_id
        now_ms = self._authenticator.clock_ms()
        return game, read_filters(request.query_params, studio_id, game.id, now_ms)

    async def rows(self, query: Query) -> list[dict[str, Any]]:
        """What ClickHouse answers."""
        return await self._queries.select(query.sql, query.parameters)

    async def kept(
        self, key: Hashable, query: Query, read: Callable[[list[dict[str, Any]]], msgspec.Struct]
    ) -> bytes:
        """One query's answer as JSON. The key must name the tenant and every filter."""

        async def compute() -> bytes:
            return msgspec.json.encode(read(await self.rows(query)))

        return await self.answers.get(key, compute)
