"""What stands behind a figure as routes. Part of `routes`."""

from __future__ import annotations

from typing import Final

from api.dashboard.routes_parts import FILTERS, GAME, data_route
from projections.telemetry.queries.dashboard_cell import CellSessions
from projections.telemetry.queries.dashboard_event import EventTrend
from projections.telemetry.queries.dashboard_session import SessionEvents
from projections.telemetry.queries.heatmap_grid import CELLS_X, CELLS_Y
from schemas.edge.parameters import Integer, Parameter, Text
from schemas.identifiers import ID_CHARACTERS_MAX, NAME_CHARACTERS_MAX

_NUMBER: Final = Text(1, 40, r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_BOUNDS: Final = tuple(
    Parameter(
        name=name,
        kind=_NUMBER,
        description="Of the room, as the heatmap has it.",
        example="0.5",
        required=True,
    )
    for name in ("x_min", "x_max", "y_min", "y_max")
)
DRILL: Final = (
    data_route(
        "event",
        "event",
        "An event name over time, and its properties",
        EventTrend,
        *FILTERS,
        Parameter(
            name="name",
            kind=Text(1, NAME_CHARACTERS_MAX),
            description="The name of an event or of a funnel step.",
            example="level_completed",
            required=True,
        ),
    ),
    data_route(
        "session_events",
        "session-events",
        "A session's events in order",
        SessionEvents,
        GAME,
        Parameter(
            name="session",
            kind=Text(0, ID_CHARACTERS_MAX),
            description="The session's id, as sent or as `/api/v1/sessions` shows it.",
        ),
    ),
    data_route(
        "cell",
        "cell",
        "Sessions whose players were in a cell of the heatmap",
        CellSessions,
        *FILTERS,
        Parameter(
            name="room", kind=Text(0, NAME_CHARACTERS_MAX), description="The room.", example="E1M1 Hangar"
        ),
        Parameter(
            name="x", kind=Integer(0, CELLS_X - 1), description="The cell's column.", example=3, required=True
        ),
        Parameter(
            name="y", kind=Integer(0, CELLS_Y - 1), description="The cell's row.", example=5, required=True
        ),
        *_BOUNDS,
    ),
)
