"""Who may write what: keys, rates, player secrets. The order is key, kind of key, rate, secret.

Source: contract/liveops.md, "Player secret" and "Rate limits". The read side has a twin of this,
`api/liveops/access.py`: the two rooms share no code but `schemas`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

import msgspec

from schemas.edge.authentication import Ambiguous, header, s3_key
from schemas.edge.cors import RawHeaders
from schemas.edge.errors import retry_after
from schemas.edge.ports import Credential, Game, KeyKind, Verdict
from schemas.edge.routes import Found
from schemas.edge.sdk_limits import rate_limit_headers, sdk_calls, server_calls
from schemas.identifiers import key_hash
from schemas.liveops.ports import PlayerReads
from streams.gateway.http import Refused, Request
from streams.gateway.liveops.routes import REGISTER
from streams.gateway.services import Services

SECRET_AGE_MAX_S: Final = 1.0
"""A registered secret's hash is kept no longer; a first registration is never remembered as missing."""
_SECRETS_MAX: Final = 20_000
_KINDS: Final = frozenset({KeyKind.SDK_LIVE, KeyKind.SDK_TEST, KeyKind.SDK_SERVER})


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Whose key it is, and the game it speaks for."""

    credential: Credential
    game: Game

    @property
    def is_server(self) -> bool:
        """A studio's server: it needs no player secret."""
        return self.credential.kind == KeyKind.SDK_SERVER

    @property
    def is_test(self) -> bool:
        """A key of development and tests."""
        return self.credential.kind == KeyKind.SDK_TEST


class Access:
    """Checks of one process."""

    def __init__(self, services: Services, players: PlayerReads, monotonic: Callable[[], float]) -> None:
        self._services = services
        self._players = players
        self._monotonic = monotonic
        self._secrets: dict[tuple[str, str], tuple[float, str]] = {}

    async def caller(self, request: Request, found: Found) -> Caller:
        """Whose key was presented.

        Raises `Refused`: 401 for no such key, 403 for an SDK key on a server's route.
        """
        try:
            presented = s3_key(request.raw_headers)
        except Ambiguous as error:
            raise Refused(401, str(error)) from None
        if not presented:
            raise Refused(401, "the key is missing: send Authorization: Bearer or X-Api-Key")
        credential = await self._services.credential(presented)
        game = None
        if credential is not None and credential.kind in _KINDS:
            game = await self._services.game(credential.game_id)
        if credential is None or game is None:
            verdict = await self._services.count_unknown_key(request)
            raise (
                Refused(401, "the key is not valid here")
                if verdict.allowed
                else _too_many(verdict, (), "address")
            )
        caller = Caller(credential, game)
        if credential.kind not in found.route.keys:
            raise Refused(403, "this route takes a server key (lo_srv_), not an SDK key")
        return caller

    async def count(self, request: Request, caller: Caller, found: Found) -> RawHeaders:
        """Take one call of the rates; the RateLimit headers. None where the game has no limit.

        Raises `Refused` (429), with the headers of the limit that was met.
        """
        limits, key_id = caller.game.limits, caller.credential.key_id
        if caller.is_server:
            calls = server_calls(limits, key_id=key_id)
        else:
            calls = sdk_calls(
                limits,
                "write",
                game_id=caller.game.id,
                key_id=key_id,
                ip=self._services.source_ip(request),
                player=found.names["externalId"],
                register=found.route is REGISTER,
            )
        if not calls:
            return ()
        verdict, met = await self._services.limiter.take_all(calls)
        headers = rate_limit_headers(verdict, met)
        if not verdict.allowed:
            raise _too_many(verdict, headers, met.scope)
        return headers

    async def prove(self, request: Request, caller: Caller, found: Found) -> None:
        """Check the player's secret where the route asks for it.

        Raises `Refused` (401). A server key needs no secret.
        """
        if caller.is_server or found.route.proof == "none":
            return
        player = found.names["externalId"]
        try:
            presented = header(request.raw_headers, b"x-player-secret")
        except Ambiguous as error:
            raise Refused(401, str(error)) from None
        held = await self._secret_hash(caller.game.id, player)
        if not held and found.route.proof == "registered":
            return
        if not presented:
            raise Refused(401, "X-Player-Secret is missing")
        given = key_hash(presented)
        if held and hmac.compare_digest(given, held):
            return
        # Perhaps it changed since: what memory says is not enough to refuse.
        held = await self._secret_hash(caller.game.id, player, fresh=True)
        if not held or not hmac.compare_digest(given, held):
            raise Refused(401, "X-Player-Secret is not this player's")

    async def _secret_hash(self, game_id: str, external_id: str, *, fresh: bool = False) -> str:
        key = (game_id, external_id)
        asked = self._monotonic()
        known = self._secrets.get(key)
        if known is not None and asked < known[0] and not fresh:
            return known[1]
        row = await self._players.player(game_id, external_id)
        if row is None or not row.secret_hash:
            self._secrets.pop(key, None)
            return ""
        if len(self._secrets) >= _SECRETS_MAX:
            self._secrets.clear()
        # Counted from before the store was asked, so that a secret is never older than promised.
        self._secrets[key] = (asked + SECRET_AGE_MAX_S, row.secret_hash)
        return row.secret_hash


def _too_many(verdict: Verdict, headers: RawHeaders, scope: str) -> Refused:
    wait = retry_after(verdict.retry_after_ms)
    return Refused(
        429,
        f"too many requests of this {scope}; retry after {wait} s",
        headers=(*headers, (b"retry-after", wait.encode())),
        retryAfterMs=verdict.retry_after_ms,
        scope=scope,
    )
