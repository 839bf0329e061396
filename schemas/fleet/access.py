"""Who may call S5's routes, and how often: a project's server or client key. Both HTTP edges ask it.

Every answer after authentication carries `X-RateLimit-Limit` and `X-RateLimit-Remaining`.
Source: the S5 reference and contract/fleet.md; a request is checked for key (401), rate (429) and kind of key
(403), in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Final

import msgspec

from schemas.edge.authentication import Headers, s5_key
from schemas.edge.credentials import count_unknown_key
from schemas.edge.errors import Refused, retry_after
from schemas.edge.limited import Limited
from schemas.edge.limits import SECOND_MS
from schemas.edge.ports import Directory, KeyKind, RateLimiter
from schemas.edge.presented_keys import PresentedKeys
from schemas.edge.session_keys import SessionKeys

SERVER: Final = frozenset({KeyKind.HOSTING_SERVER})
ANY: Final = SERVER | {KeyKind.HOSTING_CLIENT}
READS_PER_SECOND: Final = 100
"""GET and HEAD, for each key."""
WRITES_PER_SECOND: Final = 10
"""All other methods, for each key."""
_READING: Final = frozenset({"GET", "HEAD"})


class Caller(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whose key was presented."""

    studio_id: str
    project_id: str
    """The game's id."""
    key_id: str
    server: bool
    """Whether it is a server key; else a client key, which players have."""


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
        self._keys = PresentedKeys(directory, s5_key, ANY, now_ms, session_keys)
        self._limiter = limiter

    async def enter(
        self, headers: Headers, ip: str, method: str, kinds: Collection[KeyKind], limited: Limited
    ) -> Caller:
        """Who calls a route that takes `kinds` of keys; an unknown path takes a server's.

        Raises `Refused`: 401 for no key of S5, 429 over the rate, 403 for a client key where a server key is
        asked for. `limited` gets the headers of the limit that was asked.
        """
        credential = await self._keys.credential(headers)
        if credential is None:
            raise await self._unknown(ip)
        await self._count(credential.key_id, method, limited)
        if credential.kind not in kinds:
            raise Refused(
                403,
                "this needs the project's server key (pf_…); client keys list and read running servers",
                code="server_key_required",
            )
        return Caller(
            studio_id=credential.studio_id,
            project_id=credential.game_id,
            key_id=credential.key_id,
            server=credential.kind == KeyKind.HOSTING_SERVER,
        )

    async def _unknown(self, ip: str) -> Refused:
        verdict = await count_unknown_key(self._limiter, ip)
        if verdict.allowed:
            return Refused(401, "the api-key header is missing, or its key is not valid here")
        return _too_many(verdict.retry_after_ms)

    async def _count(self, key_id: str, method: str, limited: Limited) -> None:
        kind, limit = ("read", READS_PER_SECOND) if method in _READING else ("write", WRITES_PER_SECOND)
        take = partial(self._limiter.take, f"s5_{kind}:{key_id}", limit=limit, period_ms=SECOND_MS)
        limited.charge = take
        verdict = await take()
        limited.headers = (
            (b"x-ratelimit-limit", b"%d" % limit),
            (b"x-ratelimit-remaining", b"%d" % verdict.remaining),
        )
        if not verdict.allowed:
            raise _too_many(verdict.retry_after_ms)


def _too_many(retry_after_ms: int) -> Refused:
    return Refused(
        429,
        "Rate limit exceeded",
        detail="Rate limit exceeded. Please retry after a short wait.",
        headers=((b"retry-after", retry_after(retry_after_ms).encode()),),
    )
