"""Who may call S2's routes, and how often: an owner's or a playtester's key. Both HTTP edges ask it.

Every answer carries `X-RateLimit-*`: those of the key, and of the address where no key is known.
Source: contract/playtests.md; a request is checked for key (401), rate (429) and scope (403), in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Final

import msgspec

from schemas.edge.authentication import Headers, bearer
from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused, retry_after
from schemas.edge.limited import Limited
from schemas.edge.limits import MINUTE_MS, SECOND_MS, UNKNOWN_KEYS_PER_SECOND, unknown_bucket
from schemas.edge.ports import Directory, KeyKind, RateLimiter, StoreUnavailable, Verdict
from schemas.edge.presented_keys import PresentedKeys
from schemas.edge.proxy import counted_address
from schemas.edge.session_keys import SessionKeys

OWNER: Final = frozenset({KeyKind.PLAYTEST_OWNER})
PLAYTESTER: Final = frozenset({KeyKind.PLAYTESTER})
_KINDS: Final = OWNER | PLAYTESTER
_SCOPES: Final = {OWNER: "game_owner", PLAYTESTER: "playtester"}
OWNER_PER_MINUTE: Final = {"free": 100, "indie": 300, "studio": 1200}
"""For each key, by its studio's plan."""
PLAYTESTER_PER_MINUTE: Final = 120
KEYLESS_PER_MINUTE: Final = 600
"""For each address: the operator and the payment provider, who have no key."""


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Whose key was presented, or on whose behalf the operator or the provider asks."""

    studio_id: str
    playtester_id: str = ""
    """Empty for an owner."""
    key_id: str = ""


class Access:
    """Checks of one process. Every method raises StoreUnavailable where its store is away.

    Without `session_keys` the dashboard's sessions have no authority here.
    """

    def __init__(
        self,
        directory: Directory,
        limiter: RateLimiter,
        now_ms: Callable[[], int],
        session_keys: SessionKeys | None = None,
    ) -> None:
        self._directory = directory
        self._keys = PresentedKeys(directory, bearer, _KINDS, now_ms, session_keys)
        self._limiter = limiter
        self._now_ms = now_ms

    async def enter(self, headers: Headers, ip: str, kinds: Collection[KeyKind], limited: Limited) -> Caller:
        """Who calls a route for `kinds` of keys (any key of S2 where none is named).

        Raises `Refused`: 401 for no such key, 429 over the rate, 403 for a key of the other scope. `limited`
        gets the headers of the limit that was asked.
        """
        credential = await self._keys.credential(headers)
        if credential is None:
            raise await self.unknown(ip, limited)
        if credential.kind == KeyKind.PLAYTESTER:
            per_minute = PLAYTESTER_PER_MINUTE
        else:
            studio = await self._directory.studio(credential.studio_id)
            if studio is None:
                raise StoreUnavailable("the key's studio is not known yet")
            per_minute = OWNER_PER_MINUTE[studio.plan]
        await self._count(f"s2:{credential.key_id}", per_minute, MINUTE_MS, limited)
        if kinds and credential.kind not in kinds:
            scope = _SCOPES[frozenset(kinds)]
            raise Refused(403, f"this route takes a key of the scope {scope}", requiredScope=scope)
        return Caller(credential.studio_id, credential.tester_id, credential.key_id)

    async def count_address(self, ip: str, limited: Limited) -> None:
        """Count a call of who has no key. Raises `Refused` (429)."""
        await self._count(f"s2:ip:{counted_address(ip)}", KEYLESS_PER_MINUTE, MINUTE_MS, limited)

    async def unknown(self, ip: str, limited: Limited, message: str = "the key is not valid here") -> Refused:
        """The refusal of a credential that is missing or unknown: 401, and 429 for too many of those."""
        try:
            await self._count(unknown_bucket(ip), UNKNOWN_KEYS_PER_SECOND, SECOND_MS, limited)
        except Refused as too_many:
            return too_many
        return Refused(401, message)

    async def _count(self, bucket: str, limit: float, period_ms: int, limited: Limited) -> None:
        take = partial(self._limiter.take, bucket, limit=limit, period_ms=period_ms)
        limited.charge = take
        verdict = await take()
        limited.headers = _rate_limit_headers(verdict, limit, self._now_ms())
        if not verdict.allowed:
            wait = retry_after(verdict.retry_after_ms)
            raise Refused(
                429,
                f"too many requests; retry after {wait} s",
                headers=((b"retry-after", wait.encode()),),
                retryAfterMs=verdict.retry_after_ms,
            )


def _rate_limit_headers(verdict: Verdict, limit: float, now_ms: int) -> RawHeaders:
    """X-RateLimit-Limit, -Remaining and -Reset (unix seconds)."""
    return (
        (b"x-ratelimit-limit", b"%d" % limit),
        (b"x-ratelimit-remaining", b"%d" % verdict.remaining),
        (b"x-ratelimit-reset", b"%d" % -(-(now_ms + verdict.reset_ms) // 1000)),
    )
