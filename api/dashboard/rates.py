"""How often the dashboard's data may be asked for: by one key's sessions together, and from one address.

The page asks some 20 times in 10 s; a limit is for fifty of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.edge.limits import dashboard_address_bucket, dashboard_key_bucket
from schemas.edge.ports import Counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

    from api.dashboard.access import Principal
    from schemas.edge.ports import RateLimiter

CALLS: Final = 1_000
PERIOD_MS: Final = 10_000


class TooMany(Exception):
    """A limit was met; waiting `retry_after_ms` suffices. `scope` is `key` or `address`."""

    def __init__(self, scope: str, retry_after_ms: int) -> None:
        super().__init__(scope)
        self.scope = scope
        self.retry_after_ms = retry_after_ms


class Rates:
    """Counts calls for all processes. Without a session only the address is known."""

    def __init__(
        self,
        limiter: RateLimiter,
        client_ip: Callable[[Request], str],
        *,
        calls_max: int = CALLS,
        period_ms: int = PERIOD_MS,
    ) -> None:
        self._limiter = limiter
        self._client_ip = client_ip
        self._calls_max = calls_max
        self._period_ms = period_ms

    async def count(self, request: Request, principal: Principal | None) -> None:
        """Take one call. Raises TooMany, and StoreUnavailable."""
        address = dashboard_address_bucket(self._client_ip(request))
        calls = [Counted(address, self._calls_max, self._period_ms, "address")]
        if principal is not None:
            key = dashboard_key_bucket(principal.credential.key_id)
            calls.append(Counted(key, self._calls_max, self._period_ms, "key"))
        verdict, met = await self._limiter.take_all(calls)
        if not verdict.allowed:
            raise TooMany(met.scope, verdict.retry_after_ms)
