"""`/dashboard/data/*`: each answer is one question put to one store, as JSON for the page's scripts.

Errors: 401 `signed_out`, 400 `bad_parameter` with `field`, 404 `not_found`, 503 `unavailable` (Retry-After).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from fastapi import APIRouter, Request, Response

from api.dashboard.access import Access, Gatekeeper, NoSuchGame, SignedOut
from api.dashboard.answers import SharedAnswers
from api.dashboard.parameters import BadParameter, read_filters
from api.dashboard.security import PRIVATE_HEADERS
from projections.telemetry.queries import (
    dashboard_builds,
    dashboard_events,
    dashboard_filters,
    dashboard_fps,
    dashboard_funnel,
    dashboard_heatmap,
    dashboard_models,
    dashboard_sessions,
    dashboard_summary,
    dashboard_timeline,
)
from schemas.edge.ports import Game, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from api.dashboard.ports import LagSource, LiveSource
    from projections.telemetry.queries.dashboard_common import Filters, Query, QueryClient

LIVE_MINUTES: Final = 60
_Rows = list[dict[str, Any]]
_Answer: TypeAlias = "Callable[[Request, Access], Awaitable[bytes]]"
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
        lambda _, __, rows: {"names": dashboard_events.read_event_names(rows)},
    ),
    "funnel": (
        lambda filters, _: dashboard_funnel.funnel_query(filters),
        lambda _, __, rows: {"steps": dashboard_funnel.read_funnel(rows)},
    ),
    "sessions": (
        lambda filters, _: dashboard_sessions.activity_query(filters),
        lambda filters, _, rows: dashboard_sessions.read_activity(filters, rows),
    ),
    "fps": (
        lambda filters, _: dashboard_fps.fps_query(filters),
        lambda _, __, rows: {"builds": dashboard_fps.read_fps(rows)},
    ),
    "heatmap": (
        lambda filters, game: dashboard_heatmap.heatmap_query(filters, game.heatmap_axes),
        lambda _, game, rows: dashboard_heatmap.read_heatmap(game.heatmap_axes, rows),
    ),
    "builds": (
        lambda filters, _: dashboard_builds.builds_query(filters),
        lambda _, __, rows: {"builds": dashboard_builds.read_builds(rows)},
    ),
    "models": (
        lambda filters, _: dashboard_models.models_query(filters.studio_id, filters.game_id),
        lambda _, __, rows: {"models": dashboard_models.read_models(rows)},
    ),
}
"""Panel name → (the question, how to read its rows). The name is the path under /dashboard/data/."""


class Data:
    """The JSON endpoints. All are GET, need the session cookie, and hold only the session's games."""

    def __init__(
        self, gatekeeper: Gatekeeper, queries: QueryClient, live: LiveSource, lag: LagSource
    ) -> None:
        self._gatekeeper = gatekeeper
        self._queries = queries
        self._live = live
        self._lag = lag
        self._answers = SharedAnswers(gatekeeper.clock_ms)

    def router(self) -> APIRouter:
        """The routes under /dashboard/data."""
        router = APIRouter(prefix="/dashboard/data", include_in_schema=False)
        router.add_api_route("/session", self._endpoint(self.session), methods=["GET"])
        router.add_api_route("/projections", self._endpoint(self.projections), methods=["GET"])
        router.add_api_route("/live", self._endpoint(self.live), methods=["GET"])
        for panel in PANELS:
            router.add_api_route(f"/{panel}", self._endpoint(self._panel(panel)), methods=["GET"])
        return router

    async def session(self, _: Request, access: Access) -> bytes:
        """Who is signed in, and which games there are to pick."""
        games = await self._gatekeeper.games(access)
        studio = await self._gatekeeper.directory.studio(access.credential.studio_id)
        return msgspec.json.encode(
            {
                "studio": studio.name if studio else access.credential.studio_id,
                "kind": access.credential.kind,
                "expires_at": access.expires_at_ms,
                "games": [{"id": game.id, "slug": game.slug, "name": game.name} for game in games],
            }
        )

    async def projections(self, _: Request, __: Access) -> bytes:
        """How far each projection is behind the log."""

        async def compute() -> bytes:
            return msgspec.json.encode({"projections": list(await self._lag.projections())})

        return await self._answers.get("projections", compute)

    async def live(self, request: Request, access: Access) -> bytes:
        """Events of the last hour by minute of arrival, whatever build and environment."""
        game = await self._gatekeeper.game(access, request.query_params.get("game", ""))

        async def compute() -> bytes:
            minutes = await self._live.events_per_minute(game.id, LIVE_MINUTES)
            return msgspec.json.encode({"now": self._gatekeeper.clock_ms(), "minutes": list(minutes)})

        return await self._answers.get(("live", game.id), compute)

    def _panel(self, panel: str) -> _Answer:
        question, read = PANELS[panel]

        async def answer(request: Request, access: Access) -> bytes:
            game = await self._gatekeeper.game(access, request.query_params.get("game", ""))
            studio_id = access.credential.studio_id
            filters = read_filters(request.query_params, studio_id, game.id, self._gatekeeper.clock_ms())

            async def compute() -> bytes:
                query = question(filters, game)
                rows = await self._queries.select(query.sql, query.parameters)
                return msgspec.json.encode(read(filters, game, rows))

            return await self._answers.get((panel, filters, game.heatmap_axes), compute)

        return answer

    def _endpoint(self, answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return _json(await answer(request, await self._gatekeeper.access(request)))
            except SignedOut:
                return _error(401, "signed_out", "Sign in again: the session has ended.")
            except BadParameter as bad:
                return _error(400, "bad_parameter", f"{bad.name} {bad.message}", field=bad.name)
            except NoSuchGame:
                return _error(404, "not_found", "No such game, or not one of this key's.")
            except StoreUnavailable:
                return _error(503, "unavailable", "A store is away or behind the log. Trying again helps.")

        return endpoint


def _json(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        body,
        status_code=status,
        media_type="application/json",
        headers={**PRIVATE_HEADERS, **(headers or {})},
    )


def _error(status: int, code: str, message: str, *, field: str | None = None) -> Response:
    body = {"error": code, "message": message} | ({"field": field} if field else {})
    return _json(msgspec.json.encode(body), status, {"Retry-After": "2"} if status == 503 else None)
