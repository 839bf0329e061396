"""What the pages that act for a whole studio share: who sees their data, and the key that they act with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request

from api.dashboard.access import NotAllowed, Principal, SessionAuthenticator, for_studio
from api.dashboard.playtests_answers import SessionKeyAnswer
from api.dashboard.responses import data_router
from api.dashboard.security import NOT_OUR_PAGE, posted_by_our_page
from schemas.edge.routes import Route, bind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from api.dashboard.rates import Rates
    from api.dashboard.responses import Answer
    from schemas.edge.ports import Game
    from schemas.edge.session_keys import SessionKeys


class StudioData:
    """For sessions of a management key; any other is refused with `otherwise`."""

    def __init__(
        self, authenticator: SessionAuthenticator, rates: Rates, session_keys: SessionKeys, *, otherwise: str
    ) -> None:
        self._authenticator = authenticator
        self._rates = rates
        self._session_keys = session_keys
        self._otherwise = otherwise

    def router(self, routes: Iterable[Route], handlers: Mapping[str, Answer]) -> APIRouter:
        """The routes, each with the handler of its name."""
        return data_router(self._authenticator, self._rates, bind(routes, handlers))

    def studio(self, principal: Principal) -> str:
        """The session's studio. Raises NotAllowed."""
        return for_studio(principal, self._otherwise)

    async def game(self, request: Request, principal: Principal) -> Game:
        """The studio's game that the request names."""
        self.studio(principal)
        return await self._authenticator.game(principal, request.query_params.get("game", ""))

    def key(self, request: Request, principal: Principal, game: Game | None = None) -> bytes:
        """A key of this session for minutes, of the game if there is one. Our own page alone gets it."""
        self.studio(principal)
        if not posted_by_our_page(request):
            raise NotAllowed(NOT_OUR_PAGE)
        value, expires_at_ms = self._session_keys.issue(
            principal.session,
            principal.key_hash,
            session_expires_at_ms=principal.expires_at_ms,
            now_ms=self._authenticator.clock_ms(),
            game_id=game.id if game is not None else "",
        )
        return msgspec.json.encode(SessionKeyAnswer(key=value, expires_at=expires_at_ms))
