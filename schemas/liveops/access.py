"""Who may call S3's reads and writes: keys, rates, player secrets. Both HTTP edges ask it.

A read is checked for key, rate, kind of key and secret, a write for key, kind of key, rate and secret.
Source: contract/liveops.md, "Player secret" and "Rate limits".
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Sequence
from typing import Final

import msgspec

from schemas.edge.authentication import Ambiguous, Headers, header, s3_key
from schemas.edge.cors import RawHeaders
from schemas.edge.credentials import Credentials, count_unknown_key
from schemas.edge.errors import Refused, retry_after
from schemas.edge.ports import Counted, Credential, Game, KeyKind, RateLimiter, Verdict
from schemas.edge.routes import Proof
from schemas.edge.sdk_limits import Kind, rate_limit_headers, sdk_calls, server_calls
from schemas.identifiers import key_hash
from schemas.liveops.ports import PlayerReads

SECRET_AGE_MAX_S: Final = 1.0
"""A change of a secret waits this long before the answer, so that no process takes the old one after."""
_SECRETS_MAX: Final = 20_000
_KINDS: Final = frozenset({KeyKind.SDK_LIVE, KeyKind.SDK_TEST, KeyKind.SDK_SERVER})


class Caller(msgspec.Struct, frozen=True, gc=False):
    """A key's studio and the game it belongs to."""

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
    """Checks of one process. Registered secrets' hashes are kept for at most `SECRET_AGE_MAX_S`.

    Every method raises StoreUnavailable where its store is away.
    """

    def __init__(
        self,
        credentials: Credentials,
        limiter: RateLimiter,
        players: PlayerReads,
        monotonic: Callable[[], float],
    ) -> None:
        self._credentials = credentials
        self._limiter = limiter
        self._players = players
        self._monotonic = monotonic
        self._secrets: dict[tuple[str, str], tuple[float, str]] = {}
        """(game, player) -> (usable until, hash), of registered players alone."""

    async def caller(self, headers: Headers, ip: str) -> Caller:
        """Whose key was presented. Raises `Refused`: 401 for no such key, 429 for too many of those."""
        try:
            presented = s3_key(headers)
        except Ambiguous as error:
            raise Refused(401, str(error)) from None
        if not presented:
            raise Refused(401, "the key is missing: send Authorization: Bearer or X-Api-Key")
        credential = await self._credentials.credential(presented)
        if credential is not None and credential.kind in _KINDS:
            game = await self._credentials.game(credential.game_id)
            if game is not None:
                return Caller(credential, game)
        verdict = await count_unknown_key(self._limiter, ip)
        if not verdict.allowed:
            raise _too_many(verdict, (), "address")
        raise Refused(401, "the key is not valid here")

    async def count(
        self, caller: Caller, kind: Kind, *, ip: str, player: str, register: bool = False
    ) -> RawHeaders:
        """Take one call of the rates; the RateLimit headers. None where the game has no limit.

        Raises `Refused` (429), with the headers of the limit that was met.
        """
        limits, key_id = caller.game.limits, caller.credential.key_id
        calls: Sequence[Counted]
        if caller.is_server:
            calls = server_calls(limits, key_id=key_id)
        else:
            calls = sdk_calls(
                limits, kind, game_id=caller.game.id, key_id=key_id, ip=ip, player=player, register=register
            )
        if not calls:
            return ()
        verdict, met = await self._limiter.take_all(calls)
        headers = rate_limit_headers(verdict, met)
        if not verdict.allowed:
            raise _too_many(verdict, headers, met.scope)
        return headers

    async def prove(self, headers: Headers, caller: Caller, proof: Proof, player: str) -> None:
        """Check the player's secret where the route's `proof` asks for it.

        Raises `Refused` (401). A server key needs no secret.
        """
        if caller.is_server or proof == "none":
            return
        try:
            presented = header(headers, b"x-player-secret")
        except Ambiguous as error:
            raise Refused(401, str(error)) from None
        held = await self._secret_hash(caller.game.id, player)
        if not held and proof == "registered":
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


def check_kind(caller: Caller, kinds: Collection[KeyKind]) -> None:
    """Raise `Refused` (403) for a key of another kind than a route takes."""
    if caller.credential.kind not in kinds:
        raise Refused(403, "this route takes a server key (lo_srv_), not an SDK key")


def _too_many(verdict: Verdict, headers: RawHeaders, scope: str) -> Refused:
    wait = retry_after(verdict.retry_after_ms)
    return Refused(
        429,
        f"too many requests of this {scope}; retry after {wait} s",
        headers=(*headers, (b"retry-after", wait.encode())),
        retryAfterMs=verdict.retry_after_ms,
        scope=scope,
    )
