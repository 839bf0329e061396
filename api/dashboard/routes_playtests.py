"""The data of the page of playtests as routes. Part of `routes`."""

from __future__ import annotations

from typing import Any, Final, Literal

from api.dashboard.playtests_answers import BatchPanel, Credit, Page, SessionKeyAnswer
from schemas.edge.parameters import Parameter, Text
from schemas.edge.routes import Answer, Route
from schemas.edge.session_keys import SIGNED_IN_BY
from schemas.playtests import responses as s2
from schemas.playtests.pages import CURSOR_CHARACTERS_MAX, CURSOR_PATTERN

_FORBIDDEN: Final = 403
_GAME: Final = Parameter(name="game", kind=Text(), description="The game's id or slug.", example="doom")
_PLAYTEST: Final = Parameter(name="playtest", kind=Text(), description="A playtest's id.")
_SLOT: Final = Parameter(name="slot", kind=Text(), description="A slot's id.")
_CURSOR: Final = Parameter(
    name="cursor",
    kind=Text(1, CURSOR_CHARACTERS_MAX, CURSOR_PATTERN),
    description="`cursor` of the page before.",
)


def _route(
    path: str,
    summary: str,
    answer: Any,
    *parameters: Parameter,
    errors: tuple[int, ...] = (),
    method: Literal["GET", "POST"] = "GET",
    description: str = "",
) -> Route:
    return Route(
        name=f"playtests_{path}",
        method=method,
        template=f"/dashboard/data/playtests/{path}",
        operation_id=f"dashboard_playtests_{path}",
        tag="Dashboard",
        summary=summary,
        description=description,
        keys=frozenset({SIGNED_IN_BY}),
        parameters=parameters,
        answers=(Answer(kind=answer, description=summary),),
        errors=(_FORBIDDEN, *errors),
    )


PLAYTESTS: Final = (
    _route("credit", "The studio's credit and summary", Credit),
    _route("orders", "A game's playtests", Page[s2.GamePlaytests], _GAME, _CURSOR, errors=(404,)),
    _route("slots", "A playtest's slots", Page[s2.Slots], _PLAYTEST, _CURSOR, errors=(404,)),
    _route("reviews", "Submissions that wait for their review", Page[s2.Submissions], _CURSOR),
    _route(
        "applications",
        "A playtest's applications",
        Page[s2.Applications],
        _PLAYTEST,
        _CURSOR,
        errors=(404,),
    ),
    _route("recording", "Where a recording can be played", s2.DownloadUrl, _SLOT, errors=(404,)),
    _route("batches", "A game's key batches", BatchPanel, _GAME, errors=(404,)),
    _route(
        "key",
        "A key of S2 for this session",
        SessionKeyAnswer,
        method="POST",
        description="With it the page calls S2's own routes as the studio's owner. It expires in five "
        "minutes, with the session and with the key that signed in, and is refused where the browser does "
        "not say that a page of this address asks.",
    ),
)
