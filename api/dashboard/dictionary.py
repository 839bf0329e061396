"""`/dashboard/data/dictionary`: what analysts' views hold, from their COMMENTs in ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request

from api.dashboard import answers
from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.answer_cache import SharedAnswers
from api.dashboard.rates import Rates
from api.dashboard.responses import data_router
from api.dashboard.routes import DICTIONARY as ROUTES
from projections.telemetry.queries.dashboard_dictionary import DICTIONARY, PARAMETERS, read_dictionary
from schemas.edge.routes import bind

if TYPE_CHECKING:
    from projections.telemetry.queries.dashboard_common import QueryClient


class DictionaryData:
    """The endpoint. It needs the session cookie; what it says is the same for all studios."""

    def __init__(self, authenticator: SessionAuthenticator, rates: Rates, queries: QueryClient) -> None:
        self._authenticator = authenticator
        self._rates = rates
        self._queries = queries
        self._answers = SharedAnswers(authenticator.clock_ms)

    def router(self) -> APIRouter:
        """The route under /dashboard/data."""
        return data_router(self._authenticator, self._rates, bind(ROUTES, {"dictionary": self.dictionary}))

    async def dictionary(self, _: Request, __: Principal) -> bytes:
        """All views with their columns; none where the deployment has not made them yet."""

        async def compute() -> bytes:
            rows = await self._queries.select(DICTIONARY, PARAMETERS)
            return msgspec.json.encode(answers.Dictionary(read_dictionary(rows)))

        return await self._answers.get("dictionary", compute)
