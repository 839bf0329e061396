"""`/dashboard/data/s1/*`: reads of S1's Management API for sessions, answered by S1's own handlers.

What is below `/dashboard/data/s1` is called, takes and answers what it does below `/api/v1`: the page shows
the figures of the REST call that it offers to copy. A session of a game's secret key sees its game alone.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from api.dashboard.access import NoSuchGame, Principal, SessionAuthenticator, SignedOut
from api.dashboard.parameters import BadParameter
from api.dashboard.rates import TooMany
from api.dashboard.responses import KeyNeeded, NotFound, data_router
from api.dashboard.routes_management import MANAGEMENT
from api.dashboard.security import PRIVATE_HEADERS
from api.telemetry import errors
from api.telemetry.access import Gate
from schemas.edge import zod_query
from schemas.edge.routes import bind
from schemas.telemetry.access import Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from api.dashboard.rates import Rates
    from api.dashboard.responses import Answer
    from api.telemetry.sections import Handler, Section
    from schemas.edge.ports import Game, RateLimiter
    from schemas.edge.routes import Route
    from schemas.edge.zod import Issue


class SessionCaller(Caller, frozen=True):
    """A session as S1's handlers know who asks."""

    principal: Principal


class SessionGate(Gate):
    """Which games S1's handlers show to a session. Whether there is one is asked before."""

    def __init__(
        self,
        authenticator: SessionAuthenticator,
        limiter: RateLimiter,
        client_ip: Callable[[Request], str],
    ) -> None:
        super().__init__(authenticator.directory, limiter, client_ip)
        self._authenticator = authenticator

    async def game(self, caller: Caller, id_or_slug: str) -> Game:
        """The session's game of this id or slug. Raises `errors.Refused` 404 for any other."""
        try:
            return await self._authenticator.game(_principal(caller), id_or_slug)
        except NoSuchGame as error:
            raise errors.not_found("Game") from error

    async def games(self, caller: Caller) -> list[Game]:
        """The session's games."""
        return await self._authenticator.games(_principal(caller))


class ManagementData:
    """The endpoints. All are GET, need the session cookie, and hold only the session's games."""

    def __init__(
        self,
        authenticator: SessionAuthenticator,
        rates: Rates,
        gate: SessionGate,
        sections: Sequence[Section],
    ) -> None:
        self._authenticator = authenticator
        self._rates = rates
        handlers = {name: one for section in sections for name, one in section.handlers(gate).items()}
        self._bound = bind(
            MANAGEMENT.values(),
            {route.name: self._answer(route, handlers[name]) for name, route in MANAGEMENT.items()},
        )

    def router(self) -> APIRouter:
        """The routes under /dashboard/data/s1."""
        return data_router(self._authenticator, self._rates, self._bound)

    def _answer(self, route: Route, handler: Handler) -> Answer:
        async def answer(request: Request, principal: Principal) -> Response:
            caller = await self._caller(principal)
            try:
                values = zod_query.read(route.parameters, request.query_params)
                found = await handler(request, caller, values)
            except zod_query.Invalid as invalid:
                raise _bad(invalid.issues) from invalid
            except errors.Refused as refused:
                raise _refusal(refused) from refused
            return _private(found)

        return answer

    async def _caller(self, principal: Principal) -> SessionCaller:
        """AI reads of sessions have a bucket of their own beside their key's."""
        credential = principal.credential
        studio = await self._authenticator.directory.studio(credential.studio_id)
        if studio is None:
            raise SignedOut
        return SessionCaller(studio, f"dashboard:{credential.key_id}", principal)


def _principal(caller: Caller) -> Principal:
    if not isinstance(caller, SessionCaller):
        raise TypeError("a caller without a session")
    return caller.principal


def _private(found: Response) -> Response:
    found.headers.update(PRIVATE_HEADERS)
    return found


def _bad(issues: Sequence[Issue]) -> BadParameter:
    first = issues[0]
    return BadParameter(".".join(map(str, first.path)), first.message)


def _refusal(refused: errors.Refused) -> Exception:
    """S1's refusal as this page's."""
    body = refused.body
    if refused.status == HTTPStatus.BAD_REQUEST:
        return _bad(body["issues"])
    if refused.status == HTTPStatus.TOO_MANY_REQUESTS:
        return TooMany("key", body["retryAfterMs"])
    if refused.status == HTTPStatus.PAYMENT_REQUIRED:
        return KeyNeeded(f"{body['error']}.")
    return NotFound(f"{body['error']}.")
