"""The reads of S1's Management API that pages show, as routes of the dashboard. Part of `routes`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec

from api.telemetry import ai_routes, experiment_section, routes, tester_routes
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Route

ROOT: Final = "/dashboard/data/s1"
_S1: Final = "/api/v1"
_SHOWN: Final = frozenset(
    {"sessions", "compare", "suggestions", "journey", "archetypes", "prompts", "experiments", "comparison"}
)


def _for_sessions(route: Route) -> Route:
    """The same read for a session; it names its game wherever a key may leave it out."""
    return msgspec.structs.replace(
        route,
        name=f"s1_{route.name}",
        template=ROOT + route.template.removeprefix(_S1),
        operation_id=f"dashboard_s1_{route.name}",
        tag="Dashboard",
        keys=frozenset({KeyKind.MANAGEMENT, KeyKind.SECRET_API}),
        parameters=tuple(
            msgspec.structs.replace(one, required=True) if one.name == "game" else one
            for one in route.parameters
        ),
        description=f"As `GET {route.template}` answers, which has the same query. {route.description}",
        errors=(402, 404) if HTTPStatus.PAYMENT_REQUIRED in route.errors else (404,),
    )


MANAGEMENT: Final = {
    route.name: _for_sessions(route)
    for part in (routes, tester_routes, experiment_section, ai_routes)
    for route in part.ROUTES
    if route.name in _SHOWN
}
"""By S1's names of them."""
