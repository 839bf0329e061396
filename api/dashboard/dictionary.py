"""`/dashboard/data/dictionary`: what analysts' views hold, from their COMMENTs in ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

from api.dashboard import answers
from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.game_data import GameData
from api.dashboard.rates import Rates
from api.dashboard.routes import DICTIONARY as ROUTES
from projections.telemetry.queries.dashboard_dictionary import DICTIONARY, read_dictionary

if TYPE_CHECKING:
    from projections.telemetry.queries.dashboard_common import QueryClient


class DictionaryData:
    """The endpoint. It needs the session cookie; what it says is the same for all studios."""

    def __init__(self, authenticator: SessionAuthenticator, rates: Rates, queries: QueryClient) -> None:
        self._data = GameData(authenticator, rates, queries)

    def router(self) -> APIRouter:
        """The route under /dashboard/data."""
        return self._data.router(ROUTES, {"dictionary": self.dictionary})

    async def dictionary(self, _: Request, __: Principal) -> bytes:
        """All views with their columns; none where the deployment has not made them yet."""
        return await self._data.kept(
            "dictionary",
            DICTIONARY,
            lambda rows: answers.Dictionary(read_dictionary(rows)),
        )
