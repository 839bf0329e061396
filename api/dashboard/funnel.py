"""`/dashboard/data/funnel`: players by the steps that they did in order, declared, picked or as observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from fastapi import APIRouter, Request

from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.funnel_answers import DeclaredFunnel, Funnel, FunnelBy
from api.dashboard.game_data import GameData
from api.dashboard.parameters import BadParameter, read_number, read_text
from api.dashboard.rates import Rates
from api.dashboard.routes_funnel import FUNNEL, STEPS_TEXT_MAX
from projections.telemetry.queries import dashboard_funnel
from projections.telemetry.queries.dashboard_funnel import Steps as AskedSteps
from schemas.studio.definitions_funnels import WINDOW_MINUTES_MAX, Steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projections.telemetry.queries.dashboard_common import Filters, QueryClient
    from schemas.edge.ports import Game

DEFAULT_WINDOW_MINUTES: Final = 1440
_steps_decoder: Final = msgspec.json.Decoder(Steps)


class FunnelChoice(msgspec.Struct, frozen=True):
    """Which funnel is looked at: `steps` are None where they are to be observed."""

    by: FunnelBy
    key: str | None
    steps: tuple[str, ...] | None
    window_minutes: int


def declared_funnels(game: Game) -> list[DeclaredFunnel]:
    """The funnels of the game's definition, in its order."""
    listed: list[dict[str, Any]] = game.definition.get("funnels", [])
    return [
        DeclaredFunnel(one["key"], one["name"], list(one["steps"]), one["windowMinutes"]) for one in listed
    ]


def read_choice(query: Mapping[str, str], declared: list[DeclaredFunnel]) -> FunnelChoice:
    """`steps`, a JSON list (empty: as observed), else the declared one of key `funnel`, else the first.

    `window` is in minutes, and in place of a declared one's. Raises BadParameter.
    """
    picked = read_text(query, "steps", STEPS_TEXT_MAX)
    key = read_text(query, "funnel")
    chosen = next((one for one in declared if one.key == key), None)
    if key and chosen is None:
        raise BadParameter("funnel", "is none of this game's funnels")
    if not key and declared:
        chosen = declared[0]
    default = DEFAULT_WINDOW_MINUTES if picked or chosen is None else chosen.window_minutes
    window = read_number(query, "window", default=default, highest=WINDOW_MINUTES_MAX)
    if picked:
        steps = _picked(picked)
        return FunnelChoice("picked" if steps else "observed", None, steps or None, window)
    if chosen is None:
        return FunnelChoice("observed", None, None, window)
    return FunnelChoice("declared", chosen.key, tuple(chosen.steps), window)


def _picked(text: str) -> tuple[str, ...]:
    if text.strip() == "[]":
        return ()
    try:
        steps = tuple(_steps_decoder.decode(text))
    except msgspec.DecodeError as error:
        raise BadParameter("steps", "is a JSON list of 2 to 20 names of events or funnel steps") from error
    if len(set(steps)) < len(steps):
        raise BadParameter("steps", "names a step twice")
    return steps


class FunnelData:
    """The endpoint. It needs the session cookie, and holds only the session's games."""

    def __init__(self, authenticator: SessionAuthenticator, rates: Rates, queries: QueryClient) -> None:
        self._data = GameData(authenticator, rates, queries)

    def router(self) -> APIRouter:
        """The route under /dashboard/data."""
        return self._data.router((FUNNEL,), {"funnel": self.funnel})

    async def funnel(self, request: Request, principal: Principal) -> bytes:
        """The chosen funnel's steps with their players, and the funnels to choose from."""
        game, filters = await self._data.asked(request, principal)
        declared = declared_funnels(game)
        choice = read_choice(request.query_params, declared)

        async def compute() -> bytes:
            names = choice.steps if choice.steps is not None else await self._observed(filters)
            steps = AskedSteps(names, choice.window_minutes)
            found = []
            if names:
                query = dashboard_funnel.funnel_query(filters, steps)
                found = dashboard_funnel.read_funnel(steps, await self._data.rows(query))
            return msgspec.json.encode(Funnel(declared, choice.by, choice.key, choice.window_minutes, found))

        return await self._data.answers.get((filters, choice, game.definition_version), compute)

    async def _observed(self, filters: Filters) -> tuple[str, ...]:
        query = dashboard_funnel.paths_query(filters)
        return dashboard_funnel.observed_steps(await self._data.rows(query))
