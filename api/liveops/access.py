"""Who may read what: keys, rates, player secrets. The order is key, rate, secret.

Source: contract/liveops.md, "Player secret" and "Rate limits".
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from api.liveops.http import Call, Refused, check_id
from schemas.edge.authentication import Ambiguous, header, s3_key
from schemas.edge.errors import retry_after
from schemas.edge.limits import UNKNOWN_KEYS_PER_SECOND, unknown_bucket
from schemas.edge.ports import UNKNOWN, Credential, Game, KeyKind, Unknown
from schemas.edge.sdk_limits import rate_limit_headers, sdk_calls, server_calls
from schemas.identifiers import key_hash

if TYPE_CHECKING:
    from schemas.edge.ports import Counted, Directory, RateLimiter, Verdict
    from schemas.edge.proxy import TrustedProxies
    from schemas.liveops.ports import PlayerReads

SECRET_AGE_MAX_S: Final = 1.0
"""Whoever changes a secret waits this long before the answer, so that no process takes the old one after."""
_SECRETS_MAX: Final = 20_000
_SDK_KINDS: Final = frozenset({KeyKind.SDK_LIVE, KeyKind.SDK_TEST})


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Whose key it is, and the game it speaks for."""

    credential: Credential
    game: Game

    @property
    def is_server(self) -> bool:
        """A studio's server: it needs no player secret."""
        return self.credential.kind == KeyKind.SDK_SERVER


def _no_memory(_: str) -> Unknown:
    return UNKNOWN


class Access:
    """Checks of one process. Registered secrets' hashes are kept for at most `SECRET_AGE_MAX_S`."""

    def __init__(
        self,
        *,
        directory: Directory,
        limiter: RateLimiter,
        players: PlayerReads,
        proxies: TrustedProxies,
        monotonic: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._limiter = limiter
        self._players = players
        self._proxies = proxies
        self._monotonic = monotonic
        self._secrets: dict[tuple[str, str], tuple[float, str]] = {}
        """(game, player) -> (usable until, hash), of registered players alone."""
        self._cached_credential: Callable[[str], Credential | Unknown | None] = getattr(
            directory, "cached_credential", _no_memory
        )
        self._cached_game: Callable[[str], Game | Unknown | None] = getattr(
            directory, "cached_game", _no_memory
        )

    async def enter(self, call: Call) -> Caller:
        """Check what the call's route says of who may call.

        The call counts for (key, player), or (key, address) where the path has no player. Raises `Refused`:
        401 for no such key, 429 over the rate, 400 for an id in the path that is none, 403 for a key of
        another kind, 401 for a secret that is none.
        """
        caller = await self._caller(call)
        limits, key_id = caller.game.limits, caller.credential.key_id
        if caller.is_server:
            await self._count(call, server_calls(limits, key_id=key_id))
        else:
            ip, player = self.source_ip(call), call.names.get("externalId", "")
            calls = sdk_calls(limits, "read", game_id=caller.game.id, key_id=key_id, ip=ip, player=player)
            await self._count(call, calls)
        for name, value in call.names.items():
            check_id(name, value)
        if caller.credential.kind not in call.route.keys:
            raise Refused(403, "this route takes a server key (lo_srv_), not an SDK key")
        if call.route.proof != "none":
            await self._prove(call, caller)
        return caller

    async def _prove(self, call: Call, caller: Caller) -> None:
        """Raises `Refused` (401). A server key needs no secret."""
        if caller.is_server:
            return
        player = call.names["externalId"]
        try:
            presented = header(call.raw_headers, b"x-player-secret")
        except Ambiguous as error:
            raise Refused(401, str(error)) from None
        held = await self._secret_hash(caller.game.id, player)
        if not held and call.route.proof == "registered":
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

    async def _caller(self, call: Call) -> Caller:
        try:
            presented = s3_key(call.raw_headers)
        except Ambiguous as error:
            raise Refused(401, str(error)) from None
        if not presented:
            raise Refused(401, "the key is missing: send Authorization: Bearer or X-Api-Key")
        credential = self._cached_credential(presented)
        if isinstance(credential, Unknown):
            credential = await self._directory.credential(presented)
        if credential is not None and (
            credential.kind in _SDK_KINDS or credential.kind == KeyKind.SDK_SERVER
        ):
            game = self._cached_game(credential.game_id)
            if isinstance(game, Unknown):
                game = await self._directory.game(credential.game_id)
            if game is not None:
                return Caller(credential, game)
        bucket = unknown_bucket(self.source_ip(call))
        verdict = await self._limiter.take(bucket, limit=UNKNOWN_KEYS_PER_SECOND, period_ms=1000)
        if not verdict.allowed:
            raise _too_many(verdict, "address")
        raise Refused(401, "the key is not valid here")

    async def _count(self, call: Call, calls: Sequence[Counted]) -> None:
        if not calls:
            return
        verdict, met = await self._limiter.take_all(calls)
        call.limits = rate_limit_headers(verdict, met)
        if not verdict.allowed:
            raise _too_many(verdict, met.scope)

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

    def source_ip(self, call: Call) -> str:
        """The client's address, through trusted proxies."""
        return self._proxies.source_ip(call.peer, call.raw_headers)


def _too_many(verdict: Verdict, scope: str) -> Refused:
    wait = retry_after(verdict.retry_after_ms)
    return Refused(
        429,
        f"too many requests of this {scope}; retry after {wait} s",
        headers=((b"retry-after", wait.encode()),),
        retryAfterMs=verdict.retry_after_ms,
        scope=scope,
    )
