"""`/dashboard/data/*`: each answer is one question put to one store, as JSON for the page's scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from fastapi import APIRouter, Request

from api.dashboard import answers
from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.catalog_names import catalog_names
from api.dashboard.game_data import GameData
from api.dashboard.rates import Rates
from api.dashboard.routes import TELEMETRY
from projections.liveops import queries_economy
from projections.telemetry.queries import (
    dashboard_builds,
    dashboard_events,
    dashboard_filters,
    dashboard_fps,
    dashboard_heatmap,
    dashboard_models,
    dashboard_sessions,
    dashboard_summary,
    dashboard_timeline,
)
from schemas.edge.ports import Game

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from api.dashboard.ports import LagSource, LiveSource
    from projections.telemetry.queries.dashboard_common import Filters, Query, QueryClient

LIVE_MINUTES: Final = 60
_Rows = list[dict[str, Any]]
_Answer: TypeAlias = "Callable[[Request, Principal], Awaitable[bytes]]"
_Panel: TypeAlias = "tuple[Callable[[Filters, Game], Query], Callable[[Filters, Game, _Rows], Any]]"

PANELS: Final[dict[str, _Panel]] = {
    "choices": (
        lambda filters, _: dashboard_filters.choices_query(filters.studio_id, filters.game_id),
        lambda _, __, rows: dashboard_filters.read_choices(rows),
    ),
    "summary": (
        lambda filters, _: dashboard_summary.summary_query(filters),
        lambda _, __, rows: dashboard_summary.read_summary(rows),
    ),
    "timeline": (
        lambda filters, _: dashboard_timeline.timeline_query(filters),
        lambda filters, _, rows: dashboard_timeline.read_timeline(filters, rows),
    ),
    "events": (
        lambda filters, _: dashboard_events.event_names_query(filters),
        lambda _, __, rows: answers.EventNames(dashboard_events.read_event_names(rows)),
    ),
    "sessions": (
        lambda filters, _: dashboard_sessions.activity_query(filters),
        lambda filters, _, rows: dashboard_sessions.read_activity(filters, rows),
    ),
    "fps": (
        lambda filters, _: dashboard_fps.fps_query(filters),
        lambda _, __, rows: answers.FrameRates(dashboard_fps.read_fps(rows)),
    ),
    "heatmap": (
        lambda filters, game: dashboard_heatmap.heatmap_query(filters, game.heatmap_axes),
        lambda _, game, rows: dashboard_heatmap.read_heatmap(game.heatmap_axes, rows),
    ),
    "builds": (
        lambda filters, _: dashboard_builds.builds_query(filters),
        lambda _, __, rows: answers.Builds(dashboard_builds.read_builds(rows)),
    ),
    "economy": (
        lambda filters, _: queries_economy.economy_query(filters),
        lambda filters, game, rows: answers.EconomyPanel(
            queries_economy.read_economy(filters, rows), catalog_names(game)
        ),
    ),
    "models": (
        lambda filters, _: dashboard_models.models_query(filters.studio_id, filters.game_id),
        lambda _, __, rows: answers.Models(dashboard_models.read_models(rows)),
    ),
}
"""Route name → (the question, how to read its rows)."""


class Data:
    """The JSON endpoints. All are GET, need the session cookie, and hold only the session's games."""

    def __init__(
        self,
        authenticator: SessionAuthenticator,
        rates: Rates,
        queries: QueryClient,
        live: LiveSource,
        lag: LagSource,
    ) -> None:
        self._authenticator = authenticator
        self._data = GameData(authenticator, rates, queries)
        self._live = live
        self._lag = lag

    def router(self) -> APIRouter:
        """The routes under /dashboard/data."""
        handlers: dict[str, _Answer] = {
            "session": self.session,
            "projections": self.projections,
            "live": self.live,
        }
        handlers |= {panel: self._panel(panel) for panel in PANELS}
        return self._data.router(TELEMETRY, handlers)

    async def session(self, _: Request, principal: Principal) -> bytes:
        """Who is signed in, and which games there are to pick."""
        games = await self._authenticator.games(principal)
        studio = await self._authenticator.directory.studio(principal.credential.studio_id)
        return msgspec.json.encode(
            answers.Session(
                studio=studio.name if studio else principal.credential.studio_id,
                kind=principal.credential.kind,
                expires_at=principal.expires_at_ms,
                games=[answers.PickedGame(game.id, game.slug, game.name) for game in games],
            )
        )

    async def projections(self, _: Request, __: Principal) -> bytes:
        """How far each projection is behind the log."""

        async def compute() -> bytes:
            return msgspec.json.encode(answers.Projections(list(await self._lag.projections())))

        return await self._data.answers.get("projections", compute)

    async def live(self, request: Request, principal: Principal) -> bytes:
        """Events of the last hour by minute of arrival, whatever build and environment."""
        game = await self._data.game(request, principal)

        async def compute() -> bytes:
            minutes = await self._live.events_per_minute(game.id, LIVE_MINUTES)
            return msgspec.json.encode(answers.Live(self._authenticator.clock_ms(), list(minutes)))

        return await self._data.answers.get(("live", game.id), compute)

    def _panel(self, panel: str) -> _Answer:
        question, read = PANELS[panel]

        async def answer(request: Request, principal: Principal) -> bytes:
            game, filters = await self._data.asked(request, principal)
            return await self._data.kept(
                (panel, filters, game.heatmap_axes),
                question(filters, game),
                lambda rows: read(filters, game, rows),
            )

        return answer
