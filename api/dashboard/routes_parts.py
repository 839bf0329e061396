"""What routes of the dashboard's data are made of. Part of `routes`."""

from __future__ import annotations

from typing import Any, Final, Literal

from api.dashboard.parameters import EARLIEST_MS, LATEST_MS, RANGE_PATTERN, TEXT_MAX
from schemas.edge.parameters import Integer, Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Route
from schemas.edge.session_keys import SIGNED_IN_BY
from schemas.identifiers import ID_CHARACTERS_MAX

KEYS: Final = frozenset({KeyKind.MANAGEMENT, KeyKind.SECRET_API})
GAME: Final = Parameter(name="game", kind=Text(), description="The game's id or slug.", example="doom")
FILTERS: Final = (
    GAME,
    Parameter(name="build", kind=Text(0, TEXT_MAX), description="One build; all of them where it is empty."),
    Parameter(name="env", kind=Text(0, TEXT_MAX), description="One environment; all where it is empty."),
    Parameter(
        name="platform",
        kind=Text(0, TEXT_MAX),
        description="Sessions of one platform (metadata.platform); all where it is empty.",
    ),
    Parameter(
        name="country",
        kind=Text(0, TEXT_MAX),
        description="Sessions of one country, as the proxy says it; all where it is empty.",
    ),
    Parameter(
        name="played_by",
        kind=Text(0, ID_CHARACTERS_MAX),
        description="Sessions of one tester: a device's id, or a handle; all where it is empty.",
    ),
    Parameter(
        name="range",
        kind=Text(pattern=RANGE_PATTERN),
        description="The time up to now, at most 400 days: minutes, hours or days.",
        example="6h",
        default="1h",
    ),
    Parameter(
        name="from",
        kind=Integer(EARLIEST_MS, LATEST_MS),
        description="Unix milliseconds, instead of `range` and together with `to`.",
    ),
    Parameter(
        name="to", kind=Integer(EARLIEST_MS, LATEST_MS), description="Unix milliseconds, after `from`."
    ),
)


def data_route(name: str, path: str, summary: str, answer: Any, *parameters: Parameter) -> Route:
    """A read of the page's data for sessions of both kinds of key."""
    return Route(
        name=name,
        method="GET",
        template=f"/dashboard/data/{path}",
        operation_id=f"dashboard_{name}",
        tag="Dashboard",
        summary=summary,
        keys=KEYS,
        parameters=parameters,
        answers=(Answer(kind=answer, description=answer.__doc__ or summary),),
        errors=(404,) if GAME in parameters else (),
    )


def studio_route(
    page: str,
    path: str,
    summary: str,
    answer: Any,
    *parameters: Parameter,
    errors: tuple[int, ...] = (),
    method: Literal["GET", "POST"] = "GET",
    description: str = "",
) -> Route:
    """A route of a page that acts for a whole studio: 403 for sessions of a game's key."""
    return Route(
        name=f"{page}_{path}",
        method=method,
        template=f"/dashboard/data/{page}/{path}",
        operation_id=f"dashboard_{page}_{path}",
        tag="Dashboard",
        summary=summary,
        description=description,
        keys=frozenset({SIGNED_IN_BY}),
        parameters=parameters,
        answers=(Answer(kind=answer, description=summary),),
        errors=(403, *errors),
    )
