"""The data of the page of playtests as routes. Part of `routes`."""

from __future__ import annotations

from functools import partial
from typing import Final

from api.dashboard.playtests_answers import BatchPanel, Credit, Page, SessionKeyAnswer
from api.dashboard.routes_parts import GAME, studio_route
from schemas.edge.parameters import Parameter, Text
from schemas.playtests import responses as s2
from schemas.playtests.pages import CURSOR_CHARACTERS_MAX, CURSOR_PATTERN

_PLAYTEST: Final = Parameter(name="playtest", kind=Text(), description="A playtest's id.")
_SLOT: Final = Parameter(name="slot", kind=Text(), description="A slot's id.")
_CURSOR: Final = Parameter(
    name="cursor",
    kind=Text(1, CURSOR_CHARACTERS_MAX, CURSOR_PATTERN),
    description="`cursor` of the page before.",
)


_route: Final = partial(studio_route, "playtests")
PLAYTESTS: Final = (
    _route("credit", "The studio's credit and summary", Credit),
    _route("orders", "A game's playtests", Page[s2.GamePlaytests], GAME, _CURSOR, errors=(404,)),
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
    _route("batches", "A game's key batches", BatchPanel, GAME, errors=(404,)),
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
