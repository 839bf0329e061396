"""`/dashboard/data/feedback`: what players answered in a game's forms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request

from api.dashboard import answers
from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.game_data import GameData
from api.dashboard.rates import Rates
from api.dashboard.routes import FEEDBACK
from projections.telemetry.queries import dashboard_feedback
from projections.telemetry.queries.comparison import closed_questions

if TYPE_CHECKING:
    from projections.telemetry.queries.dashboard_common import QueryClient


class FeedbackData:
    """The endpoint. It needs the session cookie, and holds only the session's games."""

    def __init__(self, authenticator: SessionAuthenticator, rates: Rates, queries: QueryClient) -> None:
        self._data = GameData(authenticator, rates, queries)

    def router(self) -> APIRouter:
        """The route under /dashboard/data."""
        return self._data.router(FEEDBACK, {"feedback": self.feedback})

    async def feedback(self, request: Request, principal: Principal) -> bytes:
        """How often each value was given, and the newest texts."""
        game = await self._data.game(request, principal)
        closed = closed_questions(game)

        async def compute() -> bytes:
            tallies = dashboard_feedback.tallies_query(game.studio_id, game.id, closed)
            texts = dashboard_feedback.texts_query(game.studio_id, game.id, closed)
            counted, said = await asyncio.gather(self._data.rows(tallies), self._data.rows(texts))
            return msgspec.json.encode(
                answers.FeedbackPanel(
                    tallies=dashboard_feedback.read_tallies(counted),
                    texts=dashboard_feedback.read_texts(game.id, said),
                )
            )

        return await self._data.answers.get((game.id, game.definition_version), compute)
