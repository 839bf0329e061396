"""Who may call S1: its client-safe routes, and its Management API; and which game is meant.

For writes and reads alike. An unknown game and another studio's are the same: none. Source: the S1 reference,
"Authentication", and contract/telemetry.md, "S1 ingest".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from schemas.edge.errors import Refused, retry_after
from schemas.edge.limits import MINUTE_MS, PLAN_PER_MINUTE, READS_PER_MINUTE_IP, read_bucket, read_key_bucket
from schemas.edge.ports import Credential, Directory, Game, KeyKind, RateLimiter, Studio, Verdict
from schemas.telemetry.errors import S1Text


async def ingest_credential(
    credential_of: Callable[[str], Awaitable[Credential | None]],
    presented: str,
    count_unknown: Callable[[], Awaitable[Verdict]],
) -> Credential:
    """The principal of an ingest key; raises `Refused` (401, 403, 429) for any other.

    `count_unknown` takes from the bucket that all unknown keys of one address share.
    """
    if not presented:
        raise Refused(401, S1Text.MISSING, code=S1Text.MISSING)
    credential = await credential_of(presented)
    if credential is not None and credential.kind == KeyKind.INGEST:
        return credential
    if credential is not None and credential.kind == KeyKind.MANAGEMENT:
        raise Refused(403, S1Text.WRONG_SCOPE, requiredScope="ingest")
    verdict = await count_unknown()
    if not verdict.allowed:
        raise rate_limited(verdict.retry_after_ms)
    raise Refused(401, S1Text.INVALID_KEY)


async def studio_game(
    game_of: Callable[[str], Awaitable[Game | None]], directory: Directory, studio_id: str, id_or_slug: str
) -> Game | None:
    """The studio's own game by id or slug; None alike for an unknown one and another studio's."""
    game = await game_of(id_or_slug)
    if game is not None and game.studio_id == studio_id:
        return game
    return await directory.game_by_slug(studio_id, id_or_slug)


def rate_limited(retry_after_ms: int, scope: str = "ip") -> Refused:
    """The limit of a source address or of a key is used up."""
    wait = ((b"retry-after", retry_after(retry_after_ms).encode()),)
    return Refused(429, S1Text.RATE_LIMITED, headers=wait, retryAfterMs=retry_after_ms, scope=scope)


COUNTED: Final = "questlog.address_counted"
"""In the scope of a request that this process makes of one that it has: its address is counted already."""


class Caller(msgspec.Struct, frozen=True):
    """Whose management key it is."""

    studio: Studio
    key_id: str


class ManagementAccess:
    """Lets management keys in. Both buckets are shared by all processes; refused calls count too."""

    def __init__(self, directory: Directory, limiter: RateLimiter) -> None:
        self._directory = directory
        self._limiter = limiter

    async def enter(self, presented: str, ip: str | None) -> Caller:
        """Who may call: the bucket of the address, then the key, then its own bucket, in this order.

        No address: its bucket was taken before. Raises `Refused` (401, 403, 429) or StoreUnavailable.
        """
        caller = await self.identify(presented, ip)
        limit = PLAN_PER_MINUTE.get(caller.studio.plan, PLAN_PER_MINUTE["free"])
        await self.take(read_key_bucket(caller.key_id), limit, "key")
        return caller

    async def identify(self, presented: str, ip: str | None) -> Caller:
        """Whose key it is, without its bucket. Raises as `enter`."""
        if ip is not None:
            await self.take(read_bucket(ip), READS_PER_MINUTE_IP, "ip")
        if not presented:
            raise _unauthorized(S1Text.MISSING, b"Bearer")
        credential = await self._directory.credential(presented)
        if credential is not None and credential.kind == KeyKind.INGEST:
            raise Refused(
                403, S1Text.MANAGEMENT_ONLY, code=S1Text.MANAGEMENT_ONLY, requiredScope="management"
            )
        known = credential is not None and credential.kind == KeyKind.MANAGEMENT
        studio = await self._directory.studio(credential.studio_id) if credential and known else None
        if credential is None or studio is None:
            raise _unauthorized(S1Text.INVALID_KEY, b'Bearer error="invalid_token"')
        return Caller(studio, credential.key_id)

    async def take(self, bucket: str, limit: int, scope: str) -> None:
        """Count a call. Raises `Refused` (429), whose `scope` is ip or key, or StoreUnavailable."""
        verdict = await self._limiter.take(bucket, limit=limit, period_ms=MINUTE_MS, count_refused=True)
        if not verdict.allowed:
            raise rate_limited(verdict.retry_after_ms, scope)


def _unauthorized(text: S1Text, challenge: bytes) -> Refused:
    return Refused(401, text, code=text, headers=((b"www-authenticate", challenge),))
