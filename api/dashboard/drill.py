"""`/dashboard/data/event`, `/session-events` and `/cell`: what stands behind a name, a session and a cell."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final

import msgspec
from fastapi import APIRouter, Request

from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.game_data import GameData
from api.dashboard.parameters import BadParameter, read_id, read_text
from api.dashboard.rates import Rates
from api.dashboard.responses import NotFound
from api.dashboard.routes_drill import DRILL
from projections.telemetry.queries import dashboard_cell, dashboard_event, dashboard_session
from projections.telemetry.queries.heatmap_grid import CELLS_X, CELLS_Y
from schemas.identifiers import NAME_CHARACTERS_MAX
from schemas.numbers import whole_of_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.dashboard.responses import Answer
    from projections.telemetry.queries.dashboard_common import QueryClient

_FLOAT_CHARACTERS: Final = 40


def read_cell_choice(query: Mapping[str, str]) -> dashboard_cell.Cell:
    """`room`, its bounds and the cell's place `x`, `y`. Raises BadParameter."""
    return dashboard_cell.Cell(
        room=read_text(query, "room", NAME_CHARACTERS_MAX),
        x=_place(query, "x", CELLS_X),
        y=_place(query, "y", CELLS_Y),
        x_min=_float(query, "x_min"),
        x_max=_float(query, "x_max"),
        y_min=_float(query, "y_min"),
        y_max=_float(query, "y_max"),
    )


def _place(query: Mapping[str, str], name: str, cells: int) -> int:
    value = whole_of_text(query.get(name, ""))
    if value is None or not 0 <= value < cells:
        raise BadParameter(name, f"must be a whole number from 0 to {cells - 1}")
    return value


def _float(query: Mapping[str, str], name: str) -> float:
    text = read_text(query, name, _FLOAT_CHARACTERS)
    try:
        value = float(text)
    except ValueError as error:
        raise BadParameter(name, "must be a number") from error
    if not math.isfinite(value):
        raise BadParameter(name, "must be a finite number")
    return value


class DrillData:
    """The endpoints. All need the session cookie, and hold only the session's games."""

    def __init__(self, authenticator: SessionAuthenticator, rates: Rates, queries: QueryClient) -> None:
        self._data = GameData(authenticator, rates, queries)

    def router(self) -> APIRouter:
        """The routes under /dashboard/data."""
        handlers: dict[str, Answer] = {
            "event": self.event,
            "session_events": self.session_events,
            "cell": self.cell,
        }
        return self._data.router(DRILL, handlers)

    async def event(self, request: Request, principal: Principal) -> bytes:
        """A name's trend and its properties."""
        _, filters = await self._data.asked(request, principal)
        name = read_text(request.query_params, "name", NAME_CHARACTERS_MAX)
        if not name:
            raise BadParameter("name", "is missing")

        async def compute() -> bytes:
            trend = dashboard_event.trend_query(filters, name)
            said = dashboard_event.properties_query(filters, name)
            counted, properties = await asyncio.gather(self._data.rows(trend), self._data.rows(said))
            return msgspec.json.encode(dashboard_event.read_event(filters, name, counted, properties))

        return await self._data.answers.get(("event", filters, name), compute)

    async def session_events(self, request: Request, principal: Principal) -> bytes:
        """A session's events in order."""
        game = await self._data.game(request, principal)
        session = read_id(request.query_params, "session")
        query = dashboard_session.session_query(game.studio_id, game.id, session)
        found = await self._data.rows(query) if session else []
        if not found:
            raise NotFound("This game has no session of that id.")
        events = dashboard_session.events_query(game.studio_id, game.id, str(found[0]["given"]))
        return msgspec.json.encode(dashboard_session.read_session(found[0], await self._data.rows(events)))

    async def cell(self, request: Request, principal: Principal) -> bytes:
        """The sessions with points in a cell of the heatmap."""
        game, filters = await self._data.asked(request, principal)
        cell = read_cell_choice(request.query_params)
        query = dashboard_cell.cell_query(filters, game.heatmap_axes, cell)
        key = ("cell", filters, game.heatmap_axes, cell)
        return await self._data.kept(key, query, dashboard_cell.read_cell)
