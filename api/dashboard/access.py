"""The principal of a request: cookie → session → credential, asked of the directory every time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api.dashboard.session import OVER_HTTP, Cookie, SessionSigner
from schemas.edge.ports import Credential, EndedSessions, Game, KeyKind
from schemas.edge.session_keys import SIGNED_IN_BY
from schemas.identifiers import key_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

    from api.dashboard.ports import DashboardDirectory


class SignedOut(Exception):
    """No session, or one whose key was rotated or revoked."""


class NoSuchGame(Exception):
    """The game doesn't exist, or isn't this key's: the same answer for both."""


class NotAllowed(Exception):
    """The session's key, or the request, may not do that; the sentence says what may."""


class Principal(msgspec.Struct, frozen=True):
    """A valid session: its credential, and the moment it expires (unix milliseconds)."""

    credential: Credential
    expires_at_ms: int
    session: str
    """The session's name: sha256 hex of its token."""
    key_hash: str
    """Of the key that signed in."""


def for_studio(principal: Principal, otherwise: str) -> str:
    """The studio that the session may act for. Raises NotAllowed with that sentence for a game's key."""
    if principal.credential.kind != SIGNED_IN_BY:
        raise NotAllowed(otherwise)
    return principal.credential.studio_id


def opens_dashboard(credential: Credential) -> bool:
    """A management key opens all games of its studio; a secret key opens its own game."""
    return credential.kind in (KeyKind.MANAGEMENT, KeyKind.SECRET_API)


class SessionAuthenticator:
    """Checks sessions and games against the directory. Every method may raise StoreUnavailable."""

    def __init__(
        self,
        directory: DashboardDirectory,
        signer: SessionSigner,
        ended: EndedSessions,
        clock_ms: Callable[[], int],
        cookie: Cookie = OVER_HTTP,
    ) -> None:
        self.cookie = cookie
        self.directory = directory
        self.signer = signer
        self.ended = ended
        self.clock_ms = clock_ms

    async def principal(self, request: Request) -> Principal:
        """The request's access. Raises SignedOut."""
        token = request.cookies.get(self.cookie.name, "")
        session = self.signer.read(token, self.clock_ms())
        if session is None or await self.ended.ended(name := key_hash(token)):
            raise SignedOut
        credential = await self.directory.credential_by_hash(session.key_hash)
        if credential is None or not opens_dashboard(credential):
            raise SignedOut
        return Principal(credential, session.expires_at_ms, name, session.key_hash)

    async def end(self, request: Request) -> None:
        """End the request's session, wherever else its cookie may be. Without one nothing happens."""
        token = request.cookies.get(self.cookie.name, "")
        session = self.signer.read(token, self.clock_ms())
        if session is not None:
            await self.ended.end(key_hash(token), session.expires_at_ms)

    async def games(self, principal: Principal) -> list[Game]:
        """The games this access may see, by name."""
        credential = principal.credential
        if credential.kind == KeyKind.MANAGEMENT:
            games = await self.directory.games(credential.studio_id)
        else:
            game = await self.directory.game(credential.game_id)
            games = [game] if game is not None else []
        mine = [game for game in games if game.studio_id == credential.studio_id]
        return sorted(mine, key=lambda game: (game.name.lower(), game.id))

    async def game(self, principal: Principal, wanted: str) -> Game:
        """The game with that id or slug, if this access may see it. Raises NoSuchGame."""
        for game in await self.games(principal):
            if wanted in (game.id, game.slug):
                return game
        raise NoSuchGame
