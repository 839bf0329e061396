"""The data of the page of game servers as routes. Part of `routes`."""

from __future__ import annotations

from typing import Any, Final

from api.dashboard.fleet_answers import HostPanel, LogTail, ServerStates
from api.dashboard.playtests_answers import SessionKeyAnswer
from api.dashboard.routes_parts import GAME, studio_route
from projections.fleet.queries.logs import TOKEN_CHARACTERS
from schemas.edge.parameters import Choice, Integer, Parameter, Text
from schemas.edge.routes import Route
from schemas.fleet import responses as s5
from schemas.fleet.route_parts import PERIODS

PAGE_MAX: Final = 2000
SHOWN: Final = ("live", "stopped")
_SERVER: Final = Parameter(name="server", kind=Text(), description="A server's id.")
_BUILD: Final = Parameter(name="build", kind=Text(), description="A build's id.")
_PAGE: Final = Parameter(
    name="page", kind=Integer(1, PAGE_MAX), description="Which 50 of them, newest first.", default=1
)
_SHOW: Final = Parameter(
    name="show", kind=Choice(SHOWN), description="Those that live, or that stopped.", default=SHOWN[0]
)
_PERIOD: Final = Parameter(name="period", kind=Choice(tuple(PERIODS)), description="Up to now.", default="5m")
_AFTER: Final = Parameter(
    name="after",
    kind=Text(TOKEN_CHARACTERS, TOKEN_CHARACTERS, "[A-Za-z0-9_-]{30}"),
    description="`after` of the answer before; without it the newest lines.",
)


def _route(path: str, summary: str, answer: Any, *parameters: Parameter, **more: Any) -> Route:
    """404 where something is named: a game, a server, a build."""
    errors = (404,) if parameters else ()
    return studio_route("fleet", path, summary, answer, *parameters, errors=errors, **more)


FLEET: Final = (
    _route("states", "A game's servers by state", ServerStates, GAME),
    _route("servers", "A game's servers", s5.ServerList, GAME, _SHOW, _PAGE),
    _route("metrics", "What a server used", s5.ServerMetrics, GAME, _SERVER, _PERIOD),
    _route("logs", "What a server printed last, and since", LogTail, GAME, _SERVER, _AFTER),
    _route("builds", "A game's builds", s5.BuildList, GAME, _PAGE),
    _route("build_logs", "What was said of a build's processing", s5.BuildLogs, GAME, _BUILD),
    _route("hosts", "The deployment's hosts and their room", HostPanel),
    _route(
        "key",
        "A key of S5 for this session",
        SessionKeyAnswer,
        GAME,
        method="POST",
        description="With it, as `api-key`, the page calls S5's own writes as the project's server. It "
        "expires in five minutes, with the session and with the key that signed in, and is refused where "
        "the browser does not say that a page of this address asks.",
    ),
)
