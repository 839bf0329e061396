"""A leaderboard's events for as long as the session that asked for them is valid."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from fastapi import Request, Response

from api.dashboard.access import NoSuchGame, SessionAuthenticator, SignedOut
from api.dashboard.responses import error_response, signed_out, unavailable
from api.dashboard.security import PRIVATE_HEADERS
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from api.dashboard.ports import LiveopsSource
    from api.liveops.game_boards import FoundBoard
    from schemas.edge.cors import RawHeaders
    from schemas.edge.ports import Game

STANDING_SECONDS: Final = 3.0
"""How often an open stream checks that its session is still valid. The directory is up to a second old: a
revoked key receives events for 5 s at most."""
_CROWDED_WAIT: Final = "10"
_OWN: Final = frozenset({"cache-control", "content-type"})
_HEADERS: Final[RawHeaders] = tuple(
    (name.lower().encode(), value.encode())
    for name, value in PRIVATE_HEADERS.items()
    if name.lower() not in _OWN
)


class BoardResponse(Response):
    """Hands the connection to live-ops' stream reader, and takes it back when the session has ended."""

    def __init__(
        self,
        source: LiveopsSource,
        game: Game,
        found: FoundBoard,
        request: Request,
        authenticator: SessionAuthenticator,
    ) -> None:
        super().__init__()
        self._source = source
        self._game = game
        self._found = found
        self._request = request
        self._authenticator = authenticator
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the board closes, the page leaves, or the session ends."""
        following = asyncio.ensure_future(self._follow(scope, receive, send))
        try:
            while not (await asyncio.wait({following}, timeout=STANDING_SECONDS))[0]:
                if not await self._stands():
                    break
        finally:
            ended = following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        if ended and self._begun:
            await send({"type": "http.response.body", "body": b""})
        elif ended:
            await signed_out()(scope, receive, send)

    async def _follow(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            self._begun = True
            await send(message)

        try:
            refused = await self._source.follow(
                self._game, self._found, scope, receive, sending, headers=_HEADERS
            )
            if refused is None:
                return
            status, message = refused
            if status == 503:
                answer = unavailable()
            elif status == 429:
                answer = error_response(status, "rate_limited", message, wait=_CROWDED_WAIT)
            else:
                answer = error_response(status, "bad_parameter", message)
        except StoreUnavailable:
            if self._begun:  # nothing can be answered any more: the stream ends, the page comes back
                await send({"type": "http.response.body", "body": b""})
                return
            answer = unavailable()
        await answer(scope, receive, send)

    async def _stands(self) -> bool:
        try:
            principal = await self._authenticator.principal(self._request)
            await self._authenticator.game(principal, self._found.board.game_id)
        except (SignedOut, NoSuchGame):
            return False
        except StoreUnavailable:
            return True  # unknown for now; the directory is asked again soon
        return True
