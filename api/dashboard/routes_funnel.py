"""The funnel as a route. Part of `routes`."""

from __future__ import annotations

from typing import Final

from api.dashboard.funnel_answers import Funnel
from api.dashboard.parameters import TEXT_MAX
from api.dashboard.routes_parts import FILTERS, data_route
from schemas.edge.parameters import Integer, Parameter, Text
from schemas.studio.definitions_funnels import WINDOW_MINUTES_MAX

STEPS_TEXT_MAX: Final = 8_000
FUNNEL: Final = data_route(
    "funnel",
    "funnel",
    "Players by the steps that they did one after the other",
    Funnel,
    *FILTERS,
    Parameter(
        name="funnel",
        kind=Text(0, TEXT_MAX),
        description="The key of a funnel of the game's definition; the first of them by default.",
    ),
    Parameter(
        name="steps",
        kind=Text(0, STEPS_TEXT_MAX),
        description="Steps in their order instead: a JSON list of 2 to 20 names of events or funnel steps, "
        "or an empty one: as most players do them.",
        example='["Title_Screen","E1M1_Cleared"]',
    ),
    Parameter(
        name="window",
        kind=Integer(1, WINDOW_MINUTES_MAX),
        description="Minutes from the first step within which all have to be done; as declared, else a day.",
    ),
)
