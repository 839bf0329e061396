"""The reads' refusals: `{error, …extra}` with the reference's literals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Response

from schemas.edge.errors import retry_after
from schemas.telemetry.errors import S1Text

if TYPE_CHECKING:
    from schemas.edge.ports import Verdict
    from schemas.edge.zod import Issue


class Refused(Exception):
    """A request that is answered with an error: its status, body and headers."""

    def __init__(
        self, status: int, error: str, *, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(f"{status} {error}")
        self.status = status
        self.body = {"error": str(error), **extra}
        self.headers = headers or {}

    def response(self) -> Response:
        """The refusal as HTTP."""
        return Response(
            msgspec.json.encode(self.body),
            status_code=self.status,
            media_type="application/json",
            headers=self.headers,
        )


def missing_token() -> Refused:
    """No `Authorization: Bearer` header."""
    return Refused(401, S1Text.MISSING, headers={"WWW-Authenticate": "Bearer"})


def invalid_key() -> Refused:
    """A key that is unknown, revoked or of another surface."""
    return Refused(401, S1Text.INVALID_KEY, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def wrong_scope() -> Refused:
    """An ingest key where a management key is needed."""
    return Refused(403, "This endpoint needs a management key", requiredScope="management")


def limited(verdict: Verdict, scope: str) -> Refused:
    """An empty bucket: `scope` is ip or key."""
    return Refused(
        429,
        S1Text.RATE_LIMITED,
        retryAfterMs=verdict.retry_after_ms,
        scope=scope,
        headers={"Retry-After": retry_after(verdict.retry_after_ms)},
    )


def requires_premium(error: str) -> Refused:
    """A read that asks an AI, for a studio that has given it no key."""
    return Refused(402, error, ok=False, requiresPremium=True)


def invalid(issues: list[Issue]) -> Refused:
    """Query parameters that failed validation."""
    return Refused(400, S1Text.QUERY, issues=issues)


def not_found(what: str) -> Refused:
    """Something that is not there, or not the caller's: the same answer in both cases."""
    return Refused(404, f"{what} not found")
